/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that go from one table to another, with the anonymous sets that they look up. There these are known by
 * their name with a prefix, which begins with "__set" (or is empty): by that the kernel layer knows names that
 * the kernel shall make (set_is_meter()).
 */
#pragma once

#include "model/ruleset.h"

/* The anonymous set that an expression looks up, or NULL. */
const struct set *expression_set(const struct table *table, const struct expression *expression);

/* A rule of the table `from`, in a chain of that name. NULL without memory. */
struct rule *rule_copy_renamed(const char *table, const char *chain, const struct table *from,
			       const struct rule *rule, const char *prefix);
/* The same, in the chain. */
bool chain_insert_rule(const struct table *table, struct chain *chain, size_t at,
		       const struct table *from, const struct rule *rule, const char *prefix);

/* All sets, or those of a rule. False without memory. */
bool table_take_sets(struct table *table, const struct table *from, const char *prefix);
bool table_take_sets_of_rule(struct table *table, const struct table *from, const struct rule *rule,
			     const char *prefix);
