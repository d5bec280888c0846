/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables over netlink: the whole kernel behind open, generation, read and commit. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/namespace.h"
#include "model/plan.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

struct kernel;

/* A connection to nf_tables of that namespace. NULL with the error set. */
struct kernel *kernel_open(const struct netns *ns, struct untrack_error *err);
void kernel_close(struct kernel *kernel);
DEFINE_AUTOCLEAN(struct kernel, kernel_close)

bool kernel_generation(struct kernel *kernel, uint32_t *ret_generation, struct untrack_error *err);

/* How much of a table to read. */
enum read_depth {
	READ_NAME,    /* that it exists: its own attributes */
	READ_CHAINS,  /* and its chains, without rules */
	READ_RULES,   /* and rules, sets' definitions, and the elements of anonymous sets */
	READ_OBJECTS, /* and objects, flowtables, the elements of verdict maps: what jumps where */
	READ_BOUNDED, /* and the elements of sets, but of plain ones with very many: uncertain */
	READ_ALL,     /* and the elements of all sets, whose dump takes quadratic time */
};
/* How many elements READ_BOUNDED reads at most. */
enum { READ_BOUND = 10000 };
typedef enum read_depth read_depth_fn(void *arg, uint8_t family, const char *table);
/* The same for all tables: READ_NAME, READ_ALL. The argument is not looked at. */
read_depth_fn read_names, read_everything;

/* All tables as of one generation (read again, up to a bound, while commits come in between:
 * ERROR_CHANGED then). Chains are in the kernel's order, elements sorted. A table that could not be
 * sent back is marked unknown, but read as far as it goes: iptables-nft's with xtables modules, one
 * that another process owns, one with something that cannot be decoded. */
struct ruleset *kernel_read(struct kernel *kernel, read_depth_fn *depth, void *arg,
			    struct untrack_error *err);

/* The elements of a set that was left uncertain in a ruleset of that generation, however many. Stays
 * uncertain where someone committed since. */
bool kernel_read_elements(struct kernel *kernel, const struct table *table, struct set *set,
			  uint32_t generation, struct untrack_error *err);

enum commit_outcome {
	COMMIT_DONE,
	COMMIT_STALE,  /* someone committed since plan->generation: nothing applied, no error set */
	COMMIT_FAILED, /* refused: nothing applied, the error names the step and its origin */
};

/* Sends the plan's steps as one transaction bound to that generation (0: unbound). With dry_run it
 * is validated by the kernel and then aborted (no end message). An empty plan is COMMIT_DONE. */
enum commit_outcome kernel_commit(struct kernel *kernel, const struct plan *plan,
				  uint32_t generation, bool dry_run, struct untrack_error *err);
