/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/plan.h"

#include "base/buf.h"
#include "view/counter.h"
#include "view/element.h"

#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static char sign(enum operation operation)
{
	switch (operation) {
	case OPERATION_ADD:
		return '+';
	case OPERATION_REPLACE:
		return '~';
	case OPERATION_DELETE:
	case OPERATION_FLUSH:
	default:
		return '-';
	}
}

static const char *verb(const struct plan_step *step)
{
	switch (step->operation) {
	case OPERATION_DELETE:
		return "delete";
	case OPERATION_FLUSH:
		return "flush";
	case OPERATION_REPLACE:
		return step->kind == OBJECT_RULE ? "replace" : "add";
	case OPERATION_ADD:
	default:
		return step->before ? "insert" : "add";
	}
}

static void put_head(struct buf *out, const struct plan_step *step, const char *word,
		     const char *name)
{
	buf_printf(out, "%c %s %s %s %s", sign(step->operation), verb(step), word,
		   family_name(step->table->family), step->table->name);
	if (name)
		buf_printf(out, " %s", name);
}

static void put_table(struct buf *out, const struct plan_step *step)
{
	const char *comment = table_comment(step->table);

	put_head(out, step, "table", NULL);
	if (step->operation == OPERATION_DELETE)
		return;
	if (comment)
		buf_printf(out, " { comment \"%s\"; }", comment);
	if (attr_find_be32(buf_span(&step->table->attrs), NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT)
		buf_puts(out, " { flags dormant; }");
}

static void put_object(struct buf *out, const struct plan_view *view, const struct plan_step *step,
		       const char *kind, const char *name)
{
	bool delete = step->operation == OPERATION_DELETE || step->operation == OPERATION_FLUSH;
	const struct listing *listing = delete ? view->before : view->after;
	const char *word = kind, *body;

	body = listing_object_text(listing, step->table->family, step->table->name, kind, name,
				   &word);
	put_head(out, step, word, name);
	if (!delete &&body && *body)
		buf_printf(out, " { %s }", body);
}

static void put_stateful(struct buf *out, const struct plan_view *view,
			 const struct plan_step *step)
{
	if (!view_is_plain_counter(step->object)) {
		put_object(out, view, step, LISTING_STATEFUL, step->object->name);
		return;
	}
	put_head(out, step, "counter", step->object->name);
	if (step->operation == OPERATION_DELETE)
		return;
	buf_puts(out, " { ");
	view_counter_text(out, step->object);
	buf_puts(out, " }");
}

/* People are shown the first of a long list. */
enum { SHOWN_MAX = 256 };

static void put_elements(struct buf *out, const struct plan_step *step)
{
	json_t *list;

	if (step->operation == OPERATION_FLUSH) {
		put_head(out, step, step->set->flags & NFT_SET_MAP ? "map" : "set",
			 step->set->name);
		return;
	}
	list = view_elements(step->set, step->indexes, step->first,
			     step->count > SHOWN_MAX ? SHOWN_MAX : step->count);
	put_head(out, step, "element", step->set->name);
	buf_puts(out, " { ");
	for (size_t i = 0; i < json_array_size(list); i++) {
		buf_puts(out, i ? ", " : "");
		view_element_text(out, json_array_get(list, i));
	}
	buf_puts(out, " }");
	if (step->count > SHOWN_MAX)
		buf_printf(out, " # and more: %" PRIu32 " in all (--json has them)", step->count);
	json_decref(list);
}

static void put_rule(struct buf *out, const struct plan_view *view, const struct plan_step *step,
		     size_t i)
{
	const struct listing *listing =
		step->operation == OPERATION_DELETE ? view->before : view->after;
	const char *text = view->texts ? view->texts[i] : NULL;

	put_head(out, step, "rule", step->chain->name);
	if (!text)
		text = listing_rule_text(listing, step->table->family,
					 view->tables[i] ? view->tables[i] : step->table->name,
					 step->chain->name, view->index[i]);
	if (step->operation == OPERATION_REPLACE)
		buf_printf(out, " handle %" PRIu64, step->old->handle);
	else if (step->operation == OPERATION_DELETE)
		buf_printf(out, " handle %" PRIu64 " #", step->rule->handle);
	else if (step->before)
		buf_printf(out, " handle %" PRIu64, step->before->handle);
	buf_printf(out, " %s", text ? text : "");
}

static void put_step(struct buf *out, const struct plan_view *view, size_t i)
{
	const struct plan_step *step = &view->plan->steps.v[i];

	switch (step->kind) {
	case OBJECT_TABLE:
		put_table(out, step);
		break;
	case OBJECT_CHAIN:
		put_object(out, view, step, "chain", step->chain->name);
		break;
	case OBJECT_SET:
		put_object(out, view, step, LISTING_SET, step->set->name);
		break;
	case OBJECT_ELEMENT:
		put_elements(out, step);
		break;
	case OBJECT_RULE:
		put_rule(out, view, step, i);
		break;
	case OBJECT_STATEFUL:
		put_stateful(out, view, step);
		break;
	case OBJECT_FLOWTABLE:
		put_object(out, view, step, "flowtable", step->flowtable->name);
		break;
	case OBJECT_KINDS:
	default:
		break;
	}
	if (step->remade && step->operation == OPERATION_ADD)
		buf_puts(out, " # made anew: it cannot change in place");
	buf_putc(out, '\n');
}

char *view_plan_text(const struct plan_view *view, struct untrack_error *err)
{
	struct buf out = {0};
	char *text;

	for (size_t i = 0; i < view->plan->steps.n; i++)
		put_step(&out, view, i);
	array_for_each(sysctl, &view->plan->sysctls) {
		buf_printf(&out, "~ sysctl %s = %" PRIu64 " # was %" PRIu64 "\n", sysctl->name,
			   sysctl->to, sysctl->from);
	}
	text = buf_steal_text(&out);
	if (!text)
		error_memory(err);
	return text;
}

static void put_count(struct buf *out, size_t count, const char *word, bool *ret_first)
{
	if (!count)
		return;
	buf_printf(out, "%s%zu %s%s", *ret_first ? "" : ", ", count, word, count == 1 ? "" : "s");
	*ret_first = false;
}

char *view_plan_summary(const struct plan *plan, struct untrack_error *err)
{
	static const char *const words[OBJECT_KINDS] = {
		[OBJECT_TABLE] = "table",
		[OBJECT_CHAIN] = "chain",
		[OBJECT_SET] = "set",
		[OBJECT_ELEMENT] = "element",
		[OBJECT_RULE] = "rule",
		[OBJECT_STATEFUL] = "object",
		[OBJECT_FLOWTABLE] = "flowtable",
	};
	static const char *const verbs[] = {"added", "deleted", "replaced"};
	struct plan_summary summary;
	struct buf out = {0};
	char *text;

	plan_summarise(plan, &summary);
	for (size_t verb = 0; verb < 3; verb++) {
		bool first = true;
		size_t begin = out.len;

		buf_puts(&out, begin ? "; " : "");
		for (size_t kind = 0; kind < OBJECT_KINDS; kind++)
			put_count(&out, summary.count[kind][verb], words[kind], &first);
		if (first)
			out.len = begin;
		else
			buf_printf(&out, " %s", verbs[verb]);
	}
	if (plan->sysctls.n)
		buf_printf(&out, "%s%zu sysctl%s set", out.len ? "; " : "", plan->sysctls.n,
			   plan->sysctls.n == 1 ? "" : "s");
	if (out.data)
		out.data[out.len] = 0;
	text = buf_steal_text(&out);
	if (!text)
		error_memory(err);
	return text;
}
