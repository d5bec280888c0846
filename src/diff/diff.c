/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/diff.h"

#include "base/cleanup.h"
#include "diff/elements.h"
#include "diff/refs.h"
#include "diff/rules.h"
#include "model/fields.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

/*
 * The order of a plan for one table (each phase needs the ones before it):
 *   1 rules of chains that go, and what refers to objects that are made anew, are deleted, then these
 *     objects;
 *   2 new objects, changes in place, elements, rules;
 *   3 objects that go, by now unreferenced.
 */
struct diff {
	const struct table *live;
	const struct table *desired;
	struct plan *plan;
	struct untrack_error *err;
	doomed_list doomed;
	ARRAY(struct rule_fates) fates; /* by index of the live chain */
};

static void diff_free(struct diff *d)
{
	array_for_each(fates, &d->fates) {
		rule_fates_free(fates);
	}
	array_free(&d->fates);
	array_free(&d->doomed);
}

/* Chains and sets that belong to a rule come and go with it. */
static bool chain_is_own(const struct chain *chain)
{
	return !chain_is_bound(chain);
}

static bool set_is_own(const struct set *set)
{
	return !set_is_anonymous(set);
}

static bool any_is_own(const void *object)
{
	(void)object;
	return true;
}

static struct chain *find_chain(const struct table *table, const struct chain *like)
{
	return table_find_chain(table, like->name);
}

static struct set *find_set(const struct table *table, const struct set *like)
{
	return table_find_set(table, like->name);
}

static struct stateful *find_object(const struct table *table, const struct stateful *like)
{
	return table_find_object(table, like->name, like->type);
}

static struct flowtable *find_flowtable(const struct table *table, const struct flowtable *like)
{
	return table_find_flowtable(table, like->name);
}

static uint32_t object_type(const struct stateful *object)
{
	return object->type;
}

static uint32_t no_type(const void *object)
{
	(void)object;
	return 0;
}

/* Every kind of object is treated alike but for these words. */
#define FOR_EACH_KIND(DO)                                                                          \
	DO(chains, chain, struct chain, OBJECT_CHAIN, find_chain, chain_is_own, no_type)           \
	DO(sets, set, struct set, OBJECT_SET, find_set, set_is_own, no_type)                       \
	DO(objects, object, struct stateful, OBJECT_STATEFUL, find_object, any_is_own,             \
	   object_type)                                                                            \
	DO(flowtables, flowtable, struct flowtable, OBJECT_FLOWTABLE, find_flowtable, any_is_own,  \
	   no_type)

static bool push(struct diff *d, struct plan_step step)
{
	return array_push(&d->plan->steps, step) ? true : error_memory(d->err);
}

/* What is there and shall be there, but not as it is. */
#define DOOM(list, field, T, KIND, find, is_own, type_of)                                          \
	array_for_each(one, &d->live->list) {                                                      \
		const T *now = *one, *then = is_own(now) ? find(d->desired, now) : NULL;           \
		if (then &&                                                                        \
		    attrs_compare(KIND, buf_span(&now->attrs), buf_span(&then->attrs)) ==          \
			    DIFFERENCE_REMAKE &&                                                   \
		    !array_push(&d->doomed, (struct doomed){KIND, now->name, type_of(now)}))       \
			return error_memory(d->err);                                               \
	}

/* A hash set with a size keeps the buckets that it was made with (nft_set_hash.c:
 * nft_hash_estimate(), nft_hash_init()). */
static bool has_fixed_buckets(const struct set *set)
{
	return !(set->flags & (NFT_SET_INTERVAL | NFT_SET_EVAL | NFT_SET_TIMEOUT));
}

/* Does an element have counters or such, that would start anew? */
static bool has_statements(const struct set *set)
{
	struct span statements;

	return attr_find(buf_span(&set->attrs), NFTA_SET_EXPR, &statements) ||
	       attr_find(buf_span(&set->attrs), NFTA_SET_EXPRESSIONS, &statements);
}

/*
 * A size that grows counts only once it is committed, and one that is left out stays as it was
 * (test_large.py shows both), so a set that is to hold more than it may hold now is made anew; so is
 * a hash that would get long chains in too few buckets.
 */
