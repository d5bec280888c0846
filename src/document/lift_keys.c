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

static unsigned digit_at(const char *at)
{
	return (unsigned)(uint8_t)*at - '0'; /* above 9: none */
}

/* Written out, since there are millions: what stands at the end is no digit, so none is read behind it. */
static bool read_ipv4(const char **at, uint8_t *ret_key)
{
	const char *p = *at;

	for (unsigned i = 0; i < 4; i++) {
		unsigned number, second, third;

		if (i && *p++ != '.')
			return false;
		number = digit_at(p++);
		if (number > 9)
			return false;
		second = digit_at(p);
		if (second <= 9) {
			if (!number) /* it would be octal */
				return false;
			number = number * 10 + second;
			third = digit_at(++p);
			if (third <= 9) {
				number = number * 10 + third;
				if (number > 255 || digit_at(++p) <= 9)
					return false;
			}
		}
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
		return read_ipv4(at, ret_key);
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

static int compare_entries(const void *left, const void *right, void *size)
{
	return memcmp(left, right, *(const size_t *)size);
}

/* How often each byte stands in each place of the numbers. */
struct places {
	uint32_t count[8][256];
};

static void count_bytes(const uint64_t *from, size_t n, struct places *places)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned place = 0; place < 8; place++)
			places->count[place][from[i] >> 8 * place & 255]++;
}

static void radix_pass(const uint64_t *from, uint64_t *to, size_t n, unsigned place,
		       uint32_t *start)
{
	uint32_t sum = 0;

	for (size_t d = 0; d < 256; d++) {
		uint32_t count = start[d];

		start[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[start[from[i] >> 8 * place & 255]++] = from[i];
}

/* Sorts byte by byte from the last; those that are the same in all are left out. Returns which of the two
 * has the result. */
static uint64_t *radix_sort(uint64_t *a, uint64_t *b, size_t n)
{
	struct places places = {0};

	count_bytes(a, n, &places);
	for (unsigned place = 0; place < 8; place++) {
		uint64_t *swap = a;

		if (places.count[place][a[0] >> 8 * place & 255] == n)
			continue;
		radix_pass(a, b, n, place, places.count[place]);
		a = b;
		b = swap;
	}
	return a;
}

static void take_numbers(const uint8_t *bytes, size_t n, size_t size, uint64_t *to)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t number = 0;

		memcpy(&number, bytes + i * size, size);
		to[i] = be64toh(number) >> (64 - 8 * size);
	}
}

/* Without repeats. Returns how many are left. */
static size_t put_numbers(const uint64_t *from, size_t n, size_t size, uint8_t *bytes)
{
	uint64_t before = ~from[0];
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t current = from[i], number = htobe64(current << (64 - 8 * size));

		if (current != before)
			memcpy(bytes + kept++ * size, &number, size);
		before = current;
	}
	return kept;
}

/* Entries of at most 8 bytes as numbers: a million of them take a tenth of what qsort() does. Those of 8
 * bytes become numbers where they are. */
static bool sort_small(uint8_t *bytes, size_t *n, size_t size)
{
	uint64_t *own = size < sizeof(*own) ? reallocarray(NULL, *n, sizeof(*own)) : NULL;
	uint64_t *a = own ? own : (uint64_t *)(void *)bytes;
	uint64_t *b = reallocarray(NULL, *n, sizeof(*b));
	bool ok = b && (own || size == sizeof(*a)) && *n <= UINT32_MAX;

	if (ok) {
		take_numbers(bytes, *n, size, a);
		*n = put_numbers(radix_sort(a, b, *n), *n, size, bytes);
	}
	free(own);
	free(b);
	return ok;
}

static size_t drop_repeats(uint8_t *bytes, size_t n, size_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || memcmp(bytes + (kept - 1) * size, bytes + i * size, size) != 0)
			memmove(bytes + kept++ * size, bytes + i * size, size);
	return kept;
}

/* Returns how many are left without repeats. */
static size_t sort(uint8_t *bytes, size_t n, size_t size)
{
	size_t i = 1;

	while (i < n && memcmp(bytes + (i - 1) * size, bytes + i * size, size) < 0)
		i++;
	if (i >= n || (size <= 8 && sort_small(bytes, &n, size)))
		return n;
	qsort_r(bytes, n, size, compare_entries, &size);
	return drop_repeats(bytes, n, size);
}

/* ------------------------------------------------------------------ merging */

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
	n = sort(bytes, n, size);
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
