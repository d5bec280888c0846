/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy becomes a ruleset: its own table, and accept rules for chains of the user's firewall. */
#pragma once

#include "base/error.h"
#include "model/policy.h"
#include "model/ruleset.h"

/*
 * The policy's table: a base chain for each hook, whose rules look packets up in maps. user_rules
 * holds the kernel's form of policy->rules, as a table with chains "prerouting" and "output" that
 * libnftables loaded and that was read back (its anonymous sets come along); NULL if the policy has
 * none. The result has all objects' attributes as the kernel will dump them, origins for messages
 * ("service 'web'"), and the mark as its comment.
 */
struct table *compile_table(const struct policy *policy, const struct table *user_rules,
			    struct untrack_error *err);

/*
 * The accept rules of one accept_in entry, in order, as rules of a table of that family with their
 * anonymous sets: returned as a table whose one chain (named as in `at`) holds just them.
 * directions tells which the chain is reached by.
 */
struct accept_directions {
	bool input;
	bool output;
	bool forward;
};
struct table *compile_accept(const struct policy *policy, const struct policy_accept_in *at,
			     struct accept_directions directions, struct untrack_error *err);

/* The mark that begins the comments of objects of that table: "untrack inet untrack". Owned by the
 * caller. */
char *compile_mark(uint8_t family, const char *table);
