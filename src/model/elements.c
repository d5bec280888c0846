/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/ruleset.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

void elements_free(struct elements *elements)
{
	buf_free(&elements->bytes);
	array_free(&elements->at);
	packed_free(&elements->packed);
	*elements = (struct elements){0};
}

/* ------------------------------------------------------------------ room */

static bool find_size(const struct set *set, struct span *ret_size)
{
	struct span description;

	return attr_find(buf_span(&set->attrs), NFTA_SET_DESC, &description) &&
	       attr_find(description, NFTA_SET_DESC_SIZE, ret_size) &&
	       ret_size->len == sizeof(uint32_t);
}

uint32_t set_size(const struct set *set)
{
	struct span size;

	return find_size(set, &size) ? attr_be32(size) : 0;
}

void set_change_size(struct set *set, uint32_t size)
{
	struct span place;

	size = htonl(size);
	if (find_size(set, &place))
		memcpy(set->attrs.data + (place.data - set->attrs.data), &size, sizeof(size));
}

/* ------------------------------------------------------------------ packed */

void packed_free(struct packed *packed)
{
	if (!packed->holders || !--*packed->holders) {
		free(packed->keys);
		free(packed->holders);
	}
	*packed = (struct packed){0};
}

bool packed_copy(struct packed *to, const struct packed *from)
{
	/* that there are copies does not change what it is */
	struct packed *own = (struct packed *)(uintptr_t)from;

	if (from->keys && !from->holders) {
		own->holders = malloc(sizeof(*own->holders));
		if (!own->holders)
			return false;
		*own->holders = 1;
	}
	if (from->holders)
		++*from->holders;
	*to = *from;
	return true;
}

const uint8_t *packed_first(const struct packed *packed, size_t i)
{
	return packed->keys + i * packed_entry(packed);
}

const uint8_t *packed_last(const struct packed *packed, size_t i)
{
	return packed_first(packed, i) + (packed->ranges ? packed->width : 0);
}

/* Keys of at most 8 bytes as numbers that compare as they do. */
static uint64_t number(const uint8_t *key, size_t width)
{
	uint64_t value = 0;
	uint32_t half;

	if (width == sizeof(half)) {
		memcpy(&half, key, sizeof(half));
		return be32toh(half);
	}
	memcpy(&value, key, width);
	return be64toh(value);
}

static bool numbers_are_sorted(const struct packed *packed)
{
	uint64_t before = 0;

	for (size_t i = 0; i < packed->count; i++) {
		uint64_t first = number(packed_first(packed, i), packed->width);
		uint64_t last = number(packed_last(packed, i), packed->width);

		if ((i && before >= first) || first > last)
			return false;
		before = last;
	}
	return true;
}

bool packed_is_sorted(const struct packed *packed)
{
	if (packed->width <= sizeof(uint64_t))
		return numbers_are_sorted(packed);
	for (size_t i = 0; i < packed->count; i++) {
		if (i &&
		    memcmp(packed_last(packed, i - 1), packed_first(packed, i), packed->width) >= 0)
			return false;
		if (memcmp(packed_first(packed, i), packed_last(packed, i), packed->width) > 0)
			return false;
	}
	return true;
}

static int compare_entries(const struct packed *a, size_t i, const struct packed *b, size_t j)
{
	int order = memcmp(packed_first(a, i), packed_first(b, j), a->width);

	return order || !a->ranges ? order : memcmp(packed_last(a, i), packed_last(b, j), a->width);
}

/* How many entries from there on are the same, of those that are compared at once. */
static size_t same_run(const struct packed *a, size_t i, const struct packed *b, size_t j)
{
	enum { RUN = 256 };

	return i + RUN <= a->count && j + RUN <= b->count &&
			       !memcmp(packed_first(a, i), packed_first(b, j),
				       RUN * packed_entry(a))
		       ? RUN
		       : 0;
}

bool packed_difference(const struct packed *a, size_t *i, const struct packed *b, size_t *j,
		       int *ret_order)
{
	while (*i < a->count || *j < b->count) {
		size_t same = same_run(a, *i, b, *j);

		if (!same) {
			*ret_order = *i == a->count   ? 1
				     : *j == b->count ? -1
						      : compare_entries(a, *i, b, *j);
			if (*ret_order)
				return true;
			same = 1;
		}
		*i += same;
		*j += same;
	}
	return false;
}

size_t packed_index(const struct packed *packed, size_t i)
{
	return packed->ranges ? 2 * i : i;
}

/* Does the range end with the last key there is? Then it has no end element. */
static bool is_open(const struct packed *packed, size_t i)
{
	const uint8_t *last = packed_last(packed, i);

	for (size_t k = packed->width; k-- > 0;)
		if (last[k] != 0xff)
			return false;
	return true;
}

size_t elements_count(const struct elements *elements)
{
	const struct packed *packed = &elements->packed;

	if (!packed->count)
		return elements->at.n;
	return packed_index(packed, packed->count) -
	       (packed->ranges && is_open(packed, packed->count - 1));
}

/* What stands in front of a key: of its element, its key and its value. */
struct key_heads {
	struct nlattr element, key, value;
};

/* One element: its key (one further when it is an end), and the flag of an end. Written out for the widths
 * that there are a million of. */
