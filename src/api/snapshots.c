/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/snapshots.h"

#include "api/accept.h"
#include "api/target_maker.h"
#include "base/cleanup.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct chain, chain_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)

static bool add_own_table(struct snapshot *snapshot, const struct pair *pair)
{
	const struct table *known = pair->live ? pair->live : pair->desired;
	struct snapshot_table entry = {.family = known->family, .name = strdup(known->name)};

	if (pair->live)
		entry.table = pair->live; /* the target outlives what is written of it */
	entry.borrowed = true;
	if (entry.name && (entry.table || !pair->live) && array_push(&snapshot->tables, entry))
		return true;
	free(entry.name);
	return false;
}

static bool uses_set(const struct rule *rule, const char *set)
{
	struct span list = rule_expressions(rule);
	struct expression expression;

	while (expression_next(&list, &expression)) {
		const char *name = !strcmp(expression.name, "lookup")
					   ? attr_find_text(expression.data, NFTA_LOOKUP_SET)
					   : NULL;

		if (name && !strcmp(name, set))
			return true;
	}
	return false;
}

static bool marked_rules_use(const struct chain *chain, const char *set, const char *mark)
{
	array_for_each(rule, &chain->rules) {
		if (rule_is_marked(*rule, mark) && uses_set(*rule, set))
			return true;
	}
	return false;
}

static struct table *chain_content(const struct table *live, const struct chain *chain,
				   const char *mark)
{
	autoclean(table_free_p) struct table *content = table_new(live->family, live->name);
	autoclean(chain_free_p) struct chain *copy = chain_copy(chain);

	if (!content || !copy || !array_push(&content->chains, copy))
		return NULL;
	copy = NULL;
	array_for_each(set, &live->sets) {
		struct set *one;

		if (!set_is_anonymous(*set) || !marked_rules_use(chain, (*set)->name, mark))
			continue;
		one = set_copy(*set);
		if (!one || !array_push(&content->sets, one)) {
			set_free(one);
			return NULL;
		}
	}
	return steal_pointer(&content);
}

static bool has_marked(const struct table *table, const char *chain, const char *mark)
{
	const struct chain *found = table_find_chain(table, chain);

	if (!found)
		return false;
	array_for_each(rule, &found->rules) {
		if (rule_is_marked(*rule, mark))
			return true;
	}
	return false;
}

static bool add_chains(struct snapshot *snapshot, const struct pair *pair)
{
	array_for_each(chain, &pair->live->chains) {
		struct snapshot_chain entry = {.family = pair->live->family};

		if (!has_marked(pair->live, (*chain)->name, pair->mark) &&
		    !has_marked(pair->desired, (*chain)->name, pair->mark))
			continue;
		entry.table = strdup(pair->live->name);
		entry.chain = strdup((*chain)->name);
		entry.mark = strdup(pair->mark);
		entry.content = chain_content(pair->live, *chain, pair->mark);
		if (entry.table && entry.chain && entry.mark && entry.content &&
		    array_push(&snapshot->chains, entry))
			continue;
		free(entry.table);
		free(entry.chain);
		free(entry.mark);
		table_free(entry.content);
		return false;
	}
	return true;
}

static bool add_sysctl(struct snapshot *snapshot, const char *name, uint64_t value)
{
	struct sysctl_value entry = {strdup(name), value};

	if (entry.name && array_push(&snapshot->sysctls, entry))
		return true;
	free(entry.name);
	return false;
}

/* Those that change, and those that this table's policy has set before, as they are now. */
static bool add_sysctls(struct snapshot *snapshot, const struct target *target)
{
	array_for_each(value, &target->now) {
		if (!add_sysctl(snapshot, value->name, value->value))
			return false;
	}
	return true;
}

struct snapshot *snapshot_of_target(const struct target *target, const char *document,
				    uint32_t rollback_to, struct untrack_error *err)
{
	autoclean(snapshot_free_p) struct snapshot *snapshot = snapshot_new();
	bool ok = snapshot;

	if (ok) {
		snapshot->time = time(NULL);
		snapshot->generation = target->live->generation;
		snapshot->rollback_to = rollback_to;
		snapshot->document = strdup(document);
		ok = snapshot->document;
	}
	for (size_t i = 0; ok && i < target->pairs.n; i++) {
		const struct pair *pair = &target->pairs.v[i];

		ok = pair->mark ? add_chains(snapshot, pair) : add_own_table(snapshot, pair);
	}
	if (ok && add_sysctls(snapshot, target))
		return steal_pointer(&snapshot);
	error_memory(err);
	return NULL;
}

/* ------------------------------------------------------------------ undo */

static bool differs_from_now(struct untrack *untrack, const struct snapshot *snapshot,
			     bool *ret_differs, struct untrack_error *err)
{
	struct target_maker maker = {.make = target_of_snapshot, .snapshot = snapshot};
	autoclean(plan_free_p) struct plan *plan = NULL;
	autotarget target = {0};

	if (!maker.make(&maker, untrack, &target, err))
		return false;
	plan = target_plan(&target, err);
	if (!plan)
		return false;
	*ret_differs = !plan_is_empty(plan);
	return true;
}

/* One that cannot be read stands for a change of its own: going back beyond it would undo that too. */
static bool nothing_skipped(struct untrack *untrack, uint32_t above, uint32_t below,
			    struct untrack_error *err)
{
	uint32_t id = store_damaged_between(untrack->store, above, below);

	return !id ||
	       error_set(err, ERROR_SYSTEM,
			 "the last change cannot be undone: %s; 'untrack rollback N' returns to "
			 "one of those that 'untrack history' lists",
			 store_damaged(untrack->store));
}

struct snapshot *snapshot_to_undo(struct untrack *untrack, struct untrack_error *err)
{
	__attribute__((cleanup(snapshots_free))) snapshots list = {0};
	uint32_t below = UINT32_MAX;

	if (!store_list(untrack->store, &list, err))
		return NULL;
	for (size_t i = list.n; i-- > 0;) {
		const struct snapshot *head = list.v[i];
		autoclean(snapshot_free_p) struct snapshot *snapshot = NULL;
		bool differs;

		if (head->id >= below)
			continue;
		if (!nothing_skipped(untrack, head->id, below, err))
			return NULL;
		if (head->rollback_to) { /* that change was itself a way back: go on from there */
			below = head->rollback_to;
			continue;
		}
		snapshot = store_load_snapshot(untrack->store, head->id, err);
		if (!snapshot || !differs_from_now(untrack, snapshot, &differs, err))
			return NULL;
		if (differs)
			return steal_pointer(&snapshot);
	}
	if (!nothing_skipped(untrack, 0, below, err))
		return NULL;
	error_set(err, ERROR_USAGE,
		  list.n ? "there is no earlier change to undo; 'untrack history' lists the "
			   "snapshots, "
			   "'untrack rollback N' returns to one"
			 : "there is nothing to roll back: no snapshot has been taken in this "
			   "network "
			   "namespace");
	return NULL;
}
