/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/plan.h"

#include "base/buf.h"
#include "view/counter.h"
#include "view/element.h"

#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

static const char *const plurals[OBJECT_KINDS] = {
	[OBJECT_TABLE] = "tables",	   [OBJECT_CHAIN] = "chains", [OBJECT_SET] = "sets",
	[OBJECT_ELEMENT] = "elements",	   [OBJECT_RULE] = "rules",   [OBJECT_STATEFUL] = "objects",
	[OBJECT_FLOWTABLE] = "flowtables",
};

/* ------------------------------------------------------------------ commands */

static json_t *names(const struct plan_step *step, const char *key, const char *name)
{
	return json_pack("{s:s, s:s, s:s}", "family", family_name(step->table->family), "table",
			 step->table->name, key, name);
}

static json_t *command(const char *verb, const char *word, json_t *body)
{
	return json_pack("{s:{s:o}}", verb, word, body);
}

/* The listing's body without what only a kernel gives. */
static json_t *listed(const json_t *body)
{
	json_t *copy = body ? json_copy((json_t *)(uintptr_t)body) : NULL;

	json_object_del(copy, "handle");
	json_object_del(copy, "elem");
	return copy;
}

static void put_comment_of(json_t *body, const char *comment)
{
	if (body && comment && !json_object_get(body, "comment"))
		json_object_set_new(body, "comment", json_string(comment));
}

static json_t *table_command(const struct plan_view *view, const struct plan_step *step)
{
	const struct table *table = step->table;
	json_t *body =
		json_pack("{s:s, s:s}", "family", family_name(table->family), "name", table->name);
	const char *verb = step->operation == OPERATION_DELETE ? "delete" : "add";

	(void)view;
	if (step->operation != OPERATION_DELETE) {
		put_comment_of(body, table_comment(table));
		if (attr_find_be32(buf_span(&table->attrs), NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT)
			json_object_set_new(body, "flags", json_string("dormant"));
	}
	return command(verb, "table", body);
}

/* Chains, sets, objects, flowtables: as listed, or by name to delete. */
static json_t *object_command(const struct plan_view *view, const struct plan_step *step,
			      const char *kind, const char *name)
{
	bool delete = step->operation == OPERATION_DELETE;
	const struct listing *listing = delete ? view->before : view->after;
	const char *word = kind;
	const json_t *body =
		listing_object(listing, step->table->family, step->table->name, kind, name, &word);

	if (delete)
		return command("delete", word, names(step, "name", name));
	return command("add", word, body ? listed(body) : names(step, "name", name));
}

static json_t *stateful_command(const struct plan_view *view, const struct plan_step *step)
{
	if (!view_is_plain_counter(step->object))
		return object_command(view, step, LISTING_STATEFUL, step->object->name);
	if (step->operation == OPERATION_DELETE)
		return command("delete", "counter", names(step, "name", step->object->name));
	return command("add", "counter", view_counter_json(step->table, step->object));
}

/* Listings of libnftables 1.0.6 leave out the devices of a chain; it reads one by name, later ones read
 * a list. */
static void put_devices(json_t *body, const struct chain *chain)
{
	struct span hook, devices;
	json_t *list = json_array();

	if (attr_find(buf_span(&chain->attrs), NFTA_CHAIN_HOOK, &hook) &&
	    attr_find(hook, NFTA_HOOK_DEVS, &devices))
		attr_for_each(device, devices) {
			json_array_append_new(list, json_string(attr_text(device.body)));
		}
	if (json_array_size(list) && !json_object_get(body, "dev"))
		json_object_set(body, "dev",
				json_array_size(list) == 1 ? json_array_get(list, 0) : list);
	json_decref(list);
}

static json_t *chain_command(const struct plan_view *view, const struct plan_step *step)
{
	json_t *all, *body;

	if (step->operation == OPERATION_FLUSH)
		return command("flush", "chain", names(step, "name", step->chain->name));
	all = object_command(view, step, "chain", step->chain->name);
	body = json_object_get(json_object_get(all, "add"), "chain");

	put_comment_of(body, chain_comment(step->chain));
	if (step->operation != OPERATION_DELETE)
		put_devices(body, step->chain);
	return all;
}

static json_t *element_command(const struct plan_step *step)
{
	json_t *body = names(step, "name", step->set->name);
	json_t *list;

	if (step->operation == OPERATION_FLUSH)
		return command("flush", step->set->flags & NFT_SET_MAP ? "map" : "set", body);
	list = view_elements(step->set, step->indexes, step->first, step->count);

	json_object_set_new(body, "elem", list);
	return command(step->operation == OPERATION_DELETE ? "delete" : "add", "element", body);
}

static json_t *rule_command(const struct plan_view *view, const struct plan_step *step, size_t i)
{
	const json_t *body;
	json_t *rule;

	if (step->operation == OPERATION_DELETE) {
		rule = names(step, "chain", step->chain->name);
		json_object_set_new(rule, "handle", json_integer((json_int_t)step->rule->handle));
		return command("delete", "rule", rule);
	}
	body = listing_rule(view->after, step->table->family,
			    view->tables[i] ? view->tables[i] : step->table->name,
			    step->chain->name, view->index[i]);
	rule = body ? listed(body) : names(step, "chain", step->chain->name);
	if (view->tables[i])
		json_object_set_new(rule, "table", json_string(step->table->name));
	if (step->operation == OPERATION_REPLACE) {
		json_object_set_new(rule, "handle", json_integer((json_int_t)step->old->handle));
		return command("replace", "rule", rule);
	}
	if (!step->before)
		return command("add", "rule", rule);
	json_object_set_new(rule, "handle", json_integer((json_int_t)step->before->handle));
	return command("insert", "rule", rule);
}

static json_t *step_command(const struct plan_view *view, size_t i)
{
	const struct plan_step *step = &view->plan->steps.v[i];

	switch (step->kind) {
	case OBJECT_TABLE:
		return table_command(view, step);
	case OBJECT_CHAIN:
		return chain_command(view, step);
	case OBJECT_SET:
		return object_command(view, step, LISTING_SET, step->set->name);
	case OBJECT_ELEMENT:
		return element_command(step);
	case OBJECT_RULE:
		return rule_command(view, step, i);
	case OBJECT_STATEFUL:
		return stateful_command(view, step);
	case OBJECT_FLOWTABLE:
		return object_command(view, step, "flowtable", step->flowtable->name);
	case OBJECT_KINDS:
	default:
		return NULL;
	}
}

/* ------------------------------------------------------------------ the whole */

static json_t *summary_json(const struct plan *plan)
{
	static const char *const verbs[] = {"add", "delete", "replace"};
	struct plan_summary summary;
	json_t *all = json_object();

	plan_summarise(plan, &summary);
	for (size_t kind = 0; kind < OBJECT_KINDS; kind++) {
		json_t *one = json_object();
		bool any = false;

		for (size_t verb = 0; verb < 3; verb++) {
			size_t count = summary.count[kind][verb];

			any |= count > 0;
			json_object_set_new(one, verbs[verb], json_integer((json_int_t)count));
		}
		if (any)
			json_object_set(all, plurals[kind], one);
		json_decref(one);
	}
	return all;
}

static json_t *sysctls_json(const struct plan *plan)
{
	json_t *list = json_array();

	array_for_each(sysctl, &plan->sysctls) {
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", sysctl->name,
						      "from", (json_int_t)sysctl->from, "to",
						      (json_int_t)sysctl->to));
	}
	return list;
}

