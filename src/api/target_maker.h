/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a target is made of: a policy, another document, a snapshot, or a removal. */
#pragma once

#include "api/target.h"
#include "document/document.h"

struct ahead;
struct memo;

/* What makes a target; called again when the ruleset changed underneath. */
struct target_maker {
	bool (*make)(const struct target_maker *maker, struct untrack *untrack,
		     struct target *ret_target, struct untrack_error *err);
	const struct document *document;
	const struct table *user_rules; /* the policy's `rules`, loaded and read back */
	const struct ruleset *compiled; /* other documents: what libnftables made of them */
	const interfaces *devices;	/* that they name */
	const struct memo *memo;	/* what of them is to be remembered, or NULL */
	struct ahead *ahead;		/* the live ruleset, read already; or NULL */
	bool take_over;
	bool whole_ruleset;
	const struct snapshot *snapshot;
	uint8_t family; /* removal: which table */
	const char *table;
};

bool target_of_policy(const struct target_maker *maker, struct untrack *untrack,
		      struct target *ret_target, struct untrack_error *err);
bool target_of_ruleset(const struct target_maker *maker, struct untrack *untrack,
		       struct target *ret_target, struct untrack_error *err);
bool target_of_snapshot(const struct target_maker *maker, struct untrack *untrack,
			struct target *ret_target, struct untrack_error *err);
bool target_of_removal(const struct target_maker *maker, struct untrack *untrack,
		       struct target *ret_target, struct untrack_error *err);
