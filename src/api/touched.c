/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/touched.h"

#include <stdlib.h>
#include <string.h>

/* What more rules make of a ruleset is not told one by one. */
enum { RULES_MAX = 16 };

void touched_free(struct touched *touched)
{
	array_for_each(table, &touched->ruleset.tables) {
		array_for_each(chain, &(*table)->chains) {
			array_for_each(rule, &(*chain)->rules) {
				rule_free(*rule);
			}
			array_free(&(*chain)->rules);
			free(*chain);
		}
		array_free(&(*table)->chains);
		table_forget_names(*table);
		free(*table);
	}
	array_free(&touched->ruleset.tables);
	array_free(&touched->origins);
}

/* The table without its chains. */
static struct table *find_table(struct touched *touched, const struct table *origin)
{
	struct table *table;

	for (size_t i = 0; i < touched->origins.n; i++)
		if (touched->origins.v[i] == origin)
			return touched->ruleset.tables.v[i];
	table = malloc(sizeof(*table));
	if (!table || !array_push(&touched->ruleset.tables, table)) {
		free(table);
		return NULL;
	}
	*table = *origin;
	memset(&table->chains, 0, sizeof(table->chains));
	table->chain_names = table->set_names = table->object_names = (struct name_index){0};
	return array_push(&touched->origins, origin) ? table : NULL;
}

static struct chain *find_chain(struct table *table, const struct chain *origin)
{
	struct chain *chain = table_find_chain(table, origin->name);

	if (chain)
		return chain;
	chain = malloc(sizeof(*chain));
	if (!chain || !array_push(&table->chains, chain)) {
		free(chain);
		return NULL;
	}
	*chain = *origin;
	memset(&chain->rules, 0, sizeof(chain->rules));
	return chain;
}

static bool add(struct touched *touched, const struct table *origin, const struct chain *in,
		const struct rule *rule)
{
	struct table *table = origin ? find_table(touched, origin) : NULL;
	struct chain *chain = table ? find_chain(table, in) : NULL;
	struct rule *copy = chain ? rule_copy(rule) : NULL;

	if (copy && array_push(&chain->rules, copy))
		return true;
	rule_free(copy);
	return false;
}

/* The live table that becomes this one. */
static const struct table *live_of(const struct target *target, const struct table *desired)
{
	array_for_each(pair, &target->pairs) {
		if (pair->desired == desired)
			return pair->live;
	}
	return NULL;
}

static bool add_step(struct touched *touched, const struct target *target,
		     const struct plan_step *step)
{
	return add(touched, step->table, step->chain, step->rule) &&
	       (step->operation != OPERATION_REPLACE ||
		add(touched, live_of(target, step->table), step->chain, step->old));
}

/* Sets and chains that rules bring along. */
static bool is_part_of_rule(const struct plan_step *step)
{
	switch (step->kind) {
	case OBJECT_SET:
	case OBJECT_ELEMENT:
		return set_is_anonymous(step->set);
	case OBJECT_CHAIN:
		return chain_is_bound(step->chain);
	case OBJECT_RULE:
	case OBJECT_TABLE:
	case OBJECT_STATEFUL:
	case OBJECT_FLOWTABLE:
	case OBJECT_KINDS:
		break;
	}
	return false;
}

bool touched_find(const struct target *target, const struct plan *plan, struct touched *touched,
		  struct untrack_error *err)
{
	size_t count = 0;

	touched->alone = false;
	array_for_each(step, &plan->steps) {
		if (step->kind == OBJECT_RULE ? ++count > RULES_MAX : !is_part_of_rule(step))
			return true;
	}
	array_for_each(step, &plan->steps) {
		if (step->kind == OBJECT_RULE && !add_step(touched, target, step))
			return error_memory(err);
	}
	touched->alone = !plan->sysctls.n;
	return true;
}
