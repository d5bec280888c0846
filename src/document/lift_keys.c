/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/lift_keys.h"

#include "base/array.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

static size_t type_length(enum lift_type type)
{
	return type == LIFT_IPV6 ? 16 : type == LIFT_IPV4 ? 4 : 2;
}

size_t lift_width(const struct lift_layout *layout)
{
	size_t width = 0;

	if (layout->fields == 1)
		return type_length(layout->type[0]);
	for (unsigned i = 0; i < layout->fields; i++)
		width += (type_length(layout->type[i]) + 3) & ~(size_t)3;
	return width;
}

uint32_t lift_key_type(const struct lift_layout *layout)
{
	uint32_t type = 0;

	for (unsigned i = 0; i < layout->fields; i++)
		type = type << 6 | layout->type[i]; /* libnftables: concat_subtype_add() */
	return type;
}

/* ------------------------------------------------------------------ fields */

static bool is_digit(const char *at, const char *end)
{
	return at < end && *at >= '0' && *at <= '9';
}

bool lift_number(const char **at, const char *end, unsigned max, unsigned *ret_number)
{
	const char *p = *at;
	unsigned number = 0;

	if (!is_digit(p, end) || (*p == '0' && is_digit(p + 1, end)))
		return false;
	for (; is_digit(p, end); p++) {
		number = number * 10 + (unsigned)(*p - '0');
		if (number > max)
			return false;
	}
	*at = p;
	*ret_number = number;
	return true;
}

static bool read_ipv4(const char **at, const char *end, uint8_t *ret_key)
{
	const char *p = *at;

	for (unsigned i = 0; i < 4; i++) {
		unsigned number;

		if (i && (p == end || *p++ != '.'))
			return false;
		if (!lift_number(&p, end, 255, &number))
			return false;
		ret_key[i] = (uint8_t)number;
	}
	*at = p;
	return true;
}

static bool read_ipv6(const char **at, const char *end, uint8_t *ret_key)
{
	char text[INET6_ADDRSTRLEN];
	size_t length = 0;

	while (*at + length < end && strchr("0123456789abcdefABCDEF:.", (*at)[length]) &&
	       length < sizeof(text) - 1) {
		text[length] = (*at)[length];
		length++;
	}
	text[length] = 0;
	if (!memchr(text, ':', length) || inet_pton(AF_INET6, text, ret_key) != 1)
		return false;
	*at += length;
	return true;
}

bool lift_port(uint64_t number, uint8_t *ret_key)
{
	if (number > UINT16_MAX)
		return false;
	ret_key[0] = (uint8_t)(number >> 8);
	ret_key[1] = (uint8_t)number;
	return true;
}

bool lift_atom(const char **at, const char *end, enum lift_type type, uint8_t *ret_key)
{
	unsigned number;

	if (type == LIFT_IPV4)
		return read_ipv4(at, end, ret_key);
	if (type == LIFT_IPV6)
		return read_ipv6(at, end, ret_key);
	return lift_number(at, end, UINT16_MAX, &number) && lift_port(number, ret_key);
}

bool lift_prefix(enum lift_type type, unsigned length, uint8_t *first, uint8_t *ret_last)
{
	size_t bytes = type_length(type);

	if (type == LIFT_PORT || !length || length > bytes * 8)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		unsigned left = length > i * 8 ? length - (unsigned)i * 8 : 0;
		uint8_t host = left >= 8 ? 0 : (uint8_t)(0xff >> left);

		first[i] &= (uint8_t)~host;
		ret_last[i] = first[i] | host;
	}
	return true;
}

/* ------------------------------------------------------------------ order */

void lift_push(struct lift_keys *keys, const struct lift_layout *layout, const uint8_t *first,
	       const uint8_t *last)
{
	size_t width = lift_width(layout);

	buf_put(&keys->bytes, first, width);
	if (layout->intervals)
		buf_put(&keys->bytes, last, width);
	keys->count++;
}

static int compare_entries(const void *left, const void *right, void *size)
{
	return memcmp(left, right, *(const size_t *)size);
}

