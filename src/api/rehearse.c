/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/rehearse.h"

#include "api/accept.h"
#include "api/alike.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "diff/diff.h"
#include "kernel/kernel.h"
#include "model/fields.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Sets longer than this are rehearsed empty. */
enum { LONG_LIST = 20000 };
/* Neighbours of what changes that are played along; how many rules from a change on both sides are
 * looked through for where they go on alike; and for how many changes of a chain. */
enum { KEPT = 4, NEAR = 32, CHANGES_MAX = 64 };

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

/* The rules that two chains, live and desired, have in common and far from what changes. */
struct common {
	const struct table *table[2];
	const struct chain *chain[2];
	bool plain; /* the tables: rules with the same bytes are the same */
	bool *is_left_out[2];
};

static void common_free(struct common *common)
{
	free(common->is_left_out[0]);
	free(common->is_left_out[1]);
}

static bool are_identical(const struct common *c, size_t i, size_t j)
{
	const struct rule *live = c->chain[0]->rules.v[i], *desired = c->chain[1]->rules.v[j];

	return c->plain ? rules_identical(live, desired)
			: rules_equal(c->table[0], live, c->table[1], desired);
}

/* Leaves out `count` rules from these on, but for a few at those ends where a change is next. */
static void leave_out(struct common *c, size_t i, size_t j, size_t count, bool first, bool last)
{
	size_t before = first ? 0 : KEPT, behind = last ? 0 : KEPT;

	for (size_t k = before; k + behind < count; k++)
		c->is_left_out[0][i + k] = c->is_left_out[1][j + k] = true;
}

/* Behind a change, where both go on alike for some rules. False if that is not near. */
static bool find_again(const struct common *c, size_t *i, size_t *j, size_t n, size_t m)
{
	for (size_t far = 1; far <= NEAR; far++) {
		for (size_t a = 0; a <= far; a++) {
			size_t alike = 0;

			while (alike < KEPT && *i + a + alike < n && *j + far - a + alike < m &&
			       are_identical(c, *i + a + alike, *j + far - a + alike))
				alike++;
			if (alike == KEPT) {
				*i += a;
				*j += far - a;
				return true;
			}
		}
	}
	return false;
}

static void find_common(struct common *c)
{
	size_t n = c->chain[0]->rules.n, m = c->chain[1]->rules.n, tail = 0, i = 0, j = 0;

	while (tail < n && tail < m && are_identical(c, n - 1 - tail, m - 1 - tail))
		tail++;
	leave_out(c, n - tail, m - tail, tail, tail == n && tail == m, true);
	n -= tail;
	m -= tail;
	for (unsigned changes = 0; changes < CHANGES_MAX; changes++) {
		size_t alike = 0;

		while (i + alike < n && j + alike < m && are_identical(c, i + alike, j + alike))
			alike++;
		leave_out(c, i, j, alike, !i && !j, false);
		i += alike;
		j += alike;
		if (!find_again(c, &i, &j, n, m))
			break;
	}
}

static bool common_make(struct common *c, const struct pair *pair, const struct chain *live,
			const struct chain *desired)
{
	*c = (struct common){
		.table = {pair->live, pair->desired},
		.chain = {live, desired},
		.plain = table_is_plain(pair->live) && table_is_plain(pair->desired),
	};
	for (int side = 0; side < 2; side++) {
		c->is_left_out[side] = calloc(c->chain[side]->rules.n + 1, sizeof(bool));
		if (!c->is_left_out[side])
			return false;
	}
	find_common(c);
	return true;
}

static bool push_rule(struct chain *to, const struct rule *rule)
{
	struct rule *copy = rule_copy(rule);

	if (copy && array_push(&to->rules, copy))
		return true;
	rule_free(copy);
	return false;
}

static bool push_rules(struct chain *to, const struct table *table, const struct chain *from,
		       const bool *is_left_out)
{
	autofree bool *out = alike_leave_out(table, from, is_left_out);
	bool ok = out;

	for (size_t i = 0; ok && i < from->rules.n; i++)
		ok = out[i] || push_rule(to, from->rules.v[i]);
	return ok;
}

/* The chain of that name with rules of its own: those that are bound to a rule have theirs copied with
 * the table. other may be NULL. */
static const struct chain *twin_of(const struct chain *chain, const struct table *other)
{
	const struct chain *twin = other ? table_find_chain(other, chain->name) : NULL;

	return twin && !chain_is_bound(twin) ? twin : NULL;
}

/* The rules of chains that the other table (or NULL) does not have. */
static bool push_own(struct table *copy, const struct table *table, const struct table *other)
{
	for (size_t i = 0; i < table->chains.n; i++) {
		const struct chain *chain = table->chains.v[i];

		if (!chain_is_bound(chain) && !twin_of(chain, other) &&
		    !push_rules(copy->chains.v[i], table, chain, NULL))
			return false;
	}
	return true;
}

/* Of the chains that both have, the rules that they do not have in common, and some around these. */
static bool push_twins(struct table *before, struct table *after, const struct pair *pair)
{
	for (size_t i = 0; i < pair->live->chains.n; i++) {
		__attribute__((cleanup(common_free))) struct common common = {0};
		const struct chain *chain = pair->live->chains.v[i];
		const struct chain *twin = twin_of(chain, pair->desired);

		if (chain_is_bound(chain) || !twin)
			continue;
		if (!common_make(&common, pair, chain, twin) ||
		    !push_rules(before->chains.v[i], pair->live, chain, common.is_left_out[0]) ||
		    !push_rules(table_find_chain(after, twin->name), pair->desired, twin,
				common.is_left_out[1]))
			return false;
	}
	return true;
}

static bool has_bound_chains(const struct table *table)
{
	array_for_each(chain, &table->chains) {
		if (chain_is_bound(*chain))
			return true;
	}
	return false;
}

static struct table *copy_whole(const struct table *table)
{
	autoclean(table_free_p) struct table *copy = table_copy_frame(table);

	return copy && push_own(copy, table, NULL) ? steal_pointer(&copy) : NULL;
}

/* Long chains of which little changes are played without what stays: the kernel judges the whole when it
 * is committed. */
static bool push_middles(struct ruleset *live, struct ruleset *desired, const struct pair *pair,
			 struct untrack_error *err)
{
	autoclean(table_free_p) struct table *before = table_copy_frame(pair->live);
	autoclean(table_free_p) struct table *after = table_copy_frame(pair->desired);

	if (!before || !after || !push_twins(before, after, pair) ||
	    !push_own(before, pair->live, pair->desired) ||
	    !push_own(after, pair->desired, pair->live))
		return error_memory(err);
	drop_long_lists(before);
	drop_long_lists(after);
	if (!array_push(&live->tables, before))
		return error_memory(err);
	before = NULL;
	if (!array_push(&desired->tables, after))
		return error_memory(err);
	after = NULL;
	return true;
}

static bool push_copy(struct ruleset *ruleset, const struct table *table, const char *mark,
		      struct untrack_error *err)
{
	struct table *copy;

	if (!table)
		return true;
	copy = mark ? with_stand_ins(table, mark) : copy_whole(table);
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

		if (both && !has_bound_chains(pair->live) && !has_bound_chains(pair->desired)) {
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
