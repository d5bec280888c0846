/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long sets that were not read: what is in them, known without a dump. */
#pragma once

#include "api/target.h"

/*
 * Fills in the elements of the live table's sets that are uncertain (READ_BOUNDED), where they can be
 * known for certain:
 *  - what was remembered of this very generation: each commit counts up, so nobody changed anything;
 *  - otherwise by the kernel's word: a batch that deletes all expected elements, bound to the generation
 *    and sent without its end, is validated and aborted. If it passes, all are there; if their number
 *    is also that of the set, there are no others. Expected is what was remembered, then what is
 *    desired.
 * What stays uncertain is loaded anew by diff; a warning says that a rollback cannot bring it back.
 */
bool know_pair(struct untrack *untrack, struct target *target, struct pair *pair,
	       struct untrack_error *err);

/* Remembers the pair's desired table if it has long sets (as it is at that generation), forgets it
 * otherwise. */
bool remember_table(struct untrack *untrack, const struct pair *pair, uint32_t generation,
		    struct untrack_error *err);
