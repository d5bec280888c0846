/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, prefixes and ranges of them, in network byte order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inet_family { INET_ANY = 0, INET_V4 = 4, INET_V6 = 6 };

struct inet_address {
	uint8_t byte[16]; /* the first 4 for INET_V4 */
};

/* Closed interval of addresses of one family; a single address has first == last. */
struct inet_range {
	enum inet_family family;
	struct inet_address first;
	struct inet_address last;
};

#define INET_TEXT_MAX 96 /* "address-address" and its NUL */

static inline size_t inet_length(enum inet_family family)
{
	return family == INET_V4 ? 4 : 16;
}

enum inet_parse {
	INET_OK = 0,
	INET_NOT_AN_ADDRESS,
	INET_BAD_PREFIX_LENGTH,
	INET_HOST_BITS, /* bits are set behind the prefix */
};

/* Reads "192.0.2.1", "10.0.0.0/8", "2001:db8::1", "2001:db8::/64". On INET_HOST_BITS *ret_range
 * holds the prefix without them, for a suggestion; otherwise it is written on INET_OK only. */
enum inet_parse inet_parse(const char *text, struct inet_range *ret_range);

/* "192.0.2.1", "10.0.0.0/8" where the range is a prefix, "a-b" otherwise. Returns out. */
const char *inet_format(const struct inet_range *range, char out[INET_TEXT_MAX]);

/* The prefix length if the range is exactly one prefix, otherwise -1. */
int inet_prefix_length(const struct inet_range *range);

int inet_compare(const struct inet_address *a, const struct inet_address *b,
		 enum inet_family family);

/* Steps to the next (previous) address; false at the end of the address space. */
bool inet_increment(struct inet_address *address, enum inet_family family);
bool inet_decrement(struct inet_address *address, enum inet_family family);

/* Sorts by family and address, merges what overlaps or touches; returns the new count. */
size_t inet_merge(struct inet_range *ranges, size_t count);
