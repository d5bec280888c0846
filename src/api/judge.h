/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Would a change break anything? Lints what it leads to, on the facts of this host. */
#pragma once

#include "api/target.h"
#include "base/cleanup.h"
#include "model/finding.h"

struct judging {
	struct untrack *untrack; /* whose namespace has the ruleset */
	const struct document *document;
	const struct target *target;
	bool brief;		   /* a change waits for it: of a ruleset, not of a policy */
	bool saved;		   /* it is a saved ruleset: nothing else is known of its host */
	const interfaces *devices; /* saved: those of that host that are known by index */
};

/*
 * Judging in two steps: what does not depend on how the target is reached is done first. Of a long ruleset
 * that changes in few rules (plan, of that target or one like it; or NULL) only what is near them is judged,
 * in brief.
 */
struct judgement;
struct judgement *judgement_new(const struct judging *judging, texts *warnings,
				struct untrack_error *err);
/* Once. Adds what it finds; the warnings get what could not be looked at. */
bool judgement_give(struct judgement *judgement, const struct target *target,
		    const struct plan *plan, texts *warnings, struct findings *findings,
		    struct untrack_error *err);
/* Were there so many services or rules that only the first ones were judged? */
bool judgement_is_partial(const struct judgement *judgement);
void judgement_free(struct judgement *judgement);
DEFINE_AUTOCLEAN(struct judgement, judgement_free)

/* Both, without a plan. */
bool judge(const struct judging *judging, texts *warnings, struct findings *findings,
	   struct untrack_error *err);

/* Refuses (ERROR_LINT) findings of level error, but for the codes in `forced` (separated by commas,
 * or NULL); the others become warnings. */
bool judge_refuse(const struct findings *findings, const char *forced, texts *warnings,
		  struct untrack_error *err);

/* Refuses none: a few of each code become warnings, and the number of the rest. */
bool judge_advise(const struct findings *findings, bool partial, texts *warnings,
		  struct untrack_error *err);

/* Are the words of --force-lint codes of findings? NULL will do. */
bool judge_check_forced(const char *forced, struct untrack_error *err);
