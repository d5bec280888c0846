/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of long lists as binary keys: addresses, ports, prefixes and ranges of them, and
 * concatenations of addresses and ports. */
#pragma once

#include "base/buf.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* nft's numbers of data types (libnftables: datatype.h). */
enum lift_type { LIFT_IPV4 = 7, LIFT_IPV6 = 8, LIFT_PORT = 13 };
enum { LIFT_FIELDS = 4, LIFT_KEY_MAX = 64 };

/* What keys of a set are: its fields, and whether a key is an interval. */
struct lift_layout {
	enum lift_type type[LIFT_FIELDS];
	unsigned fields;
	bool intervals;
};

/* Bytes of a key: each of several fields takes a multiple of 4. */
size_t lift_width(const struct lift_layout *layout);
/* The number that nft gives that type. */
uint32_t lift_key_type(const struct lift_layout *layout);

/* Decimal, without a leading zero (which would make it octal); moves *at behind it. */
bool lift_number(const char **at, const char *end, unsigned max, unsigned *ret_number);
/* Reads one field and moves *at behind it: the only spellings taken are those that can mean nothing
 * else. `end` is the end of the text, at which no digit stands. */
bool lift_atom(const char **at, const char *end, enum lift_type type, uint8_t *ret_key);
/* A port from a number. */
bool lift_port(uint64_t number, uint8_t *ret_key);
/* The last key of a prefix; the first loses its host bits, as with nft. False for what
 * has no prefixes, and for the one of length 0. */
bool lift_prefix(enum lift_type type, unsigned length, uint8_t *first, uint8_t *ret_last);

/* A list that grows, in any order. */
struct lift_keys {
	struct buf bytes; /* keys, or first and last of intervals */
	size_t count;
};
/* A key of that width, or with `last` an interval. */
static inline void lift_push(struct lift_keys *keys, size_t width, const uint8_t *first,
			     const uint8_t *last)
{
	struct buf *b = &keys->bytes;

	if (b->capacity - b->len <= 2 * width && !buf_reserve(b, 2 * width))
		return;
	memcpy(b->data + b->len, first, width);
	b->len += width;
	if (last) {
		memcpy(b->data + b->len, last, width);
		b->len += width;
	}
	keys->count++;
}
/* Sorts, drops repeats and, with merge, joins what overlaps or touches. False without memory, and
 * where intervals overlap that are not to be merged: nft refuses them. Takes the keys over. */
bool lift_pack(struct lift_keys *keys, const struct lift_layout *layout, bool merge,
	       struct packed *ret_packed);
