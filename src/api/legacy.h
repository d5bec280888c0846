/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of iptables-legacy's tables, for what looks at rules. */
#pragma once

#include "api/context.h"
#include "api/result.h"

/* As iptables-nft would have them. *ret_rules is NULL, and a warning says why, where they are there
 * and cannot be read. */
bool legacy_rules(struct untrack *untrack, struct ruleset **ret_rules, texts *warnings,
		  struct untrack_error *err);
