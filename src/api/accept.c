/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/accept.h"

#include "api/accept_check.h"
#include "api/adopt.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "model/fields.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct table, table_free)

bool rule_is_marked(const struct rule *rule, const char *mark)
{
	const char *comment = rule_comment(rule);
	size_t len = strlen(mark);

	return comment && !strncmp(comment, mark, len) && comment[len] == ':';
}

bool table_has_marked(const struct table *table, const char *mark)
{
	array_for_each(chain, &table->chains) {
		array_for_each(rule, &(*chain)->rules) {
			if (rule_is_marked(*rule, mark))
				return true;
		}
	}
	return false;
}

void chain_drop_marked(struct chain *chain, const char *mark)
{
	size_t n = 0;

	array_for_each(rule, &chain->rules) {
		if (rule_is_marked(*rule, mark))
			rule_free(*rule);
		else
			chain->rules.v[n++] = *rule;
	}
	chain->rules.n = n;
}

/* All rules of a table that has just one chain. */
static bool insert_rules(struct table *table, struct chain *chain, size_t at,
			 const struct table *rules, struct untrack_error *err)
{
	autofree char *prefix = NULL;

	if (asprintf(&prefix, "__set:%s:", chain->name) < 0)
		return error_memory(err);
	array_for_each(rule, &rules->chains.v[0]->rules) {
		if (!chain_insert_rule(table, chain, at++, rules, *rule, prefix))
			return error_memory(err);
	}
	return table_take_sets(table, rules, prefix) ? true : error_memory(err);
}

/* ------------------------------------------------------------------ where they go */

/* In front of the first rule that matches `ct state`. Where there is none: of the first that no packet
 * gets past, behind which ours would be in vain. */
static size_t first_state_rule(const struct chain *chain, const char *mark)
{
	size_t end = chain->rules.n;

	for (size_t i = 0; i < chain->rules.n; i++) {
		const struct rule *rule = chain->rules.v[i];

		if (rule_is_marked(rule, mark))
			continue;
		if (rule_matches_state(rule))
			return i;
		if (end == chain->rules.n && rule_ends_chain(rule))
			end = i;
	}
	return end;
}

static size_t place_in(const struct chain *chain, enum accept_position position, const char *mark)
{
	switch (position) {
	case POSITION_FIRST:
		return 0;
	case POSITION_LAST:
		return chain->rules.n;
	case POSITION_BEFORE_STATE:
	default:
		return first_state_rule(chain, mark);
	}
}

/*
 * Are the rules that the chain has of ours those wanted, in order, at a place that will do? Then they
 * stay where they are, also when the user has put rules of his own between them and the place where
 * they would be put today.
 */
static bool already_there(const struct table *table, const struct chain *chain,
			  const struct table *wanted, enum accept_position position,
			  const char *mark)
{
	const struct chain *rules = wanted->chains.v[0];
	size_t state = first_state_rule(chain, mark), found = 0, first = SIZE_MAX, last = 0;

	for (size_t i = 0; i < chain->rules.n; i++) {
		if (!rule_is_marked(chain->rules.v[i], mark))
			continue;
		if (found == rules->rules.n ||
		    !rules_equal(table, chain->rules.v[i], wanted, rules->rules.v[found]))
			return false;
		found++;
		first = first == SIZE_MAX ? i : first;
		last = i;
	}
	if (found != rules->rules.n)
		return false;
	if (!found || position == POSITION_BEFORE_STATE)
		return !found || last < state;
	if (last - first + 1 != found)
		return false;
	return position == POSITION_FIRST ? first == 0 : last + 1 == chain->rules.n;
}

/* ------------------------------------------------------------------ per table */

struct accept {
	struct target *target;
	const struct policy *policy; /* or NULL */
	const char *mark;
	bool tracking;
	struct untrack_error *err;
};

static const struct policy_accept_in *find_entry(const struct accept *a, const struct table *table,
						 const char *chain)
{
	if (!a->policy)
		return NULL;
	array_for_each(entry, &a->policy->accept_in) {
		if (entry->family == table->family && !strcmp(entry->table, table->name) &&
		    (!chain || !strcmp(entry->chain, chain)))
			return entry;
	}
	return NULL;
}

static struct table *wanted_rules(const struct accept *a, const struct table *table,
				  const struct policy_accept_in *entry)
{
	struct accept_directions directions;

	if (!accept_directions(a->policy, table, entry, &directions, a->err))
		return NULL;
	return compile_accept(a->policy, entry, directions, a->err);
}

static bool settle_chain(const struct accept *a, struct table *desired, struct chain *chain,
			 const struct policy_accept_in *entry)
{
	autoclean(table_free_p) struct table *wanted = NULL;

	if (!entry || !a->tracking) {
		chain_drop_marked(chain, a->mark);
		return true;
	}
	wanted = wanted_rules(a, desired, entry);
	if (!wanted)
		return false;
	if (!wanted->chains.n || already_there(desired, chain, wanted, entry->position, a->mark)) {
		if (!wanted->chains.n)
			chain_drop_marked(chain, a->mark);
		return true;
	}
	chain_drop_marked(chain, a->mark);
	return insert_rules(desired, chain, place_in(chain, entry->position, a->mark), wanted,
			    a->err);
}

static bool settle_table(const struct accept *a, struct table *live)
{
	autoclean(table_free_p) struct table *desired = table_copy(live);

	if (!desired)
		return error_memory(a->err);
	for (size_t i = 0; i < desired->chains.n; i++) {
		struct chain *chain = desired->chains.v[i];

		if (!settle_chain(a, desired, chain, find_entry(a, live, chain->name)))
			return false;
	}
	return target_add_pair(a->target, live, steal_pointer(&desired), a->mark, a->err);
}

static bool check_entries(const struct accept *a)
{
	array_for_each(entry, &a->policy->accept_in) {
		const struct table *table =
			ruleset_find(a->target->live, entry->family, entry->table);

		if (!accept_check(a->policy, a->target->live, table, entry, a->err))
			return false;
	}
	if (a->policy->accept_in.n && !a->tracking)
		return warn(
			&a->target->warnings, a->err,
			"accept_in: nothing in this network namespace tracks connections, so no "
			"accept rules are needed; none were written");
	return true;
}

bool accept_add_pairs(struct target *target, const struct policy *policy, const char *mark,
		      struct untrack_error *err)
{
	struct accept a = {.target = target, .policy = policy, .mark = mark, .err = err};

	a.tracking = policy && tracking_is_on(target->live, policy->family, policy->table);
	if (policy && !check_entries(&a))
		return false;
	for (size_t i = 0; i < target->live->tables.n; i++) {
		struct table *table = target->live->tables.v[i];

		if (!table->unknown &&
		    (find_entry(&a, table, NULL) || table_has_marked(table, mark)) &&
		    !settle_table(&a, table))
			return false;
	}
	return true;
}
