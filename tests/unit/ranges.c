/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of numbers against brute force: small universes, every number asked. */
#include "lint/ranges.h"

#include "base/array.h"

#include <criterion/criterion.h>

enum { UNIVERSE = 600, ROUNDS = 400 };

static uint32_t seed;
static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* The universe lies at the low or at the high end of what a number can be. */
static number base;

static const struct ranges *random_set(struct arena *arena, bool has[UNIVERSE])
{
	uint32_t count = pick(pick(2) ? 4 : UNIVERSE / 2), width = pick(2) ? 2 : 12;
	struct interval v[UNIVERSE];

	memset(has, 0, UNIVERSE * sizeof(*has));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t first = pick(UNIVERSE), last = first + pick(width);

		last = last < UNIVERSE ? last : UNIVERSE - 1;
		v[i] = (struct interval){base + first, base + last};
		for (uint32_t at = first; at <= last; at++)
			has[at] = true;
	}
	return ranges_make(arena, v, count);
}

static void check_is(const struct ranges *set, const bool has[UNIVERSE], const char *what)
{
	size_t count = 0, n = 0, runs = 0;

	for (uint32_t at = 0; at < UNIVERSE; at++) {
		cr_assert_eq(ranges_has(set, base + at), has[at], "%s: %u", what, at);
		count += has[at];
		n += has[at] && (!at || !has[at - 1]);
	}
	cr_assert(ranges_count(set, UNIVERSE) == count && set->n == n, "%s", what);
	for (size_t i = 0; i < set->runs; i++)
		runs += set->run[i].n;
	cr_assert_eq(runs, n);
	for (size_t i = 0; i < n; i++)
		cr_assert(i == 0 || ranges_at(set, i)->first > ranges_at(set, i - 1)->last + 1);
	cr_assert(!n || (set->first == ranges_at(set, 0)->first &&
			 set->last == ranges_at(set, n - 1)->last));
}

static void check_pair(struct arena *arena)
{
	bool a[UNIVERSE], b[UNIVERSE], both[UNIVERSE], rest[UNIVERSE], all[UNIVERSE];
	const struct ranges *x = random_set(arena, a), *y = random_set(arena, b);
	const struct ranges *two[] = {x, y};
	bool meet = false, within = true, equal = true;

	for (uint32_t i = 0; i < UNIVERSE; i++) {
		both[i] = a[i] && b[i];
		rest[i] = a[i] && !b[i];
		all[i] = a[i] || b[i];
		meet = meet || both[i];
		within = within && !rest[i];
		equal = equal && a[i] == b[i];
	}
	check_is(x, a, "made");
	check_is(ranges_and(arena, x, y), both, "and");
	check_is(ranges_without(arena, x, y), rest, "without");
	check_is(ranges_or(arena, two, 2), all, "or");
	/* What was made of parts is taken apart again. */
	check_is(ranges_and(arena, ranges_without(arena, ranges_or(arena, two, 2), y), x), rest,
		 "of parts");
	cr_assert_eq(ranges_meet(x, y), meet);
	cr_assert_eq(ranges_within(x, y), within);
	cr_assert_eq(ranges_equal(x, y), equal);
	cr_assert(ranges_equal(ranges_and(arena, x, y), ranges_and(arena, y, x)));
}

Test(ranges, are_sets)
{
	for (unsigned end = 0; end < 2; end++) {
		autoarena arena = {0};

		base = end ? ~(number)0 - (UNIVERSE - 1) : 0;
		for (seed = 1; seed < ROUNDS * 1000; seed += 1000) {
			uint32_t kept = seed;

			check_pair(&arena);
			seed = kept;
		}
	}
}

/* Number after number out of one set: what stays of it is shared, not copied. */
Test(ranges, share_what_stays)
{
	const uint32_t n = 10000;
	autoarena arena = {0};
	const struct ranges *left = ranges_one(&arena, 0, UINT32_MAX);

	for (uint32_t i = 0; i < n; i++) {
		number gone = (number)(i * 40503u % n) * 7 + 3;
		const struct ranges *one = ranges_one(&arena, gone, gone);

		left = ranges_without(&arena, left, one);
		cr_assert(!ranges_meet(left, one));
	}
	cr_assert_eq(left->n, n + 1);
	cr_assert(ranges_count(left, ~(number)0) == ((number)1 << 32) - n);
	/* All copies would be 1.6 GB. */
	cr_assert_lt(arena.size, 160u << 20, "%zu bytes", arena.size);
}
