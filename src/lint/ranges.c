/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/ranges.h"

#include <stdlib.h>
#include <string.h>

number number_max(size_t bytes)
{
	return bytes >= sizeof(number) ? ~(number)0 : ((number)1 << (8 * bytes)) - 1;
}

number number_read(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	number value = 0;

	for (size_t i = 0; i < length; i++)
		value = value << 8 | at[i];
	return value;
}

static struct ranges *make(struct arena *arena, size_t capacity)
{
	return arena_get(arena, sizeof(struct ranges) + capacity * sizeof(struct interval));
}

static int compare(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

const struct ranges *ranges_make(struct arena *arena, const struct interval *v, size_t n)
{
	struct ranges *made = make(arena, n);

	if (!made)
		return NULL;
	if (n)
		memcpy(made->v, v, n * sizeof(*v));
	qsort(made->v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {
		struct interval *last = made->n ? &made->v[made->n - 1] : NULL;

		if (last && (last->last == ~(number)0 || made->v[i].first <= last->last + 1)) {
			if (made->v[i].last > last->last)
				last->last = made->v[i].last;
		} else {
			made->v[made->n++] = made->v[i];
		}
	}
	return made;
}

const struct ranges *ranges_one(struct arena *arena, number first, number last)
{
	return ranges_make(arena, &(struct interval){first, last}, 1);
}

const struct ranges *ranges_and(struct arena *arena, const struct ranges *a, const struct ranges *b)
{
	struct ranges *made = make(arena, a->n + b->n);
	size_t i = 0, j = 0;

	if (!made)
		return NULL;
	while (i < a->n && j < b->n) {
		number first = a->v[i].first > b->v[j].first ? a->v[i].first : b->v[j].first;
		number last = a->v[i].last < b->v[j].last ? a->v[i].last : b->v[j].last;

		if (first <= last)
			made->v[made->n++] = (struct interval){first, last};
		if (a->v[i].last < b->v[j].last)
			i++;
		else
			j++;
	}
	return made;
}

const struct ranges *ranges_without(struct arena *arena, const struct ranges *a,
				    const struct ranges *b)
{
	struct ranges *made = make(arena, a->n + b->n);
	size_t j = 0;

	if (!made)
		return NULL;
	for (size_t i = 0; i < a->n; i++) {
		number first = a->v[i].first;
		bool more = true;

		while (j < b->n && b->v[j].last < first)
			j++;
		for (size_t k = j; more && k < b->n && b->v[k].first <= a->v[i].last; k++) {
			if (b->v[k].first > first)
				made->v[made->n++] = (struct interval){first, b->v[k].first - 1};
			more = b->v[k].last < a->v[i].last;
			if (more)
				first = b->v[k].last + 1;
		}
		if (more)
			made->v[made->n++] = (struct interval){first, a->v[i].last};
	}
	return made;
}

bool ranges_has(const struct ranges *a, number value)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->v[middle].last < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < a->n && a->v[low].first <= value;
}

bool ranges_meet(const struct ranges *a, const struct ranges *b)
{
	size_t i = 0, j = 0;

	while (i < a->n && j < b->n) {
		if (a->v[i].last < b->v[j].first)
			i++;
		else if (b->v[j].last < a->v[i].first)
			j++;
		else
			return true;
	}
	return false;
}

bool ranges_within(const struct ranges *a, const struct ranges *b)
{
	size_t j = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && b->v[j].last < a->v[i].last)
			j++;
		if (j == b->n || b->v[j].first > a->v[i].first)
			return false;
	}
	return true;
}

number ranges_count(const struct ranges *a, number limit)
{
	number count = 0;

	for (size_t i = 0; i < a->n; i++) {
		number more = a->v[i].last - a->v[i].first;

		if (more >= limit - count)
			return limit;
		count += more + 1;
	}
	return count;
}
