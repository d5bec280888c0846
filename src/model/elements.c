/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/ruleset.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

struct span element_at(const struct elements *elements, size_t i)
{
	struct span rest = buf_span(&elements->bytes);
	struct attr item = {0};

	rest.data += elements->at.v[i];
	rest.len -= elements->at.v[i];
	attr_next(&rest, &item);
	return item.body;
}

static struct span element_value(struct span element, uint16_t type)
{
	struct span data, value = {NULL, 0};

	if (attr_find(element, type, &data))
		attr_find(data, NFTA_DATA_VALUE, &value);
	return value;
}

struct span element_key(struct span element)
{
	return element_value(element, NFTA_SET_ELEM_KEY);
}

struct span element_key_end(struct span element)
{
	return element_value(element, NFTA_SET_ELEM_KEY_END);
}

size_t element_begin(struct elements *elements)
{
	return attr_nest_begin(&elements->bytes, NFTA_LIST_ELEM);
}

bool element_end(struct elements *elements, size_t begin)
{
	attr_nest_end(&elements->bytes, begin);
	elements->sorted = false;
	return !elements->bytes.failed && begin <= UINT32_MAX &&
	       array_push(&elements->at, (uint32_t)begin);
}

static int compare_spans(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

/* The flags that tell two elements with one key apart: an interval's end, and the catch-all. */
static uint32_t key_flags(struct span element)
{
	return attr_find_be32(element, NFTA_SET_ELEM_FLAGS) &
	       (NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL);
}

int element_compare_keys(struct span a, struct span b)
{
	int order = compare_spans(element_key(a), element_key(b));
	uint32_t flags_a, flags_b;

	if (!order)
		order = compare_spans(element_key_end(a), element_key_end(b));
	if (order)
		return order;
	flags_a = key_flags(a);
	flags_b = key_flags(b);
	return flags_a > flags_b ? -1 : flags_a < flags_b; /* an end comes before a start */
}

static struct span span_of(const uint8_t *base, uint32_t at)
{
	struct nlattr head;

	memcpy(&head, base + at, sizeof(head));
	return (struct span){base + at + sizeof(head), head.nla_len - sizeof(head)};
}

static int compare_offsets(const void *left, const void *right, void *base)
{
	return element_compare_keys(span_of(base, *(const uint32_t *)left),
				    span_of(base, *(const uint32_t *)right));
}

void elements_sort(struct elements *elements)
{
	bool ordered = true;

	for (size_t i = 1; ordered && !elements->sorted && i < elements->at.n; i++)
		ordered = compare_offsets(&elements->at.v[i - 1], &elements->at.v[i],
					  elements->bytes.data) <= 0;
	if (!ordered)
		qsort_r(elements->at.v, elements->at.n, sizeof(*elements->at.v), compare_offsets,
			elements->bytes.data);
	elements->sorted = true;
}