static inline __attribute__((always_inline)) size_t put_width(uint8_t *out, const uint8_t *key,
							      size_t width, bool end)
{
	const size_t padded = NLA_ALIGN(width);
	const size_t size = sizeof(struct key_heads) + padded + (end ? 8 : 0);
	const struct key_heads heads = {
		.element = {.nla_len = (uint16_t)size, .nla_type = NFTA_LIST_ELEM},
		.key = {.nla_len = (uint16_t)(8 + padded), .nla_type = NFTA_SET_ELEM_KEY},
		.value = {.nla_len = (uint16_t)(4 + width), .nla_type = NFTA_DATA_VALUE},
	};
	const struct nlattr flags = {.nla_len = 8, .nla_type = NFTA_SET_ELEM_FLAGS};
	const uint32_t flag = htonl(NFT_SET_ELEM_INTERVAL_END);
	uint8_t *at = out + sizeof(heads);

	memcpy(out, &heads, sizeof(heads));
	memcpy(at, key, width);
	memset(at + width, 0, padded - width);
	if (!end)
		return size;
	for (size_t k = width; k-- > 0;) /* an end is the first key behind the interval */
		if (++at[k])
			break;
	memcpy(at + padded, &flags, sizeof(flags));
	memcpy(at + padded + sizeof(flags), &flag, sizeof(flag));
	return size;
}

static size_t put_one(uint8_t *out, const uint8_t *key, size_t width, bool end)
{
	switch (width) {
	case 4:
		return put_width(out, key, 4, end);
	case 8:
		return put_width(out, key, 8, end);
	case 16:
		return put_width(out, key, 16, end);
	default:
		return put_width(out, key, width, end);
	}
}

size_t packed_size(const struct packed *packed)
{
	const size_t one = sizeof(struct key_heads) + NLA_ALIGN(packed->width);

	return packed->ranges ? 2 * one + 8 : one;
}

size_t packed_put(const struct packed *packed, size_t i, uint8_t out[PACKED_ENTRY_MAX])
{
	size_t size = put_one(out, packed_first(packed, i), packed->width, false);

	if (packed->ranges && !is_open(packed, i))
		size += put_one(out + size, packed_last(packed, i), packed->width, true);
	return size;
}

static struct span packed_at(const struct packed *packed, size_t i)
{
	static _Thread_local uint8_t scratch[16][PACKED_ENTRY_MAX];
	static _Thread_local unsigned turn;
	uint8_t *out = scratch[turn++ % 16];
	size_t entry = packed->ranges ? i / 2 : i, size;

	if (packed->ranges && i % 2)
		size = put_one(out, packed_last(packed, entry), packed->width, true);
	else
		size = put_one(out, packed_first(packed, entry), packed->width, false);
	return (struct span){out + 4, size - 4};
}

/* ------------------------------------------------------------------ one element */

struct span element_at(const struct elements *elements, size_t i)
{
	struct span rest = buf_span(&elements->bytes);
	struct attr item = {0};

	if (elements->packed.count)
		return packed_at(&elements->packed, i);
	rest.data += elements->at.v[i];
	rest.len -= elements->at.v[i];
	attr_next(&rest, &item);
	return item.body;
}

static struct span element_value(struct span element, uint16_t type)
{
	struct span data, value = {NULL, 0};

	if (attr_find(element, type, &data))
		attr_find(data, NFTA_DATA_VALUE, &value);
	return value;
}

struct span element_key(struct span element)
{
	return element_value(element, NFTA_SET_ELEM_KEY);
}

struct span element_key_end(struct span element)
{
	return element_value(element, NFTA_SET_ELEM_KEY_END);
}

size_t element_begin(struct elements *elements)
{
	return attr_nest_begin(&elements->bytes, NFTA_LIST_ELEM);
}

bool element_end(struct elements *elements, size_t begin)
{
	attr_nest_end(&elements->bytes, begin);
	elements->sorted = false;
	return !elements->bytes.failed && begin <= UINT32_MAX &&
	       array_push(&elements->at, (uint32_t)begin);
}

static int compare_spans(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool element_is_end(struct span element)
{
	return attr_find_be32(element, NFTA_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END;
}

/* The flags that tell two elements with one key apart: an interval's end, and the catch-all. */
static uint32_t key_flags(struct span element)
{
	return attr_find_be32(element, NFTA_SET_ELEM_FLAGS) &
	       (NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL);
}

int element_compare_keys(struct span a, struct span b)
{
	int order = compare_spans(element_key(a), element_key(b));
	uint32_t flags_a, flags_b;

	if (!order)
		order = compare_spans(element_key_end(a), element_key_end(b));
	if (order)
		return order;
	flags_a = key_flags(a);
	flags_b = key_flags(b);
	return flags_a > flags_b ? -1 : flags_a < flags_b; /* an end comes before a start */
}

static struct span span_of(const uint8_t *base, uint32_t at)
{
	struct nlattr head;

	memcpy(&head, base + at, sizeof(head));
	return (struct span){base + at + sizeof(head), head.nla_len - sizeof(head)};
}

static int compare_offsets(const void *left, const void *right, void *base)
{
	return element_compare_keys(span_of(base, *(const uint32_t *)left),
				    span_of(base, *(const uint32_t *)right));
}

void elements_sort(struct elements *elements)
{
	bool ordered = true;

	for (size_t i = 1; ordered && !elements->sorted && i < elements->at.n; i++)
		ordered = compare_offsets(&elements->at.v[i - 1], &elements->at.v[i],
					  elements->bytes.data) <= 0;
	if (!ordered)
		qsort_r(elements->at.v, elements->at.n, sizeof(*elements->at.v), compare_offsets,
			elements->bytes.data);
	elements->sorted = true;
}
