/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/render_spread.h"

#include "api/adopt.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

enum {
	WORTHWHILE = 256, /* rules in all */
	RULES_MAX = 500,  /* in a part */
};

void spread_free(struct spread *spread)
{
	array_for_each(one, &spread->tables) {
		table_free(one->bare);
	}
	array_free(&spread->tables);
	array_for_each(part, &spread->parts) {
		ruleset_free(part->ruleset);
	}
	array_free(&spread->parts);
}

/* Has it such a set, and nothing else that is not simply there in each copy? */
static bool has_sets(const struct table *table, const struct rule *rule)
{
	struct span rest = rule_expressions(rule);
	struct expression expression;
	bool found = false;

	while (expression_next(&rest, &expression)) {
		if (!strcmp(expression.name, "dynset") || !strcmp(expression.name, "objref"))
			return false;
		found |= expression_set(table, &expression) != NULL;
	}
	return found;
}

/* Devices have one flowtable, and meters and chains of rules are not looked for. */
static bool can_be_copied(const struct table *table)
{
	array_for_each(set, &table->sets) {
		if (set_is_meter(*set))
			return false;
	}
	array_for_each(chain, &table->chains) {
		if (chain_is_bound(*chain))
			return false;
	}
	return !table->flowtables.n && table->family != NFPROTO_NETDEV;
}

struct spread spread_for(const struct plan *plan)
{
	size_t count = 0;

	array_for_each(step, &plan->steps) {
		count += step->kind == OBJECT_RULE && has_sets(step->table, step->rule);
	}
	return (struct spread){.worthwhile = count > WORTHWHILE};
}

static struct table *copy_bare(const struct table *table)
{
	struct table *bare = table_copy_frame(table);
	size_t kept = 0;

	for (size_t i = 0; bare && i < bare->sets.n; i++) {
		if (set_is_anonymous(bare->sets.v[i]))
			set_free(bare->sets.v[i]);
		else
			bare->sets.v[kept++] = bare->sets.v[i];
	}
	if (bare) {
		bare->sets.n = kept;
		table_forget_names(bare);
	}
	return bare;
}

/* No table that nft makes has a colon in its name. */
static bool begin_part(struct spread *spread, struct spread_table *one, bool before)
{
	struct spread_part part = {.ruleset = ruleset_new(), .before = before};
	struct table *copy = part.ruleset ? table_copy_frame(one->bare) : NULL;
	char *name = NULL;

	if (!copy || asprintf(&name, "%.200s:%zu", one->bare->name, spread->parts.n) < 0 ||
	    !array_push(&part.ruleset->tables, copy)) {
		table_free(copy);
		ruleset_free(part.ruleset);
		return false;
	}
	free(copy->name);
	copy->name = name;
	if (!array_push(&spread->parts, part)) {
		ruleset_free(part.ruleset);
		return false;
	}
	one->now = copy;
	one->rules = 0;
	return true;
}

static struct spread_table *find(struct spread *spread, const struct table *from)
{
	struct spread_table fresh = {.from = from};

	array_for_each(one, &spread->tables) {
		if (one->from == from)
			return one;
	}
	if (can_be_copied(from) && !(fresh.bare = copy_bare(from)))
		return NULL;
	if (array_push(&spread->tables, fresh))
		return &spread->tables.v[spread->tables.n - 1];
	table_free(fresh.bare);
	return NULL;
}

struct table *spread_place(struct spread *spread, struct table *from, const struct rule *rule,
			   bool before)
{
	struct spread_table *one;

	if (!spread->worthwhile || !has_sets(from, rule))
		return from;
	one = find(spread, from);
	if (!one || !one->bare)
		return one ? from : NULL;
	if ((!one->now || one->rules >= RULES_MAX) && !begin_part(spread, one, before))
		return NULL;
	one->rules++;
	return table_take_sets_of_rule(one->now, from, rule, "") ? one->now : NULL;
}