static bool is_outgrown(const struct set *live, const struct set *desired)
{
	uint32_t now = set_size(live), then = set_size(desired);

	if (!now || (then && then <= now))
		return false;
	return !then || elements_count(&desired->elements) > now ||
	       (has_fixed_buckets(live) && !has_statements(live));
}

static bool find_outgrown(struct diff *d)
{
	array_for_each(one, &d->live->sets) {
		const struct set *live = *one;
		const struct set *desired =
			set_is_own(live) ? table_find_set(d->desired, live->name) : NULL;

		if (desired &&
		    attrs_compare(OBJECT_SET, buf_span(&live->attrs), buf_span(&desired->attrs)) !=
			    DIFFERENCE_REMAKE &&
		    is_outgrown(live, desired) &&
		    !array_push(&d->doomed, (struct doomed){OBJECT_SET, live->name, 0}))
			return error_memory(d->err);
	}
	return true;
}

static bool find_doomed(struct diff *d)
{
	FOR_EACH_KIND(DOOM)
	return find_outgrown(d);
}

static bool is_doomed(const struct diff *d, enum object_kind kind, const char *name, uint32_t type)
{
	array_for_each(one, &d->doomed) {
		if (one->kind == kind && one->type == type && !strcmp(one->name, name))
			return true;
	}
	return false;
}

/* A chain of both sides that stays: its rules are matched. */
static const struct chain *staying_chain(const struct diff *d, const struct chain *live)
{
	if (!chain_is_own(live) || is_doomed(d, OBJECT_CHAIN, live->name, 0))
		return NULL;
	return table_find_chain(d->desired, live->name);
}

static const struct set *staying_set(const struct diff *d, const struct set *live)
{
	if (!set_is_own(live) || is_doomed(d, OBJECT_SET, live->name, 0))
		return NULL;
	return table_find_set(d->desired, live->name);
}

static bool match_all_rules(struct diff *d)
{
	array_for_each(chain, &d->live->chains) {
		const struct chain *desired = staying_chain(d, *chain);
		struct rule_fates fates = {0};

		if (desired && (*chain)->rules_read && desired->rules_read &&
		    !match_rules(d->live, *chain, d->desired, desired, &d->doomed, &fates, d->err))
			return false;
		if (!array_push(&d->fates, fates)) {
			rule_fates_free(&fates);
			return error_memory(d->err);
		}
	}
	return true;
}

static bool flush_chain(struct diff *d, const struct chain *chain)
{
	return !chain->rules.n || push(d, (struct plan_step){.operation = OPERATION_FLUSH,
							     .kind = OBJECT_CHAIN,
							     .table = d->live,
							     .chain = chain});
}

/* Phase 1a: whatever refers to doomed objects. */
static bool delete_references(struct diff *d)
{
	for (size_t i = 0; i < d->live->chains.n; i++) {
		const struct chain *chain = d->live->chains.v[i];

		if (d->fates.v[i].live &&
		    !plan_rules_first(d->live, chain, &d->fates.v[i], d->plan))
			return error_memory(d->err);
		if (is_doomed(d, OBJECT_CHAIN, chain->name, 0) && !flush_chain(d, chain))
			return false;
		/* The rules of a chain that goes altogether may refer to doomed objects as well, or
		 * hold names that other rules want. */
		if (chain_is_own(chain) && !table_find_chain(d->desired, chain->name) &&
		    !flush_chain(d, chain))
			return false;
	}
	array_for_each(set, &d->live->sets) {
		if (set_is_own(*set) && !is_doomed(d, OBJECT_SET, (*set)->name, 0) &&
		    !plan_elements_first(d->live, *set, &d->doomed, d->plan))
			return error_memory(d->err);
	}
	return true;
}

/* Phase 1b: sets first, since their elements may refer to chains and objects. */
#define DELETE_DOOMED(list, field_, T, KIND, find, is_own, type_of)                                \
	if (kind == KIND)                                                                          \
		array_for_each(one, &d->live->list) {                                              \
			if (is_own(*one) && is_doomed(d, KIND, (*one)->name, type_of(*one)) &&     \
			    !push(d, (struct plan_step){.operation = OPERATION_DELETE,             \
							.kind = KIND,                              \
							.table = d->live,                          \
							.field_ = *one,                            \
							.remade = true}))                          \
				return false;                                                      \
		}

