/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * E. W. Myers, An O(ND) difference algorithm and its variations, 1986: a way from (0, 0) to (n, m) takes
 * an entry from the first sequence or from the second, which costs one edit, or equal entries from both,
 * which costs none. For each number of edits it is kept how far they lead on each diagonal, i - j.
 */
#include "base/edits.h"

#include <string.h>

/* How many entries of the first sequence are behind, by diagonal; -1: it is not reached. One more at
 * each side, that is never reached. */
typedef ptrdiff_t edits_row[2 * EDITS_MAX + 3];

struct edits {
	ptrdiff_t n, m;
	edits_same_fn *same;
	void *arg;
	edits_row reached[EDITS_MAX + 1];
};

static ptrdiff_t *at(edits_row row, ptrdiff_t diagonal)
{
	return &row[diagonal + EDITS_MAX + 1];
}

/* The furthest that one edit leads to on the diagonal; -1: nowhere. *ret_first: it is an entry of the
 * first sequence. */
static ptrdiff_t edit(const struct edits *edits, edits_row before, ptrdiff_t diagonal,
		      bool *ret_first)
{
	ptrdiff_t first = *at(before, diagonal - 1), second = *at(before, diagonal + 1);

	first = first < 0 || first == edits->n ? -1 : first + 1;
	if (second >= 0 && second - diagonal > edits->m)
		second = -1;
	*ret_first = first > second;
	return *ret_first ? first : second;
}

static ptrdiff_t follow(const struct edits *edits, ptrdiff_t i, ptrdiff_t diagonal)
{
	while (i >= 0 && i < edits->n && i - diagonal < edits->m &&
	       edits->same(edits->arg, (size_t)i, (size_t)(i - diagonal)))
		i++;
	return i;
}

/* How many edits lead to the end; more than EDITS_MAX: too many. */
static ptrdiff_t search(struct edits *edits)
{
	memset(edits->reached, -1, sizeof(edits->reached));
	for (ptrdiff_t count = 0; count <= EDITS_MAX; count++) {
		for (ptrdiff_t diagonal = -count; diagonal <= count; diagonal += 2) {
			bool first;
			ptrdiff_t begin =
				count ? edit(edits, edits->reached[count - 1], diagonal, &first)
				      : 0;
			ptrdiff_t end = follow(edits, begin, diagonal);

			*at(edits->reached[count], diagonal) = end;
			if (end == edits->n && end - diagonal == edits->m)
				return count;
		}
	}
	return EDITS_MAX + 1;
}

bool edits_pair(size_t n, size_t m, edits_same_fn *same, void *arg, size_t *pair)
{
	struct edits edits = {.n = (ptrdiff_t)n, .m = (ptrdiff_t)m, .same = same, .arg = arg};
	ptrdiff_t diagonal = edits.n - edits.m, count = search(&edits);

	if (count > EDITS_MAX)
		return false;
	for (ptrdiff_t end = edits.n; count >= 0; count--) {
		bool first = false;
		ptrdiff_t begin =
			count ? edit(&edits, edits.reached[count - 1], diagonal, &first) : 0;

		while (end > begin) {
			end--;
			pair[end] = (size_t)(end - diagonal);
		}
		if (first)
			pair[--end] = NO_PARTNER;
		diagonal += first ? -1 : 1;
	}
	return true;
}
