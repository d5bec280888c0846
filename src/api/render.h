/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints a plan: its objects are loaded in a scratch namespace and listed there by libnftables. */
#pragma once

#include "api/result.h"
#include "api/target.h"
#include "view/plan.h"

/* A plan with what is needed to print it: made before the commit (it can fail), printed after it. */
struct rendering;
struct rendering *rendering_new(const struct target *target, const struct plan *plan,
				enum untrack_report report, struct untrack_error *err);
void rendering_free(struct rendering *rendering);

/* What diff and apply print. rendering NULL: the plan is empty. New text; the one for which the rendering
 * was not made is NULL, without an error, or empty. */
char *render_json(const struct rendering *rendering, const struct plan *plan, const texts *warnings,
		  uint32_t generation, struct told_purge purge, struct untrack_error *err);
char *render_text(const struct rendering *rendering, const struct plan *plan,
		  struct untrack_error *err);

#define NOTHING_TO_CHANGE "nothing to change: all is as it shall be\n"

/* A scratch namespace with stand-ins for the interfaces that the target's tables name. */
bool scratch_with_devices(const struct target *target, struct netns *ret_ns,
			  struct untrack_error *err);

/*
 * The size that a set is given in a scratch namespace, where it has at most 20 000 elements: the kernel clears
 * the buckets of a hash for as many as it is said to hold (nft_set_hash.c: nft_hash_estimate()), 16 MB for a
 * million. The larger of two sizes stays so.
 */
uint32_t scratch_size(uint32_t size);

/* Loads a ruleset's tables into a namespace, as they are. */
bool load_ruleset(struct kernel *kernel, const struct ruleset *ruleset, struct untrack_error *err);
