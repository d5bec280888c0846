/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a document would break, and what it expects of packets: asked ahead of its commit. */
#pragma once

#include "api/execute.h"

/* Refuses (ERROR_LINT), or adds to the warnings. Snapshots and removals are not judged. A ruleset
 * is loaded as it is, like nft does, and advised on; a policy is what we answer for. */
bool judge_change(struct untrack *untrack, const struct execution *execution,
		  const struct target *target, texts *warnings, struct untrack_error *err);

/* A dry run tells what the real one would be refused for, and goes on. */
bool judge_change_dry(struct untrack *untrack, const struct execution *execution,
		      const struct target *target, texts *warnings, struct untrack_error *err);
