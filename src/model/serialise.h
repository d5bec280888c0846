/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables as bytes: records (model/record.h), nested as the objects are. */
#pragma once

#include "model/record.h"
#include "model/ruleset.h"

/* Appends the table with everything beneath (hashes aside, which are computed) as one record. */
void serialise_table(struct buf *out, const struct table *table);

/* Reads the table at the beginning of *rest, which moves on. NULL with ERROR_SYSTEM when the bytes
 * are none, are cut off, or were written in another version of the format. Elements come out in the
 * order in which they were sorted. */
struct table *deserialise_table(struct span *rest, struct untrack_error *err);
