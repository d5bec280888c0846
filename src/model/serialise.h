/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables as bytes: records (model/record.h), nested as the objects are. */
#pragma once

#include "model/record.h"
#include "model/ruleset.h"

/* Appends the table with everything beneath (hashes aside, which are computed) as one record. */
void serialise_table(struct buf *out, const struct table *table);

/* The same, with the keys of long lists elsewhere: `apart` tells the number that they have there, or 0 for
 * those that are not. */
typedef uint64_t serialise_apart_fn(void *arg, const struct table *table, const struct set *set);
void serialise_table_apart(struct buf *out, const struct table *table, serialise_apart_fn *apart,
			   void *arg);

/* Reads the table at the beginning of *rest, which moves on. NULL with ERROR_SYSTEM when the bytes
 * are none, are cut off, or were written in another version of the format. Elements come out in the
 * order in which they were sorted. Packed keys that are elsewhere have their number and no keys. */
struct table *deserialise_table(struct span *rest, struct untrack_error *err);
