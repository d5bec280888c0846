/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/render.h"

#include "api/render_shapes.h"
#include "api/render_spread.h"
#include "base/cleanup.h"
#include "diff/diff.h"
#include "document/nft.h"
#include "kernel/kernel.h"
#include "view/counter.h"
#include "view/plan.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)
DEFINE_AUTOCLEAN(struct listing, listing_free)

uint32_t scratch_size(uint32_t size)
{
	enum { ROOM = 65536, STEP = 4096 };

	return size > ROOM ? ROOM + (size - ROOM) / STEP : size;
}

bool load_ruleset(struct kernel *kernel, const struct ruleset *ruleset, struct untrack_error *err)
{
	autoclean(plan_free_p) struct plan *plan = plan_new(0);

	if (!plan)
		return error_memory(err);
	array_for_each(table, &ruleset->tables) {
		if (!diff_tables(NULL, *table, plan, err))
			return false;
	}
	return kernel_commit(kernel, plan, 0, false, err) == COMMIT_DONE;
}

static bool add_device(interfaces *list, const char *name, struct untrack_error *err)
{
	struct interface one = {.index = if_nametoindex(name)};

	array_for_each(known, list) {
		if (!strcmp(known->name, name))
			return true;
	}
	strncpy(one.name, name, sizeof(one.name) - 1);
	return array_push(list, one) ? true : error_memory(err);
}

/* NFTA_HOOK_DEV, and the names in NFTA_HOOK_DEVS. */
static bool add_hook_devices(interfaces *list, struct span hook, struct untrack_error *err)
{
	const char *one = attr_find_text(hook, NFTA_HOOK_DEV);
	struct span devices;

	if (one && !add_device(list, one, err))
		return false;
	if (!attr_find(hook, NFTA_HOOK_DEVS, &devices))
		return true;
	attr_for_each(device, devices) {
		if (attr_text(device.body) && !add_device(list, attr_text(device.body), err))
			return false;
	}
	return true;
}

static bool add_table_devices(interfaces *list, const struct table *table,
			      struct untrack_error *err)
{
	struct span hook;

	if (!table)
		return true;
	array_for_each(chain, &table->chains) {
		if (attr_find(buf_span(&(*chain)->attrs), NFTA_CHAIN_HOOK, &hook) &&
		    !add_hook_devices(list, hook, err))
			return false;
	}
	array_for_each(flowtable, &table->flowtables) {
		if (attr_find(buf_span(&(*flowtable)->attrs), NFTA_FLOWTABLE_HOOK, &hook) &&
		    !add_hook_devices(list, hook, err))
			return false;
	}
	return true;
}

bool scratch_with_devices(const struct target *target, struct netns *ret_ns,
			  struct untrack_error *err)
{
	autonetns ns = NETNS_OWN;
	interfaces list = {0};
	bool ok = true;

	if (target->devices)
		array_for_each(device, target->devices) {
			ok = ok && (array_push(&list, *device) ? true : error_memory(err));
		}
	array_for_each(pair, &target->pairs) {
		ok = ok && add_table_devices(&list, pair->live, err) &&
		     add_table_devices(&list, pair->desired, err);
	}
	ok = ok && netns_scratch(&ns, err) && interfaces_mirror(&ns, &list, err);
	array_free(&list);
	if (!ok)
		return false;
	*ret_ns = ns;
	ns = NETNS_OWN;
	return true;
}

/* Without its flags: nft 1.0.6 lists those of a dormant table from memory that it has freed, and what it
 * prints then is no JSON. They are told from the plan. */
static bool drop_flags(struct table *table)
{
	autobuf plain = {0};
	struct buf swap = table->attrs;

	attr_for_each(item, buf_span(&table->attrs)) {
		if (item.type != NFTA_TABLE_FLAGS)
			attr_put(&plain, item.type, item.body.data, item.body.len);
	}
	if (plain.failed)
		return false;
	table->attrs = plain;
	plain = swap;
	return true;
}

typedef ARRAY(const char *) name_list;

/* What a rule names itself; what it finds in a map is named by the map's elements. */
static bool list_named(struct span expressions, name_list *names)
{
	struct expression expression;

	while (expression_next(&expressions, &expression)) {
		const char *name = expression_is(&expression, "objref")
					   ? attr_find_text(expression.data, NFTA_OBJREF_IMM_NAME)
					   : NULL;

		if (name && !array_push(names, name))
			return false;
	}
	return true;
}

