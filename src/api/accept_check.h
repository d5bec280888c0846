/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold of a chain that accept rules shall go into. */
#pragma once

#include "base/error.h"
#include "compile/compile.h"
#include "model/policy.h"
#include "model/ruleset.h"

/* The chain exists (otherwise the message names those that do), is reached by a hook that fits, and
 * its table is not iptables-nft's (otherwise the message has the iptables lines to add by hand).
 * table NULL: there is none of that name. */
bool accept_check(const struct policy *policy, const struct ruleset *live,
		  const struct table *table, const struct policy_accept_in *entry,
		  struct untrack_error *err);

/* By which hooks the chain is reached: its own, or those of the base chains that jump to it. An error
 * if there is none, or one that accept rules have no business in. */
bool accept_directions(const struct policy *policy, const struct table *table,
		       const struct policy_accept_in *entry,
		       struct accept_directions *ret_directions, struct untrack_error *err);

/* Does the rule match `ct state`? */
bool rule_matches_state(const struct rule *rule);
/* Does no packet go on to the next rule, whatever it is? */
bool rule_ends_chain(const struct rule *rule);

/* Does any rule of these tables (others than the one of that name) make the namespace track? */
bool tracking_is_on(const struct ruleset *live, uint8_t family, const char *except);
