/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a document would break, and what it expects of packets: asked ahead of its commit. */
#pragma once

#include "api/execute.h"
#include "model/finding.h"

/* What is known before the live ruleset of the tables concerned is there. */
struct early_judgement {
	struct judgement *judgement; /* or NULL */
	uint32_t generation;	     /* of the ruleset that was looked at */
	texts warnings;
};

void early_judgement_free(struct early_judgement *early);
#define autoearly __attribute__((cleanup(early_judgement_free))) struct early_judgement

/* Begins to judge a ruleset, as text, that comes in the place of the live tables of the same names. It stands
 * for the judgement of the change if that starts from the same generation. Where it does not work there is
 * none. */
void judge_early(struct untrack *untrack, const struct untrack_document *given,
		 const struct ruleset *compiled, struct early_judgement *ret_early);

/* Refuses (ERROR_LINT), or adds to the warnings. Snapshots and removals are not judged. A ruleset
 * is loaded as it is, like nft does, and advised on; a policy is what we answer for. */
bool judge_change(struct untrack *untrack, const struct execution *execution,
		  const struct target *target, const struct plan *plan, texts *warnings,
		  struct untrack_error *err);

/* A dry run tells what the real one would be refused for, and goes on. */
bool judge_change_dry(struct untrack *untrack, const struct execution *execution,
		      const struct target *target, const struct plan *plan, texts *warnings,
		      struct untrack_error *err);
