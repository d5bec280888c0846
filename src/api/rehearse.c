/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/rehearse.h"

#include "api/accept.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "diff/diff.h"
#include "kernel/kernel.h"
#include "model/fields.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Sets longer than this are rehearsed empty. */
enum { LONG_LIST = 20000 };
/* Neighbours of what changes that are played along. */
enum { KEPT = 4 };
/* How many rules of one shape are played: so many of the first, and of the last. */
enum { OF_A_SHAPE = 32 };

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)

/* A rule that does nothing, in the place of one that is not ours. */
static bool stand_in(struct rule *rule, const char *table, const char *chain)
{
	buf_free(&rule->attrs);
	rule->hash = 0;
	attr_put_text(&rule->attrs, NFTA_RULE_TABLE, table);
	attr_put_text(&rule->attrs, NFTA_RULE_CHAIN, chain);
	attr_nest_end(&rule->attrs, attr_nest_begin(&rule->attrs, NFTA_RULE_EXPRESSIONS));
	return !rule->attrs.failed;
}

/* Others' rules need others' objects, devices and modules: they are stood in for. Only chains in
 * which we have rules are kept, and only sets of our own rules are read by them. */
static struct table *with_stand_ins(const struct table *table, const char *mark)
{
	autoclean(table_free_p) struct table *copy = table_copy(table);

	if (!copy)
		return NULL;
	array_for_each(chain, &copy->chains) {
		array_for_each(rule, &(*chain)->rules) {
			if (!rule_is_marked(*rule, mark) &&
			    !stand_in(*rule, table->name, (*chain)->name))
				return NULL;
		}
	}
	for (size_t i = 0; i < copy->sets.n;) {
		if (set_is_anonymous(copy->sets.v[i])) {
			i++;
			continue;
		}
		set_free(copy->sets.v[i]);
		copy->sets.v[i] = copy->sets.v[--copy->sets.n];
	}
	table_forget_names(copy);
	return steal_pointer(&copy);
}

static void drop_long_lists(struct table *table)
{
	array_for_each(set, &table->sets) {
		if (elements_count(&(*set)->elements) > LONG_LIST)
			elements_free(&(*set)->elements);
		set_change_size(*set, scratch_size(set_size(*set)));
	}
}

/* Rules at the head and the tail of a chain that both sides have: all but a few can be left out. */
static void find_middle(const struct chain *live, const struct chain *desired, size_t *ret_head,
			size_t *ret_tail)
{
	size_t n = live->rules.n, m = desired->rules.n, head = 0, tail = 0;

	while (head < n && head < m && rules_identical(live->rules.v[head], desired->rules.v[head]))
		head++;
	while (tail < n - head && tail < m - head &&
	       rules_identical(live->rules.v[n - 1 - tail], desired->rules.v[m - 1 - tail]))
		tail++;
	*ret_head = head > KEPT ? head - KEPT : 0;
	*ret_tail = tail > KEPT ? tail - KEPT : 0;
}

/* How many rules of a shape there are, and how many of them were met. */
struct tally {
	const struct rule_shape *shape;
	size_t all, met;
};
typedef ARRAY(struct tally) tallies;

/* Neighbours are of one shape more often than not, and shapes are few. */
static struct tally *find_tally(const tallies *list, const struct rule_shape *shape,
				struct tally *last)
{
	if (last && last->shape == shape)
		return last;
	array_for_each(tally, list) {
		if (tally->shape == shape)
			return tally;
	}
	return NULL;
}

static bool count_shapes(const struct chain *chain, size_t head, size_t end, tallies *list)
{
	struct tally *tally = NULL;

	for (size_t i = head; i < end; i++) {
		const struct rule_shape *shape = chain->rules.v[i]->shape;

		if (!shape)
			continue;
		tally = find_tally(list, shape, tally);
		if (!tally) {
			if (!array_push(list, (struct tally){.shape = shape}))
				return false;
			tally = &list->v[list->n - 1];
		}
		tally->all++;
	}
	return true;
}

/*
 * Rules of one shape are like the elements of a long list: but for the first and the last of them they are
 * left out. What the others have in the kernel differs in bytes that packets are compared with, which are
 * in it as they were sent (rule_shape.h), so that playing them tells no more; the kernel judges each when it
 * is committed.
 */
static bool is_one_of_many(struct tally *tally)
{
	size_t before = tally->met++;

	return before >= OF_A_SHAPE && tally->all - before > OF_A_SHAPE;
}

static bool push_rule(struct chain *to, const struct rule *rule)
{
	struct rule *copy = rule_copy(rule);

	if (copy && array_push(&to->rules, copy))
		return true;
	rule_free(copy);
	return false;
}

