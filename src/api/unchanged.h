/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds in constant time that a document is applied already: when its files (and those of its lists) are
 * the ones that were applied, untouched since, and the ruleset is still at the generation at which all
 * was as wanted. Sysctls are read all the same: the generation does not cover them.
 */
#pragma once

#include "api/context.h"
#include "api/result.h"
#include "api/target.h"

/* The result 'nothing to change', or NULL if that is not certain (an error only where it is set). */
struct untrack_result *unchanged_result(struct untrack *untrack,
					const struct untrack_document *document,
					const struct untrack_apply_options *options,
					struct untrack_error *err);

/* Notes that at that generation all was as the document says. Only an aid: it may fail in silence. */
void remember_unchanged(struct untrack *untrack, const struct untrack_document *document,
			bool whole_ruleset, uint32_t generation);
/* Is there nothing in it that the kernel changes without a new generation, but that a document declares:
 * elements that expire? */
bool generation_tells_all(const struct target *target);
