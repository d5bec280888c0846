/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool bit_is_set(const uint8_t *bytes, unsigned bit)
{
	return bytes[bit / 8] & (0x80 >> (bit % 8));
}

static bool parse_length(const char *text, unsigned max, unsigned *ret_length)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9' || (text[0] == '0' && text[1]))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value > max)
		return false;
	*ret_length = (unsigned)value;
	return true;
}

enum inet_parse inet_parse(const char *text, struct inet_range *ret_range)
{
	struct inet_range range = {.family = strchr(text, ':') ? INET_V6 : INET_V4};
	unsigned bits = (unsigned)inet_length(range.family) * 8, length = bits;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	bool host_bits = false;

	if (len >= sizeof(address))
		return INET_NOT_AN_ADDRESS;
	memcpy(address, text, len);
	address[len] = 0;
	if (inet_pton(range.family == INET_V6 ? AF_INET6 : AF_INET, address, range.first.byte) != 1)
		return INET_NOT_AN_ADDRESS;
	if (slash && !parse_length(slash + 1, bits, &length))
		return INET_BAD_PREFIX_LENGTH;
	range.last = range.first;
	for (unsigned bit = length; bit < bits; bit++) {
		host_bits |= bit_is_set(range.first.byte, bit);
		range.first.byte[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
		range.last.byte[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	}
	*ret_range = range;
	return host_bits ? INET_HOST_BITS : INET_OK;
}

int inet_prefix_length(const struct inet_range *range)
{
	unsigned bits = (unsigned)inet_length(range->family) * 8, length = 0;

	while (length < bits &&
	       bit_is_set(range->first.byte, length) == bit_is_set(range->last.byte, length))
		length++;
	for (unsigned bit = length; bit < bits; bit++)
		if (bit_is_set(range->first.byte, bit) || !bit_is_set(range->last.byte, bit))
			return -1;
	return (int)length;
}

const char *inet_format(const struct inet_range *range, char out[INET_TEXT_MAX])
{
	int family = range->family == INET_V6 ? AF_INET6 : AF_INET;
	int bits = (int)inet_length(range->family) * 8;
	int length = inet_prefix_length(range);
	size_t at;

	inet_ntop(family, range->first.byte, out, INET6_ADDRSTRLEN);
	at = strlen(out);
	if (length == bits)
		return out;
	if (length >= 0) {
		snprintf(out + at, INET_TEXT_MAX - at, "/%d", length);
		return out;
	}
	out[at++] = '-';
	inet_ntop(family, range->last.byte, out + at, INET6_ADDRSTRLEN);
	return out;
}

int inet_compare(const struct inet_address *a, const struct inet_address *b,
		 enum inet_family family)
{
	return memcmp(a->byte, b->byte, inet_length(family));
}

bool inet_increment(struct inet_address *address, enum inet_family family)
{
	for (size_t i = inet_length(family); i-- > 0;)
		if (++address->byte[i])
			return true;
	return false;
}

bool inet_decrement(struct inet_address *address, enum inet_family family)
{
	for (size_t i = inet_length(family); i-- > 0;)
		if (address->byte[i]--)
			return true;
	return false;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct inet_range *a = left, *b = right;
	int order = (int)a->family - (int)b->family;

	if (!order)
		order = inet_compare(&a->first, &b->first, a->family);
	return order ? order : inet_compare(&a->last, &b->last, a->family);
}

/* b starts inside a or right behind it; a sorts first. */
static bool touches(const struct inet_range *a, const struct inet_range *b)
{
	struct inet_address next = a->last;

	if (a->family != b->family)
		return false;
	if (!inet_increment(&next, a->family))
		return true;
	return inet_compare(&b->first, &next, a->family) <= 0;
}

size_t inet_merge(struct inet_range *ranges, size_t count)
{
	size_t n = 0;

	if (!count)
		return 0;
	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < count; i++) {
		if (!touches(&ranges[n], &ranges[i]))
			ranges[++n] = ranges[i];
		else if (inet_compare(&ranges[n].last, &ranges[i].last, ranges[n].family) < 0)
			ranges[n].last = ranges[i].last;
	}
	return n + 1;
}
