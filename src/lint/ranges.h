/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of numbers as sorted, disjoint, closed intervals: the values a field of a packet may have.
 * Addresses and interface names are numbers too, first byte highest. Immutable once made, and
 * therefore shared.
 *
 * The intervals stand in runs of a few dozen, and what is made of a set shares the runs that did
 * not change: to take one number out of a set of ten thousand intervals costs one run, not the set.
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

struct run {
	const struct interval *v;
	size_t n;
	number count; /* of numbers; no more than all ones */
};

struct ranges {
	size_t n;     /* of intervals, in all runs */
	number count; /* of numbers; no more than all ones */
	number first; /* the lowest and the highest number, if there are any */
	number last;
	size_t runs;
	struct run run[];
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
const struct ranges *ranges_or(struct arena *arena, const struct ranges *const *sets, size_t n);
const struct ranges *ranges_without(struct arena *arena, const struct ranges *a,
				    const struct ranges *b);

/* The interval at that place, which there is. */
const struct interval *ranges_at(const struct ranges *a, size_t i);
bool ranges_has(const struct ranges *a, number value);
bool ranges_meet(const struct ranges *a, const struct ranges *b);
bool ranges_meet_interval(const struct ranges *a, number first, number last);
/* Is all of a in b? */
bool ranges_within(const struct ranges *a, const struct ranges *b);
bool ranges_equal(const struct ranges *a, const struct ranges *b);
/* How many numbers, at most limit. */
number ranges_count(const struct ranges *a, number limit);