static bool list_named_in_table(const struct table *table, name_list *names)
{
	array_for_each(chain, &table->chains) {
		array_for_each(rule, &(*chain)->rules) {
			if (!list_named(rule_expressions(*rule), names))
				return false;
		}
	}
	array_for_each(set, &table->sets) {
		if (!set_is_anonymous(*set) || !((*set)->flags & NFT_SET_OBJECT))
			continue;
		for (size_t i = 0; i < elements_count(&(*set)->elements); i++) {
			const char *name = attr_find_text(element_at(&(*set)->elements, i),
							  NFTA_SET_ELEM_OBJREF);

			if (name && !array_push(names, name))
				return false;
		}
	}
	return true;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Drops the counters that are printed without a listing, and that no rule of the whole table needs to be
 * listed. */
static bool drop_counters(struct table *table, const struct table *whole)
{
	name_list names = {0};
	size_t kept = 0;
	bool ok = !table->objects.n || list_named_in_table(whole, &names);

	if (ok && names.n)
		qsort(names.v, names.n, sizeof(*names.v), compare_names);
	for (size_t i = 0; ok && i < table->objects.n; i++) {
		struct stateful *object = table->objects.v[i];

		if (!view_is_plain_counter(object) ||
		    (names.n &&
		     bsearch(&object->name, names.v, names.n, sizeof(*names.v), compare_names)))
			table->objects.v[kept++] = object;
		else
			stateful_free(object);
	}
	table->objects.n = ok ? kept : table->objects.n;
	table_forget_names(table);
	array_free(&names);
	return ok;
}

/* A table's skeleton: all that rules can name, but no rules, and no elements except those of anonymous
 * sets (which only come along with a rule). */
static struct table *skeleton(const struct table *table)
{
	autoclean(table_free_p) struct table *bones = table_copy_frame(table);

	if (!bones || !drop_flags(bones) || !drop_counters(bones, table))
		return NULL;
	array_for_each(set, &bones->sets) {
		if (set_is_anonymous(*set))
			continue;
		elements_free(&(*set)->elements);
		set_change_size(*set, scratch_size(set_size(*set)));
	}
	return steal_pointer(&bones);
}

struct rendering {
	enum untrack_report report;
	struct ruleset *before;
	struct ruleset *after;
	size_t *index;	     /* for each step: where its rule is in its chain of before or after */
	const char **tables; /* for each step: in which table; NULL: in its own */
	struct spread spread;
	struct shape_listing *shapes; /* or NULL */
	struct listing *listed_before;
	struct listing *listed_after;
};

void rendering_free(struct rendering *r)
{
	if (!r)
		return;
	ruleset_free(r->before);
	ruleset_free(r->after);
	free(r->index);
	free(r->tables);
	spread_free(&r->spread);
	shape_listing_free(r->shapes);
	listing_free(r->listed_before);
	listing_free(r->listed_after);
	free(r);
}
DEFINE_AUTOCLEAN(struct rendering, rendering_free)

static bool add_skeletons(struct rendering *s, const struct target *target)
{
	array_for_each(pair, &target->pairs) {
		struct table *live = pair->live ? skeleton(pair->live) : NULL;
		struct table *desired = pair->desired ? skeleton(pair->desired) : NULL;

		if ((pair->live && !live) || (pair->desired && !desired) ||
		    (live && !array_push(&s->before->tables, live))) {
			table_free(live);
			table_free(desired);
			return false;
		}
		if (desired && !array_push(&s->after->tables, desired)) {
			table_free(desired);
			return false;
		}
	}
	return true;
}

static bool add_rule(struct rendering *s, const struct plan_step *step, size_t i)
{
	bool before = step->operation == OPERATION_DELETE;
	struct ruleset *side = before ? s->before : s->after;
	struct table *own = ruleset_find(side, step->table->family, step->table->name);
	struct table *table = own ? spread_place(&s->spread, own, step->rule, before) : NULL;
	struct chain *chain = table ? table_find_chain(table, step->chain->name) : NULL;
	struct rule *rule = chain ? rule_copy(step->rule) : NULL;

	if (!rule || !array_push(&chain->rules, rule)) {
		rule_free(rule);
		return false;
	}
	s->index[i] = chain->rules.n - 1;
	s->tables[i] = table == own ? NULL : table->name;
	return true;
}

static bool build_sides(struct rendering *s, const struct target *target, const struct plan *plan)
{
	s->before = ruleset_new();
	s->after = ruleset_new();
	s->index = calloc(plan->steps.n + 1, sizeof(*s->index));
	s->tables = calloc(plan->steps.n + 1, sizeof(*s->tables));
	s->spread = spread_for(plan);
	if (!s->before || !s->after || !s->index || !s->tables || !add_skeletons(s, target))
		return false;
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct plan_step *step = &plan->steps.v[i];

		if (step->kind == OBJECT_RULE && !shape_listing_has(s->shapes, step) &&
		    !add_rule(s, step, i))
			return false;
	}
	return !s->shapes || shape_listing_add_samples(s->shapes, s->after);
}

