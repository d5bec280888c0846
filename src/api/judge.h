/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Would a change break anything? Lints what it leads to, on the facts of this host. */
#pragma once

#include "api/target.h"
#include "model/finding.h"

struct judging {
	struct untrack *untrack; /* whose namespace has the ruleset */
	const struct document *document;
	const struct target *target;
	bool brief;		   /* a change waits for it: of a ruleset, not of a policy */
	bool saved;		   /* it is a saved ruleset: nothing else is known of its host */
	const interfaces *devices; /* saved: those of that host that are known by index */
};

/* Adds what it finds; the target's warnings get what could not be looked at. */
bool judge(const struct judging *judging, texts *warnings, struct findings *findings,
	   struct untrack_error *err);

/* Refuses (ERROR_LINT) findings of level error, but for the codes in `forced` (separated by commas,
 * or NULL); the others become warnings. With `advise` none is refused: a few of
 * each code become warnings, and the number of the rest. */
bool judge_refuse(const struct findings *findings, bool advise, const char *forced, texts *warnings,
		  struct untrack_error *err);

/* Are the words of --force-lint codes of findings? NULL will do. */
bool judge_check_forced(const char *forced, struct untrack_error *err);