static bool push_rules(struct chain *to, const struct chain *from, size_t head, size_t tail)
{
	size_t end = from->rules.n - tail;
	struct tally *tally = NULL;
	tallies list = {0};
	bool ok = count_shapes(from, head, end, &list);

	for (size_t i = head; ok && i < end; i++) {
		const struct rule *rule = from->rules.v[i];

		tally = rule->shape ? find_tally(&list, rule->shape, tally) : NULL;
		if (!tally || !is_one_of_many(tally))
			ok = push_rule(to, rule);
	}
	array_free(&list);
	return ok;
}

/* A copy without the rules that this table and the other one (or NULL) have in common. */
static struct table *copy_middle(const struct table *table, const struct table *other, bool is_live)
{
	autoclean(table_free_p) struct table *copy = table_copy_frame(table);

	for (size_t i = 0; copy && i < table->chains.n; i++) {
		const struct chain *chain = table->chains.v[i];
		const struct chain *its = other ? table_find_chain(other, chain->name) : NULL;
		size_t head = 0, tail = 0;

		if (chain_is_bound(chain)) /* it has its rules */
			continue;
		if (its)
			find_middle(is_live ? chain : its, is_live ? its : chain, &head, &tail);
		if (!push_rules(copy->chains.v[i], chain, head, tail))
			return NULL;
	}
	return steal_pointer(&copy);
}

/* Long chains of which little changes are played without what stays: the kernel judges the whole when it
 * is committed. */
static bool push_middles(struct ruleset *live, struct ruleset *desired, const struct pair *pair,
			 struct untrack_error *err)
{
	struct table *before = copy_middle(pair->live, pair->desired, true);
	struct table *after = copy_middle(pair->desired, pair->live, false);
	bool ok = before && after && array_push(&live->tables, before);

	if (!ok || !array_push(&desired->tables, after)) {
		if (!ok)
			table_free(before);
		table_free(after);
		return error_memory(err);
	}
	drop_long_lists(before);
	drop_long_lists(after);
	return true;
}

static bool push_copy(struct ruleset *ruleset, const struct table *table, const char *mark,
		      struct untrack_error *err)
{
	struct table *copy;

	if (!table)
		return true;
	copy = mark ? with_stand_ins(table, mark) : copy_middle(table, NULL, false);
	if (!copy || !array_push(&ruleset->tables, copy)) {
		table_free(copy);
		return error_memory(err);
	}
	drop_long_lists(copy);
	return true;
}

/* Ends what was read and what was wanted in the same place? */
static bool compare(const struct ruleset *there, const struct ruleset *wanted,
		    struct untrack_error *err)
{
	bool same = there->tables.n == wanted->tables.n;

	for (size_t i = 0; same && i < wanted->tables.n; i++) {
		const struct table *table = wanted->tables.v[i];

		if (!diff_is_empty(ruleset_find(there, table->family, table->name), table, &same,
				   err))
			return false;
	}
	return same ? true
		    : error_set(err, ERROR_KERNEL,
				"the rehearsal in a scratch namespace did not end in what the "
				"document says; this is a mistake in untrack, or of the kernel");
}

static bool play(struct kernel *kernel, const struct ruleset *desired, struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *there =
		kernel_read(kernel, read_everything, NULL, err);
	autoclean(plan_free_p) struct plan *plan = plan_new(0);

	if (!there || !plan)
		return plan ? false : error_memory(err);
	array_for_each(table, &there->tables) {
		if (!ruleset_find(desired, (*table)->family, (*table)->name) &&
		    !diff_tables(*table, NULL, plan, err))
			return false;
	}
	array_for_each(table, &desired->tables) {
		if (!diff_tables(ruleset_find(there, (*table)->family, (*table)->name), *table,
				 plan, err))
			return false;
	}
	return kernel_commit(kernel, plan, 0, false, err) == COMMIT_DONE;
}

bool rehearse(const struct target *target, struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *live = ruleset_new(), *desired = ruleset_new();
	autoclean(ruleset_free_p) struct ruleset *there = NULL;
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autonetns ns = NETNS_OWN;

	if (!live || !desired)
		return error_memory(err);
	array_for_each(pair, &target->pairs) {
		bool both = pair->live && pair->desired && !pair->mark;

		if (both && table_is_plain(pair->live) && table_is_plain(pair->desired)) {
			if (!push_middles(live, desired, pair, err))
				return false;
			continue;
		}
		if (!push_copy(live, pair->live, pair->mark, err) ||
		    !push_copy(desired, pair->desired, pair->mark, err))
			return false;
	}
	if (!scratch_with_devices(target, &ns, err))
		return false;
	kernel = kernel_open(&ns, err);
	if (!kernel || !load_ruleset(kernel, live, err) || !play(kernel, desired, err))
		return false;
	there = kernel_read(kernel, read_everything, NULL, err);
	return there && compare(there, desired, err);
}