static uint64_t load(const uint8_t *entry, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, entry, size);
	return be64toh(number);
}

/* One pass by the byte at that shift. False when it is the same in all: nothing to do. */
static bool radix_pass(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
	size_t start[256] = {0}, sum = 0;

	for (size_t i = 0; i < n; i++)
		start[from[i] >> shift & 255]++;
	if (start[from[0] >> shift & 255] == n)
		return false;
	for (size_t d = 0; d < 256; d++) {
		size_t count = start[d];

		start[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[start[from[i] >> shift & 255]++] = from[i];
	return true;
}

/* Entries of at most 8 bytes are sorted as numbers, byte by byte from the last: a million of them take
 * a tenth of what qsort() does. */
static bool sort_small(uint8_t *bytes, size_t n, size_t size)
{
	uint64_t *a = reallocarray(NULL, n, sizeof(*a)), *b = reallocarray(NULL, n, sizeof(*b));
	uint64_t *swap;

	if (!a || !b) {
		free(a);
		free(b);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		a[i] = load(bytes + i * size, size);
	for (unsigned shift = (unsigned)(64 - 8 * size); shift < 64; shift += 8) {
		if (!radix_pass(a, b, n, shift))
			continue;
		swap = a;
		a = b;
		b = swap;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t number = htobe64(a[i]);

		memcpy(bytes + i * size, &number, size);
	}
	free(a);
	free(b);
	return true;
}

static void sort(uint8_t *bytes, size_t n, size_t size)
{
	size_t i = 1;

	while (i < n && memcmp(bytes + (i - 1) * size, bytes + i * size, size) <= 0)
		i++;
	if (i >= n || (size <= 8 && sort_small(bytes, n, size)))
		return;
	qsort_r(bytes, n, size, compare_entries, &size);
}

/* ------------------------------------------------------------------ merging */

static size_t drop_repeats(uint8_t *bytes, size_t n, size_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || memcmp(bytes + (kept - 1) * size, bytes + i * size, size) != 0)
			memmove(bytes + kept++ * size, bytes + i * size, size);
	return kept;
}

/* Does the interval begin no further than right behind that key? */
static bool touches(const uint8_t *last, const uint8_t *first, size_t width)
{
	uint8_t next[LIFT_KEY_MAX];

	memcpy(next, last, width);
	for (size_t k = width; k-- > 0;)
		if (++next[k])
			return memcmp(first, next, width) <= 0;
	return true; /* there is no key behind it */
}

/* Of entries sorted by first and last. False at an overlap. */
static bool join(uint8_t *bytes, size_t *n, size_t width, bool merge)
{
	size_t size = 2 * width, kept = 0;

	for (size_t i = 0; i < *n; i++) {
		uint8_t *entry = bytes + i * size, *last = entry + width;
		uint8_t *before = kept ? bytes + (kept - 1) * size + width : NULL;

		if (before && memcmp(entry, before, width) <= 0 && !merge)
			return false;
		if (before && merge && touches(before, entry, width)) {
			if (memcmp(last, before, width) > 0)
				memcpy(before, last, width);
			continue;
		}
		memmove(bytes + kept++ * size, entry, size);
	}
	*n = kept;
	return true;
}

bool lift_pack(struct lift_keys *keys, const struct lift_layout *layout, bool merge,
	       struct packed *ret_packed)
{
	size_t width = lift_width(layout), size = layout->intervals ? 2 * width : width;
	size_t n = keys->count;
	uint8_t *bytes = keys->bytes.data, *fitting;

	if (keys->bytes.failed || !n)
		return false;
	sort(bytes, n, size);
	n = drop_repeats(bytes, n, size);
	if (layout->intervals && !join(bytes, &n, width, merge))
		return false;
	fitting = realloc(bytes, n * size);
	bytes = fitting ? fitting : bytes;
	*ret_packed = (struct packed){
		.keys = bytes, .count = n, .width = (uint8_t)width, .ranges = layout->intervals};
	keys->bytes = (struct buf){0};
	keys->count = 0;
	return true;
}