static json_t *warnings_json(const texts *warnings)
{
	json_t *list = json_array();

	array_for_each(warning, warnings) {
		json_array_append_new(list, json_string(*warning));
	}
	return list;
}

/* Without the brackets or braces around it. */
static void put_inner(struct buf *out, json_t *value)
{
	char *text = value ? json_dumps(value, 0) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (len > 2)
		buf_put(out, text + 1, len - 2);
	out->failed |= !text;
	free(text);
	json_decref(value);
}

/* Elements are written in parts: as one tree, a million of them would take some 200 MB. */
enum { PART = 4096 };

static void put_elements(struct buf *out, const struct plan_step *step)
{
	struct plan_step empty = *step;
	json_t *head;

	empty.count = 0;
	head = element_command(&empty);
	buf_putc(out, '{');
	put_inner(out, head); /* … "elem": []}} */
	while (out->len && !out->failed && out->data[out->len - 1] != ']')
		out->len--;
	out->len -= out->len > 0;
	for (uint32_t done = 0; done < step->count;) {
		uint32_t count = step->count - done < PART ? step->count - done : PART;
		uint32_t next = done + count; /* an interval's end stays with its start */
		size_t before = out->len;

		if (next < step->count &&
		    view_element_is_end(step->set, step->indexes, step->first + next))
			count++;
		put_inner(out, view_elements(step->set, step->indexes ? step->indexes + done : NULL,
					     step->first + done, count));
		done += count;
		if (out->len > before && done < step->count)
			buf_puts(out, ", ");
	}
	buf_puts(out, "]}}}");
}

static void put_commands(struct buf *out, const struct plan_view *view)
{
	for (size_t i = 0; i < view->plan->steps.n; i++) {
		const struct plan_step *step = &view->plan->steps.v[i];

		buf_puts(out, i ? ", " : "");
		if (step->kind == OBJECT_ELEMENT && step->operation != OPERATION_FLUSH) {
			put_elements(out, step);
			continue;
		}
		buf_putc(out, '{');
		put_inner(out, step_command(view, i));
		buf_putc(out, '}');
	}
}

char *view_plan_json(const struct plan_view *view, uint32_t generation, const texts *warnings,
		     struct untrack_error *err)
{
	struct buf out = {0};
	char *text;

	buf_putc(&out, '{');
	put_inner(&out, json_pack("{s:b, s:I, s:o, s:o, s:o}", "changed",
				  !plan_is_empty(view->plan), "generation", (json_int_t)generation,
				  "summary", summary_json(view->plan), "sysctls",
				  sysctls_json(view->plan), "warnings", warnings_json(warnings)));
	if (view->purge.done || view->purge.would)
		buf_printf(&out, ", \"%s\": %" PRIu64, view->purge.done ? "purged" : "purgeable",
			   view->purge.entries);
	buf_puts(&out, ", \"nftables\": [");
	put_commands(&out, view);
	buf_puts(&out, "]}");
	text = buf_steal_text(&out);
	if (!text)
		error_memory(err);
	return text;
}
