/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of numbers as sorted, disjoint, closed intervals: the values a field of a packet may have.
 * Addresses and interface names are numbers too, first byte highest. Immutable once made, and
 * therefore shared.
 */
#pragma once

#include "lint/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 number;

struct interval {
	number first;
	number last;
};

struct ranges {
	size_t n;
	struct interval v[];
};

/* The highest number of that many bytes (1-16). */
number number_max(size_t bytes);
number number_read(const void *bytes, size_t length); /* first byte highest */

/* Made of intervals in any order, overlapping or not. All functions that make ranges give NULL only
 * when memory ran out, which the arena remembers. */
const struct ranges *ranges_make(struct arena *arena, const struct interval *v, size_t n);
const struct ranges *ranges_one(struct arena *arena, number first, number last);
const struct ranges *ranges_and(struct arena *arena, const struct ranges *a,
				const struct ranges *b);
const struct ranges *ranges_without(struct arena *arena, const struct ranges *a,
				    const struct ranges *b);

bool ranges_has(const struct ranges *a, number value);
bool ranges_meet(const struct ranges *a, const struct ranges *b);
/* Is all of a in b? */
bool ranges_within(const struct ranges *a, const struct ranges *b);
/* How many numbers, at most limit. */
number ranges_count(const struct ranges *a, number limit);
