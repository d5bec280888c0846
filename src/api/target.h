/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a document, a snapshot or a removal wants of this host, beside what is there: pairs of tables,
 * live and desired, that diff compares, and the sysctls. Made anew on each attempt, since the live
 * side moves.
 */
#pragma once

#include "api/context.h"
#include "api/result.h"
#include "base/array.h"
#include "kernel/mirror.h"
#include "model/plan.h"
#include "model/ruleset.h"
#include "store/store.h"

/* One table. */
struct pair {
	struct table *live;    /* in target->live, or NULL: not there */
	struct table *desired; /* owned unless borrowed; NULL: shall not be there */
	bool borrowed;
	char *mark; /* foreign tables: which of its rules are ours; NULL: the table is ours */
};

struct sysctl_wish {
	char *name;
	uint64_t from; /* now */
	uint64_t to;
};

struct target {
	struct ruleset *live;
	ARRAY(struct pair) pairs;
	ARRAY(struct sysctl_wish) sysctls; /* those that differ and can be written */
	char *owner;			   /* "inet untrack": whose sysctls these are, or NULL */
	sysctl_values now;		   /* all that owner sets or has set, as they are now */
	sysctl_values originals;     /* what they were before: recorded before any is written */
	sysctl_values originals_end; /* what remains to be remembered afterwards */
	texts warnings;
	bool verified; /* long sets had to be looked at: they were not remembered of this generation */
	const interfaces
		*devices; /* borrowed: what a scratch namespace needs of interfaces, or NULL */
};

void target_free(struct target *target);
#define autotarget __attribute__((cleanup(target_free))) struct target

/* The steps from live to desired, and the sysctls. NULL with the error set. */
struct plan *target_plan(const struct target *target, struct untrack_error *err);

/* Does the second target's live side equal the first one's, so that a plan for it stays right? */
bool target_same_base(const struct target *a, const struct target *b, bool *ret_same,
		      struct untrack_error *err);

/* A table that changes or goes must be one that a rollback can put back. */
bool pair_check_reversible(const struct pair *pair, struct untrack_error *err);

/* Are there rules of iptables-nft's, which the kernel does not take back? */
bool table_has_xt(const struct table *table);

/* "inet untrack" from family and name; owned by the caller. */
char *table_title(uint8_t family, const char *name);

/* Adds the pair; takes over desired, also on failure. mark may be NULL and is copied. */
bool target_add_pair(struct target *target, struct table *live, struct table *desired,
		     const char *mark, struct untrack_error *err);

/* Wishes for sysctls: the policy's (or none), and back to what they were for those that `owner` set
 * earlier and does not set any more. Those that cannot be written here become warnings. */
bool target_add_sysctls(struct untrack *untrack, struct target *target, const struct policy *policy,
			struct untrack_error *err);
/* Wishes for the values of a snapshot; what `owner` has set since goes back to what it was. */
bool target_add_values(struct untrack *untrack, struct target *target, const sysctl_values *values,
		       struct untrack_error *err);
