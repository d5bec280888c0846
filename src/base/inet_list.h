/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of address ranges, small enough in memory for millions of them: an IPv4 range takes 8 bytes.
 */
#pragma once

#include "base/array.h"
#include "base/inet.h"

/* In host byte order, so that numbers compare as addresses do. */
struct inet4_range {
	uint32_t first;
	uint32_t last;
};

/* The prefix length of a range that is a prefix. */
static inline int inet4_length(const struct inet4_range *range)
{
	return range->first == range->last ? 32 : __builtin_clz(range->first ^ range->last);
}

struct inet6_range {
	struct inet_address first;
	struct inet_address last;
};

struct inet_list {
	ARRAY(struct inet4_range) v4;
	ARRAY(struct inet6_range) v6;
};

void inet_list_free(struct inet_list *list);
bool inet_list_push(struct inet_list *list, const struct inet_range *range);
static inline size_t inet_list_count(const struct inet_list *list)
{
	return list->v4.n + list->v6.n;
}
/* Entry i, IPv4 first; each family in the order in which it came. */
struct inet_range inet_list_at(const struct inet_list *list, size_t i);

/* The prefix length of entry i, which must be a prefix. */
int inet_list_length(const struct inet_list *list, size_t i);

/* Sorts, and drops what another range covers; with merge also joins what overlaps or touches. */
void inet_list_sort(struct inet_list *list, bool merge);
