/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_values.h"

#include "base/text.h"
#include "document/lift_keys.h"

#include <string.h>

enum { COMMENT_LONGEST = 120 };

static const uint8_t sizes[MARKS] = {
	[MARK_IPV4] = 4, [MARK_IPV6] = 16, [MARK_PORT] = 2, [MARK_COUNTER] = 8};

static enum value_kind kind_of(enum mark mark)
{
	if (mark == MARK_COMMENT)
		return VALUE_COMMENT;
	if (mark == MARK_COUNTER)
		return VALUE_COUNTER;
	return mark == MARK_PORT ? VALUE_PORT : VALUE_ADDRESS;
}

/* ------------------------------------------------------------------ reading */

size_t decimal_read(const char *at, const char *end, uint64_t most, uint64_t *ret_number)
{
	const char *begin = at;
	uint64_t number = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (number > (most - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	if (at == begin || (*begin == '0' && at > begin + 1))
		return 0;
	*ret_number = number;
	return (size_t)(at - begin);
}

static size_t read_number(uint64_t most, const char *at, const char *end, struct shape_value *value)
{
	uint64_t number;
	size_t length = decimal_read(at, end, most, &number);

	for (unsigned i = value->size; length && i-- > 0; number >>= 8)
		value->bytes[i] = (uint8_t)number;
	return length;
}

/* Are the bits beyond the prefix zero? */
static bool is_masked(const struct shape_value *value)
{
	for (unsigned bit = value->prefix; bit < value->size * 8u; bit++)
		if (value->bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

static size_t read_address(bool ipv6, const char *at, const char *end, struct shape_value *value)
{
	const char *begin = at;

	if (!lift_atom(&at, end, ipv6 ? LIFT_IPV6 : LIFT_IPV4, value->bytes) || at > end ||
	    (ipv6 && memchr(begin, '.', (size_t)(at - begin))) || !is_masked(value))
		return 0;
	return (size_t)(at - begin);
}

/* What stands in quotes in nft text and in JSON alike. */
static size_t read_comment(const char *at, const char *end, struct shape_value *value)
{
	const char *begin = at;

	while (at < end && *at != '"' && at - begin <= COMMENT_LONGEST) {
		size_t length = text_utf8_length(at, (size_t)(end - at));

		if (!length || (unsigned char)*at < 0x20 || *at == '\\')
			return 0;
		at += length;
	}
	if (at - begin > COMMENT_LONGEST)
		return 0;
	value->comment = begin;
	value->length = (size_t)(at - begin);
	return value->length;
}

size_t value_read(enum mark mark, unsigned prefix, const char *at, const char *end,
		  struct shape_value *ret_value)
{
	struct shape_value value = {
		.kind = kind_of(mark), .size = sizes[mark], .prefix = (uint8_t)prefix};
	size_t length;

	if (mark == MARK_COMMENT)
		length = read_comment(at, end, &value);
	else if (mark == MARK_IPV4 || mark == MARK_IPV6)
		length = read_address(mark == MARK_IPV6, at, end, &value);
	else
		length = read_number(mark == MARK_PORT ? UINT16_MAX : INT64_MAX, at, end, &value);
	if (length)
		*ret_value = value;
	return length;
}

bool holes_add(struct holes *holes, enum mark mark, unsigned prefix, const char *start,
	       size_t length)
{
	struct hole hole = {.start = start, .length = length, .mark = mark};
	bool comment = mark == MARK_COMMENT, valued = mark != MARK_HANDLE;

	if (holes->n == HOLES_MAX || (valued && holes->values == SHAPE_VALUES) ||
	    (comment && holes->comment) ||
	    value_read(mark, prefix, start, start + length, &hole.value) != length || !length)
		return false;
	holes->comment |= comment;
	holes->values += valued;
	holes->v[holes->n++] = hole;
	return true;
}

/* ------------------------------------------------------------------ samples */

/* Two samples with bytes of their own in each place, and the extremes. */
static uint8_t sample_byte(size_t sample, size_t value, size_t byte)
{
	switch (sample) {
	case 0:
		return (uint8_t)(0x31 + 29 * value + 7 * byte);
	case 1:
		return (uint8_t)(0xa2 + 17 * value + 11 * byte);
	case 2:
		return 0;
	default:
		return 0xff;
	}
}

struct shape_value value_sample(size_t sample, size_t number, enum mark mark, unsigned prefix)
{
	static const char *const comments[SHAPE_SAMPLES] = {"first sample", "another sample",
							    "a third one", "4"};
	struct shape_value value = {.kind = kind_of(mark), .size = sizes[mark]};
	unsigned bits = value.kind == VALUE_ADDRESS ? prefix : value.size * 8u;

	if (mark == MARK_COMMENT) {
		value.comment = comments[sample];
		value.length = strlen(comments[sample]);
	}
	if (value.kind == VALUE_ADDRESS)
		value.prefix = (uint8_t)prefix;
	for (unsigned bit = 0; bit < bits; bit++)
		value.bytes[bit / 8] |= sample_byte(sample, number, bit / 8) & (0x80 >> bit % 8);
	if (mark == MARK_COUNTER)
		value.bytes[0] &= 0x7f; /* what JSON can say */
	return value;
}
