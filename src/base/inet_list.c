/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/inet_list.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void inet_list_free(struct inet_list *list)
{
	array_free(&list->v4);
	array_free(&list->v6);
}

static uint32_t number(const struct inet_address *address)
{
	uint32_t value;

	memcpy(&value, address->byte, sizeof(value));
	return ntohl(value);
}

bool inet_list_push(struct inet_list *list, const struct inet_range *range)
{
	if (range->family == INET_V4)
		return array_push(&list->v4, (struct inet4_range){number(&range->first),
								  number(&range->last)});
	return array_push(&list->v6, (struct inet6_range){range->first, range->last});
}

struct inet_range inet_list_at(const struct inet_list *list, size_t i)
{
	struct inet_range range = {.family = i < list->v4.n ? INET_V4 : INET_V6};

	if (range.family == INET_V4) {
		uint32_t first = htonl(list->v4.v[i].first), last = htonl(list->v4.v[i].last);

		memcpy(range.first.byte, &first, sizeof(first));
		memcpy(range.last.byte, &last, sizeof(last));
	} else {
		range.first = list->v6.v[i - list->v4.n].first;
		range.last = list->v6.v[i - list->v4.n].last;
	}
	return range;
}

int inet_list_length(const struct inet_list *list, size_t i)
{
	const struct inet6_range *range;
	struct inet_range six = {.family = INET_V6};

	if (i < list->v4.n)
		return inet4_length(&list->v4.v[i]);
	range = &list->v6.v[i - list->v4.n];
	six.first = range->first;
	six.last = range->last;
	return inet_prefix_length(&six);
}

/* ------------------------------------------------------------------ order */

/* The wider one first where both begin alike: it covers the other. */
static int compare4(const void *left, const void *right)
{
	const struct inet4_range *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->last > b->last ? -1 : a->last < b->last;
}

static int compare6(const void *left, const void *right)
{
	const struct inet6_range *a = left, *b = right;
	int order = inet_compare(&a->first, &b->first, INET_V6);

	return order ? order : inet_compare(&b->last, &a->last, INET_V6);
}

static bool is_sorted4(const struct inet_list *list)
{
	for (size_t i = 1; i < list->v4.n; i++)
		if (compare4(&list->v4.v[i - 1], &list->v4.v[i]) > 0)
			return false;
	return true;
}

/*
 * A million ranges are sorted by 11 bits at a time in three passes, from the last bits to the first;
 * each pass keeps the order of the one before. Ties (prefixes that begin alike) are few: an insertion
 * sort puts them right. Without memory for the copy, qsort() does.
 */
enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

static void sort_pass(const struct inet4_range *from, struct inet4_range *to, size_t n,
		      unsigned shift)
{
	size_t start[DIGITS + 1] = {0};

	for (size_t i = 0; i < n; i++)
		start[(from[i].first >> shift & (DIGITS - 1)) + 1]++;
	for (size_t d = 0; d < DIGITS; d++)
		start[d + 1] += start[d];
	for (size_t i = 0; i < n; i++)
		to[start[from[i].first >> shift & (DIGITS - 1)]++] = from[i];
}

static void sort4(struct inet_list *list)
{
	size_t n = list->v4.n;
	struct inet4_range *v = list->v4.v, *copy;

	if (is_sorted4(list))
		return;
	copy = n > DIGITS ? reallocarray(NULL, n, sizeof(*copy)) : NULL;
	if (!copy) {
		qsort(v, n, sizeof(*v), compare4);
		return;
	}
	sort_pass(v, copy, n, 0);
	sort_pass(copy, v, n, DIGIT_BITS);
	sort_pass(v, copy, n, 2 * DIGIT_BITS);
	memcpy(v, copy, n * sizeof(*v));
	free(copy);
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j && compare4(&v[j - 1], &v[j]) > 0; j--) {
			struct inet4_range swap = v[j];

			v[j] = v[j - 1];
			v[j - 1] = swap;
		}
}

static void clean4(struct inet_list *list, bool merge)
{
	struct inet4_range *v = list->v4.v;
	size_t n = 0;

	for (size_t i = 0; i < list->v4.n; i++) {
		struct inet4_range *last = n ? &v[n - 1] : NULL;

		if (last && v[i].last <= last->last)
			continue;
		if (merge && last && (last->last == UINT32_MAX || v[i].first <= last->last + 1))
			last->last = v[i].last;
		else
			v[n++] = v[i];
	}
	list->v4.n = n;
}

static bool touches6(const struct inet6_range *a, const struct inet6_range *b)
{
	struct inet_address next = a->last;

	return !inet_increment(&next, INET_V6) || inet_compare(&b->first, &next, INET_V6) <= 0;
}

static void clean6(struct inet_list *list, bool merge)
{
	struct inet6_range *v = list->v6.v;
	size_t n = 0;

	for (size_t i = 0; i < list->v6.n; i++) {
		struct inet6_range *last = n ? &v[n - 1] : NULL;

		if (last && inet_compare(&v[i].last, &last->last, INET_V6) <= 0)
			continue;
		if (merge && last && touches6(last, &v[i]))
			last->last = v[i].last;
		else
			v[n++] = v[i];
	}
	list->v6.n = n;
}

void inet_list_sort(struct inet_list *list, bool merge)
{
	sort4(list);
	if (list->v6.n)
		qsort(list->v6.v, list->v6.n, sizeof(*list->v6.v), compare6);
	clean4(list, merge);
	clean6(list, merge);
}
