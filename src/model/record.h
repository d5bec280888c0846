/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as bytes, for files and pipes of this host: records of a type, a length (32 bits each, in
 * the host's byte order, since netlink attributes inside are in it too) and a body, nested. What is
 * read may come from anyone: lengths are checked against what is there.
 */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct record {
	uint32_t type;
	struct span body;
};

/* Appends one record. A NULL text is not written. */
void record_put(struct buf *out, uint32_t type, const void *data, size_t len);
void record_put_text(struct buf *out, uint32_t type, const char *text);
void record_put_u32(struct buf *out, uint32_t type, uint32_t value);
void record_put_u64(struct buf *out, uint32_t type, uint64_t value);
/* A record of records: begin returns the place that end needs. */
size_t record_begin(struct buf *out, uint32_t type);
void record_end(struct buf *out, size_t begin);

/* Next record of *rest, which moves on. False at the end, and at bytes that are no record: then
 * rest->len is not 0. */
bool record_next(struct span *rest, struct record *ret_record);

/* The record's value; false with ERROR_SYSTEM where its length does not fit. A text is copied to
 * *ret_text, which must be NULL before (a field that comes twice is an error). */
bool record_u32(const struct record *record, uint32_t *ret_value, struct untrack_error *err);
bool record_u64(const struct record *record, uint64_t *ret_value, struct untrack_error *err);
bool record_text(const struct record *record, char **ret_text, struct untrack_error *err);
/* Sets ERROR_SYSTEM: these bytes are not what was written. Returns false. */
bool record_damaged(struct untrack_error *err, const char *what);
