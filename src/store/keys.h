/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of long lists, in files of their own: what is remembered and snapshots refer to them by number. Each
 * has its own name of the file, PREFIX.NUMBER, and the file goes with the last of its names (hard links),
 * so nobody has to look for who else needs it. Of a list that changed a little only the difference is
 * written, to a list that is there whole.
 */
#pragma once

#include "base/error.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

/* Lists of fewer entries stay where they are told of. */
enum { KEYS_APART = 4096 };

/* Writes them, or what differs from those before (NULL: unknown), if these are there. 0 with the error set. */
uint64_t keys_save(const char *directory, const char *prefix, const struct packed *keys,
		   const struct packed *before, struct untrack_error *err);

/* Syncs the files of that number, and gives them another name as well. False where they are not all there, or the file
 * system has no links: then the keys must be written anew. */
bool keys_link(const char *directory, const char *prefix, const char *to_directory,
	       const char *to_prefix, uint64_t number);

/* Reads the keys of a table's sets that only have numbers yet. */
bool keys_resolve(const char *directory, const char *prefix, struct table *table,
		  struct untrack_error *err);

/* Removes the files of that prefix but those that these numbers need. What cannot be removed stays. */
void keys_sweep(const char *directory, const char *prefix, const uint64_t *numbers, size_t count);