/* Sets are printed with the sizes that they have outside. */
static bool tell_sizes(const struct target *target, bool before, struct listing *listing)
{
	array_for_each(pair, &target->pairs) {
		const struct table *table = before ? pair->live : pair->desired;

		for (size_t i = 0; table && i < table->sets.n; i++) {
			const struct set *set = table->sets.v[i];
			uint32_t size = set_size(set);

			if (!set_is_anonymous(set) && size != scratch_size(size) &&
			    !listing_resize(listing, table->family, table->name, set->name,
					    scratch_size(size), size))
				return false;
		}
	}
	return true;
}

/* Adds what nft lists of a ruleset in a scratch namespace. */
static bool list(const struct target *target, const struct ruleset *ruleset,
		 enum untrack_report report, struct listing *listing, struct untrack_error *err)
{
	autonetns ns = NETNS_OWN;
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autofree char *json = NULL, *text = NULL;

	if (scratch_with_devices(target, &ns, err))
		kernel = kernel_open(&ns, err);
	if (!kernel || !load_ruleset(kernel, ruleset, err) ||
	    !nft_list(&ns, report == UNTRACK_REPORT_TEXT ? NULL : &json,
		      report == UNTRACK_REPORT_JSON ? NULL : &text, err))
		return false;
	return listing_add(listing, json, text, err);
}

/* One side, with the parts of it. */
static struct listing *list_side(const struct rendering *r, const struct target *target,
				 bool before, struct untrack_error *err)
{
	autoclean(listing_free_p) struct listing *listing = listing_new();
	bool ok = listing ? list(target, before ? r->before : r->after, r->report, listing, err)
			  : error_memory(err);

	array_for_each(part, &r->spread.parts) {
		if (part->before == before)
			ok = ok && list(target, part->ruleset, r->report, listing, err);
	}
	if (!ok) {
		error_prefix(err, "cannot print the change");
		return NULL;
	}
	if (!tell_sizes(target, before, listing)) {
		error_memory(err);
		return NULL;
	}
	return steal_pointer(&listing);
}

/* Is there anything that only libnftables can print, of what goes (it is listed before), or comes? */
static bool needs_listing(const struct plan *plan, bool goes)
{
	array_for_each(step, &plan->steps) {
		bool deletes = step->operation == OPERATION_DELETE;

		if (step->kind != OBJECT_TABLE && step->kind != OBJECT_ELEMENT &&
		    (deletes == goes || step->operation == OPERATION_FLUSH))
			return true;
	}
	return false;
}

/* NULL without an error: the shapes do not show. */
static struct rendering *render(const struct target *target, const struct plan *plan,
				enum untrack_report report, bool shapes, struct untrack_error *err)
{
	autoclean(rendering_free_p) struct rendering *r = calloc(1, sizeof(*r));

	if (r)
		r->shapes = shapes ? shape_listing_new(plan) : NULL;
	if (!r || !build_sides(r, target, plan)) {
		error_memory(err);
		return NULL;
	}
	r->report = report;
	if (needs_listing(plan, true)) {
		r->listed_before = list_side(r, target, true, err);
		if (!r->listed_before)
			return NULL;
	}
	if (needs_listing(plan, false)) {
		r->listed_after = list_side(r, target, false, err);
		if (!r->listed_after)
			return NULL;
	}
	if (r->shapes && !shape_listing_read(r->shapes, plan, r->listed_after))
		return NULL;
	return steal_pointer(&r);
}

struct rendering *rendering_new(const struct target *target, const struct plan *plan,
				enum untrack_report report, struct untrack_error *err)
{
	autoerror why = ERROR_INIT;
	struct rendering *r = render(target, plan, report, report == UNTRACK_REPORT_TEXT, &why);

	if (!r && !error_is_set(&why))
		r = render(target, plan, report, false, &why);
	if (!r)
		error_move(err, &why);
	return r;
}

static struct plan_view view_of(const struct rendering *rendering, const struct plan *plan)
{
	struct plan_view view = {.plan = plan};

	if (rendering) {
		view.before = rendering->listed_before;
		view.after = rendering->listed_after;
		view.index = rendering->index;
		view.tables = rendering->tables;
		view.texts = shape_listing_texts(rendering->shapes);
	}
	return view;
}

char *render_json(const struct rendering *rendering, const struct plan *plan, const texts *warnings,
		  uint32_t generation, struct told_purge purge, struct untrack_error *err)
{
	struct plan_view view = view_of(rendering, plan);

	if (rendering && rendering->report == UNTRACK_REPORT_TEXT)
		return NULL;
	view.purge = purge;
	return view_plan_json(&view, generation, warnings, err);
}

char *render_text(const struct rendering *rendering, const struct plan *plan,
		  struct untrack_error *err)
{
	struct plan_view view = view_of(rendering, plan);

	return rendering && rendering->report == UNTRACK_REPORT_JSON ? strdup("")
								     : view_plan_text(&view, err);
}
