/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rules have to do with connection tracking, xt expressions of iptables-nft included.
 */
#pragma once

#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

/* Bits. */
enum tracking_trait {
	TRAIT_TRACKS = 1,      /* being there turns tracking on for the table's families */
	TRAIT_UNTRACKS = 2,    /* notrack, CT --notrack */
	TRAIT_DEFRAGMENTS = 4, /* tproxy, socket: turns defragmentation on */
	TRAIT_SYNPROXY = 8,
	TRAIT_OFFLOADS = 16, /* flow add */
};

/* Of one expression. *ret_why (if not NULL, and a trait is there) is a word for it: "ct",
 * "masquerade", "xt conntrack"; inside the expression or constant. */
unsigned expression_traits(const struct expression *expression, const char **ret_why);
/* All expressions of a rule; the word is that of the first that tracks, or has any trait. */
unsigned rule_traits(const struct rule *rule, const char **ret_why);
/* Calls fn for each chain that the rule jumps or goes to. */
typedef void rule_target_fn(void *arg, const char *chain);
void rule_targets(const struct table *table, const struct rule *rule, rule_target_fn *fn,
		  void *arg);
/* Which of the table's chains a packet in that chain may come to, itself included (through verdict
 * maps too, as far as their elements were read): one bool for each of table->chains, owned by the
 * caller. NULL without memory. */
bool *chain_reach(const struct table *table, const struct chain *chain, struct untrack_error *err);

/* What turns tracking on (nf_ct_netns_get() in the kernel). A dormant table does so too, and a
 * stateful object or a set without any rule. */
struct tracker {
	uint8_t family;
	const char *table;
	const char *chain; /* NULL: an object or a set */
	const char *why;   /* inside the ruleset or constant: "ct", "ct helper object", … */
};
typedef ARRAY(struct tracker) trackers;
bool table_tracks(const struct table *table);
/* One for each chain, set or object, in the ruleset's order; borrows from the ruleset. */
bool ruleset_trackers(const struct ruleset *ruleset, trackers *ret_trackers,
		      struct untrack_error *err);
