/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of the filter table that accept untracked packets. */
#pragma once

#include "document/import/rules.h"

enum { HINT_INPUT = 1, HINT_OUTPUT = 2, HINT_FORWARD = 4 };

struct hint {
	const struct raw_rule *rule;
	unsigned hooks; /* of the table's own chains that lead to it */
};
typedef ARRAY(struct hint) hints;

/* False without memory. */
bool hints_find(const struct import *import, hints *ret_hints);
/* The nft rule that does the same in the user's own chain, as a warning. */
void hint_warn(struct import *import, const struct hint *hint);
/* The one chain of this host's nft ruleset at that hook that accept rules can go to, "inet filter
 * input", owned; NULL: there is none, or several, or they are iptables'. */
char *hint_chain(unsigned hook);
