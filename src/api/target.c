/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/target.h"

#include "base/attr.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "diff/diff.h"
#include "kernel/sysctl.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void target_free(struct target *target)
{
	array_for_each(pair, &target->pairs) {
		if (!pair->borrowed)
			table_free(pair->desired);
		free(pair->mark);
	}
	array_for_each(wish, &target->sysctls) {
		free(wish->name);
	}
	array_free(&target->pairs);
	array_free(&target->sysctls);
	sysctl_values_free(&target->now);
	sysctl_values_free(&target->originals);
	sysctl_values_free(&target->originals_end);
	texts_free(&target->warnings);
	ruleset_free(target->live);
	free(target->owner);
	*target = (struct target){0};
}

char *table_title(uint8_t family, const char *name)
{
	char *title;

	return asprintf(&title, "%s %s", family_name(family), name) < 0 ? NULL : title;
}

bool target_add_pair(struct target *target, struct table *live, struct table *desired,
		     const char *mark, struct untrack_error *err)
{
	struct pair pair = {.live = live, .desired = desired, .mark = mark ? strdup(mark) : NULL};

	if ((mark && !pair.mark) || !array_push(&target->pairs, pair)) {
		table_free(desired);
		free(pair.mark);
		return error_memory(err);
	}
	return true;
}

DEFINE_AUTOCLEAN(struct plan, plan_free)

struct plan *target_plan(const struct target *target, struct untrack_error *err)
{
	autoclean(plan_free_p) struct plan *plan =
		plan_new(target->live ? target->live->generation : 0);

	if (!plan) {
		error_memory(err);
		return NULL;
	}
	array_for_each(pair, &target->pairs) {
		if (!diff_tables(pair->live, pair->desired, plan, err))
			return NULL;
	}
	array_for_each(wish, &target->sysctls) {
		struct plan_sysctl sysctl = {strdup(wish->name), wish->from, wish->to};

		if (!sysctl.name || !array_push(&plan->sysctls, sysctl)) {
			free(sysctl.name);
			error_memory(err);
			return NULL;
		}
	}
	return steal_pointer(&plan);
}

bool target_same_base(const struct target *a, const struct target *b, bool *ret_same,
		      struct untrack_error *err)
{
	bool same = a->pairs.n == b->pairs.n;

	for (size_t i = 0; same && i < a->pairs.n; i++) {
		const struct table *one = a->pairs.v[i].live, *other = b->pairs.v[i].live;

		same = !one == !other;
		if (same && one && !diff_is_empty(one, other, &same, err))
			return false;
	}
	*ret_same = same;
	return true;
}

static bool rule_has_xt(const struct rule *rule)
{
	struct span list = rule_expressions(rule);
	struct expression expression;

	while (expression_next(&list, &expression))
		if (expression_is(&expression, "match") || expression_is(&expression, "target"))
			return true;
	return false;
}

bool table_has_xt(const struct table *table)
{
	array_for_each(chain, &table->chains) {
		array_for_each(rule, &(*chain)->rules) {
			if (rule_has_xt(*rule))
				return true;
		}
	}
	return false;
}

bool pair_check_reversible(const struct pair *pair, struct untrack_error *err)
{
	const struct table *live = pair->live;
	bool same = false;

	if (!live || (!live->unknown && !table_has_xt(live)))
		return true;
	if (pair->desired && !live->unknown && !diff_is_empty(live, pair->desired, &same, err))
		return false;
	if (same)
		return true;
	return error_set(
		err, ERROR_CONFLICT,
		"table '%s %s' %s: it could not be put back; expected a document that leaves "
		"it as it is, or does without it",
		family_name(live->family), live->name,
		live->unknown ? "holds something that cannot be read"
			      : "holds rules of iptables-nft (xt expressions)");
}
