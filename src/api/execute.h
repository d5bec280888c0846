/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way to change a host: read, plan, rehearse, snapshot, arm, commit at the generation that was
 * read, sysctls. apply, rollback and remove are this with different targets; a dry run is this with the
 * last step off.
 */
#pragma once

#include "api/render.h"
#include "api/target_maker.h"

struct early_judgement;

struct execution {
	const struct target_maker *maker;
	const struct untrack_apply_options *options;
	const char *document; /* for the history */
	const struct untrack_document
		*given;		       /* what is applied, and linted when there is something to
					       * change; or NULL */
	uint32_t rollback_to;	       /* for the history; 0: not a rollback */
	struct early_judgement *early; /* of what is given; or NULL */
	bool locked;		       /* the caller holds the lock */
	bool while_armed;	   /* may go on while a rollback is armed (it is the end of that) */
	struct ruleset **compiled; /* what the target's tables lie in, taken over; or NULL */
};

/* NULL with the error set. *ret_plan_summary (may be NULL) is a sentence for people. */
struct untrack_result *execute(struct untrack *untrack, const struct execution *execution,
			       struct untrack_error *err);
