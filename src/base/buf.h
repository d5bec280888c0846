/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing byte buffer. Writing is unchecked: once memory runs out `failed` is set and stays, later
 * writes do nothing, and the caller asks once at the end (buf_ok). `data` always has a NUL behind
 * `len` when len > 0, so text can be read from it directly.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct buf {
	uint8_t *data;
	size_t len;
	size_t capacity;
	bool failed;
};

bool buf_reserve(struct buf *b, size_t more);
/* The same, for a buffer that is empty and will not grow beyond that: no byte more than is needed. */
bool buf_reserve_exactly(struct buf *b, size_t size);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_zero(struct buf *b, size_t len);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True unless memory ran out on the way; then the error is set. */
bool buf_ok(const struct buf *b, struct untrack_error *err);

/* The text, owned by the caller (an empty string for an empty buffer), or NULL without memory. */
char *buf_steal_text(struct buf *b);

static inline void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

static inline const char *buf_text(const struct buf *b)
{
	return b->len ? (const char *)b->data : "";
}

#define autobuf __attribute__((cleanup(buf_free))) struct buf
