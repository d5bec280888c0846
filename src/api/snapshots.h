/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between targets and snapshots: what a plan touches, as it is now; and back. */
#pragma once

#include "api/target.h"

/* Everything that the target's plan touches, as it is now. NULL with the error set. */
struct snapshot *snapshot_of_target(const struct target *target, const char *document,
				    uint32_t rollback_to, struct untrack_error *err);

/* Which snapshot a plain `rollback` goes to: of the changes that really happened, the last one that
 * was not undone yet. ERROR_USAGE if there is none. Owned by the caller. */
struct snapshot *snapshot_to_undo(struct untrack *untrack, struct untrack_error *err);
