/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs of two sequences against the longest common subsequence, found the slow way. */
#include "base/edits.h"

#include <criterion/criterion.h>

enum { LONGEST = 60, ROUNDS = 4000 };

static uint32_t seed;
static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

struct both {
	size_t n, m;
	uint32_t a[LONGEST], b[LONGEST];
};

static bool same(void *arg, size_t i, size_t j)
{
	const struct both *both = arg;

	cr_assert(i < both->n && j < both->m, "asked for %zu of %zu, %zu of %zu", i, both->n, j,
		  both->m);
	return both->a[i] == both->b[j];
}

static size_t longest_common(const struct both *both)
{
	size_t common[LONGEST + 1][LONGEST + 1] = {0};

	for (size_t i = 1; i <= both->n; i++)
		for (size_t j = 1; j <= both->m; j++) {
			size_t up = common[i - 1][j], left = common[i][j - 1];

			common[i][j] = both->a[i - 1] == both->b[j - 1] ? common[i - 1][j - 1] + 1
				       : up > left			? up
									: left;
		}
	return common[both->n][both->m];
}

/* The second is the first with some changes. */
static void draw(struct both *both)
{
	uint32_t kinds = 1 + pick(40), changes = pick(pick(2) ? 5 : 100);

	both->n = LONGEST - pick(pick(2) ? 10 : LONGEST);
	both->m = 0;
	for (size_t i = 0; i < both->n; i++)
		both->a[i] = pick(kinds);
	for (size_t i = 0; i < both->n || (both->m < LONGEST && !pick(4));) {
		bool change = pick(100) < changes;

		if (both->m == LONGEST)
			break;
		if (change && pick(2) && i < both->n)
			i++;
		else if (change || i == both->n)
			both->b[both->m++] = pick(kinds);
		else
			both->b[both->m++] = both->a[i++];
	}
}

Test(edits, pairs_as_many_as_can_be)
{
	size_t near = 0, far = 0;

	for (seed = 0; seed < ROUNDS; seed++) {
		uint32_t kept = seed;
		size_t pair[LONGEST], paired = 0, next = 0, common;
		struct both both;
		bool done;

		for (size_t i = 0; i < LONGEST; i++)
			pair[i] = 12345;
		draw(&both);
		common = longest_common(&both);
		done = edits_pair(both.n, both.m, same, &both, pair);
		cr_assert_eq(done, both.n + both.m - 2 * common <= EDITS_MAX, "round %u", kept);
		for (size_t i = 0; i < both.n; i++) {
			if (!done) {
				cr_assert_eq(pair[i], 12345);
			} else if (pair[i] != NO_PARTNER) {
				cr_assert(pair[i] >= next && same(&both, i, pair[i]));
				next = pair[i] + 1;
				paired++;
			}
		}
		cr_assert(!done || paired == common, "round %u: %zu of %zu", kept, paired, common);
		near += done;
		far += !done;
		seed = kept;
	}
	cr_assert(near > ROUNDS / 10 && far > ROUNDS / 10, "%zu and %zu", near, far);
}
