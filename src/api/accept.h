/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accept rules in chains of the user's own firewall: found again by their mark, placed anew only
 * where they have to be. */
#pragma once

#include "api/target.h"

/* Adds a pair for each foreign table in which the policy wants accept rules or has old ones. policy
 * NULL: take them all away. */
bool accept_add_pairs(struct target *target, const struct policy *policy, const char *mark,
		      struct untrack_error *err);

/* Is that a rule of ours: its comment begins with "MARK:"? */
bool rule_is_marked(const struct rule *rule, const char *mark);
bool table_has_marked(const struct table *table, const char *mark);

/* Takes all marked rules out of the chain. */
void chain_drop_marked(struct chain *chain, const char *mark);