static bool delete_doomed(struct diff *d)
{
	static const enum object_kind order[] = {OBJECT_SET, OBJECT_CHAIN, OBJECT_STATEFUL,
						 OBJECT_FLOWTABLE};

	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++) {
		enum object_kind kind = order[k];

		FOR_EACH_KIND(DELETE_DOOMED)
	}
	return true;
}

/* Phase 2a: new and remade objects, and changes in place. Chains first: verdict maps name them. */
#define ADD_OBJECTS(list, field_, T, KIND, find, is_own, type_of)                                  \
	if (kind == KIND)                                                                          \
		array_for_each(one, &d->desired->list) {                                           \
			const T *then = *one, *now = d->live ? find(d->live, then) : NULL;         \
			bool anew = now && is_doomed(d, KIND, then->name, type_of(then));          \
			enum operation operation =                                                 \
				now && !anew ? OPERATION_REPLACE : OPERATION_ADD;                  \
			if (!is_own(then) ||                                                       \
			    (operation == OPERATION_REPLACE &&                                     \
			     attrs_compare(KIND, buf_span(&now->attrs), buf_span(&then->attrs)) == \
				     DIFFERENCE_NONE))                                             \
				continue;                                                          \
			if (!push(d, (struct plan_step){.operation = operation,                    \
							.kind = KIND,                              \
							.table = d->desired,                       \
							.field_ = then,                            \
							.remade = anew}))                          \
				return false;                                                      \
		}

static bool add_objects(struct diff *d)
{
	static const enum object_kind order[] = {OBJECT_CHAIN, OBJECT_STATEFUL, OBJECT_FLOWTABLE,
						 OBJECT_SET};

	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++) {
		enum object_kind kind = order[k];

		FOR_EACH_KIND(ADD_OBJECTS)
	}
	return true;
}

/* A dynamic set that is made anew keeps what packets put in, where the key is still the same. */
static bool carry_elements(struct diff *d, const struct set *live, const struct set *desired)
{
	struct span a = buf_span(&live->attrs), b = buf_span(&desired->attrs);

	if (!(live->flags & NFT_SET_EVAL) || !(desired->flags & NFT_SET_EVAL) ||
	    attr_find_be32(a, NFTA_SET_KEY_LEN) != attr_find_be32(b, NFTA_SET_KEY_LEN) ||
	    attr_find_be32(a, NFTA_SET_KEY_TYPE) != attr_find_be32(b, NFTA_SET_KEY_TYPE) ||
	    (live->flags ^ desired->flags) & (NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_TIMEOUT))
		return true;
	return plan_all_elements(d->desired, live, d->plan) ? true : error_memory(d->err);
}

/* Phase 2b. */
static bool change_elements(struct diff *d)
{
	if (d->live)
		array_for_each(set, &d->live->sets) {
			const struct set *desired = staying_set(d, *set);

			if (desired &&
			    !plan_elements(d->live, *set, d->desired, desired, &d->doomed, d->plan))
				return error_memory(d->err);
		}
	array_for_each(set, &d->desired->sets) {
		const struct set *live = d->live ? table_find_set(d->live, (*set)->name) : NULL;

		if (!set_is_own(*set) || (live && staying_set(d, live)))
			continue;
		if (!plan_all_elements(d->desired, *set, d->plan))
			return error_memory(d->err);
		if (live && !carry_elements(d, live, *set))
			return false;
	}
	return true;
}

/* Phase 2c. */
static bool change_rules(struct diff *d)
{
	bool ok = true;

	for (size_t i = 0; ok && d->live && i < d->live->chains.n; i++) {
		const struct chain *chain = d->live->chains.v[i];
		const struct chain *desired = staying_chain(d, chain);

		if (desired && d->fates.v[i].live)
			ok = plan_rules(d->live, chain, d->desired, desired, &d->fates.v[i],
					d->plan);
	}
	array_for_each(chain, &d->desired->chains) {
		const struct chain *live =
			d->live ? table_find_chain(d->live, (*chain)->name) : NULL;

		if (ok && chain_is_own(*chain) && !(live && staying_chain(d, live)))
			ok = plan_all_rules(d->desired, *chain, d->plan);
	}
	return ok ? true : error_memory(d->err);
}

