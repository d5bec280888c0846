/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan for people (nft's syntax with + - ~ in front) and for programs (libnftables commands). */
#pragma once

#include "base/error.h"
#include "model/plan.h"
#include "model/policy.h"
#include "view/listing.h"

/* Connection entries that were deleted afterwards, or would be; neither: nobody asked. */
struct told_purge {
	uint64_t entries;
	bool done, would;
};

/* A plan with listings of the objects it names: before for what it deletes, after for the rest.
 * index[i] is where step i's rule is in its chain of that listing, of the table tables[i], or of its own if
 * that is NULL. Both may be NULL for a plan with no steps. */
struct plan_view {
	const struct plan *plan;
	const struct listing *before;
	const struct listing *after;
	const size_t *index;
	const char *const *tables;
	const char *const *texts; /* of rules that are in no listing; or NULL */
	struct told_purge purge;
};

/* The object of the contract: changed, generation, summary, sysctls, nftables, warnings, and
 * purged or purgeable where it was asked for. New text. */
char *view_plan_json(const struct plan_view *view, uint32_t generation, const texts *warnings,
		     struct untrack_error *err);
char *view_plan_text(const struct plan_view *view, struct untrack_error *err);
/* "1 table, 2 chains added; 3 elements deleted" for the message of apply; "" if nothing. */
char *view_plan_summary(const struct plan *plan, struct untrack_error *err);