/* Phase 3: sets before the chains and objects that their elements name. */
#define DELETE_GONE(list, field_, T, KIND, find, is_own, type_of)                                  \
	if (kind == KIND)                                                                          \
		array_for_each(one, &d->live->list) {                                              \
			if (is_own(*one) && !find(d->desired, *one) &&                             \
			    !push(d, (struct plan_step){.operation = OPERATION_DELETE,             \
							.kind = KIND,                              \
							.table = d->live,                          \
							.field_ = *one}))                          \
				return false;                                                      \
		}

static bool delete_gone(struct diff *d)
{
	static const enum object_kind order[] = {OBJECT_SET, OBJECT_CHAIN, OBJECT_STATEFUL,
						 OBJECT_FLOWTABLE};

	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++) {
		enum object_kind kind = order[k];

		FOR_EACH_KIND(DELETE_GONE)
	}
	return true;
}

static bool push_table(struct diff *d, enum operation operation, const struct table *table,
		       bool remade)
{
	return push(d, (struct plan_step){.operation = operation,
					  .kind = OBJECT_TABLE,
					  .table = table,
					  .remade = remade});
}

static bool add_table(struct diff *d, bool remade)
{
	d->live = NULL;
	return push_table(d, OPERATION_ADD, d->desired, remade) && add_objects(d) &&
	       change_elements(d) && change_rules(d);
}

static bool is_hooked_anew(const struct chain *live, const struct chain *desired)
{
	struct span now, then;

	if (!attr_find(buf_span(&desired->attrs), NFTA_CHAIN_HOOK, &then))
		return false;
	return !live || !attr_find(buf_span(&live->attrs), NFTA_CHAIN_HOOK, &now) ||
	       !span_equal(now, then) ||
	       attrs_compare(OBJECT_CHAIN, buf_span(&live->attrs), buf_span(&desired->attrs)) ==
		       DIFFERENCE_REMAKE;
}

/* A table that goes dormant, or wakes, gets no base chain in the same batch (nf_tables_api.c:
 * nf_tables_addchain(), nf_tables_updchain()). */
static bool is_too_much_at_once(const struct table *live, const struct table *desired)
{
	array_for_each(chain, &desired->chains) {
		if (is_hooked_anew(table_find_chain(live, (*chain)->name), *chain))
			return true;
	}
	return false;
}

static enum difference compare_tables(const struct table *live, const struct table *desired)
{
	enum difference difference =
		attrs_compare(OBJECT_TABLE, buf_span(&live->attrs), buf_span(&desired->attrs));

	return difference == DIFFERENCE_UPDATE && is_too_much_at_once(live, desired)
		       ? DIFFERENCE_REMAKE
		       : difference;
}

static bool change_table(struct diff *d)
{
	return find_doomed(d) && match_all_rules(d) && delete_references(d) && delete_doomed(d) &&
	       add_objects(d) && change_elements(d) && change_rules(d) && delete_gone(d);
}

bool diff_tables(const struct table *live, const struct table *desired, struct plan *plan,
		 struct untrack_error *err)
{
	__attribute__((cleanup(diff_free))) struct diff d = {
		.live = live, .desired = desired, .plan = plan, .err = err};

	if (!live && !desired)
		return true;
	if (!desired)
		return push_table(&d, OPERATION_DELETE, live, false);
	if (!plan_number_sets(plan, live, desired))
		return error_memory(err);
	if (!live)
		return add_table(&d, false);
	switch (compare_tables(live, desired)) {
	case DIFFERENCE_REMAKE:
		return push_table(&d, OPERATION_DELETE, live, true) && add_table(&d, true);
	case DIFFERENCE_UPDATE:
		return push_table(&d, OPERATION_REPLACE, desired, false) && change_table(&d);
	case DIFFERENCE_NONE:
	default:
		return change_table(&d);
	}
}

DEFINE_AUTOCLEAN(struct plan, plan_free)

bool diff_is_empty(const struct table *live, const struct table *desired, bool *ret_empty,
		   struct untrack_error *err)
{
	autoclean(plan_free_p) struct plan *plan = plan_new(0);

	if (!plan)
		return error_memory(err);
	if (!diff_tables(live, desired, plan, err))
		return false;
	*ret_empty = plan_is_empty(plan);
	return true;
}
