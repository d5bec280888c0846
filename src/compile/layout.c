/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/layout.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum {
	SHARED_MAX = 16
}; /* elements with one value in the first field: about 200 ns a packet, measured */

#define INTERVAL_FIELDS DIM_NEAR, DIM_FAR, DIM_PORT, DIM_PROTOCOL

static const struct {
	const char *name;
	struct layout layout;
} classes[CLASSES] = {
	[CLASS_4I] = {"4i", {INET_V4, true, 5, {INTERVAL_FIELDS, DIM_INTERFACE}}},
	[CLASS_6I] = {"6i", {INET_V6, true, 5, {INTERVAL_FIELDS, DIM_INTERFACE}}},
	[CLASS_I] = {"i", {INET_ANY, false, 3, {DIM_INTERFACE, DIM_PROTOCOL, DIM_PORT}}},
	[CLASS_4] = {"4", {INET_V4, false, 3, {DIM_NEAR, DIM_PROTOCOL, DIM_PORT}}},
	[CLASS_6] = {"6", {INET_V6, false, 3, {DIM_NEAR, DIM_PROTOCOL, DIM_PORT}}},
	[CLASS_4X] = {"4x", {INET_V4, true, 4, {INTERVAL_FIELDS}}},
	[CLASS_6X] = {"6x", {INET_V6, true, 4, {INTERVAL_FIELDS}}},
	[CLASS_P] = {"p", {INET_ANY, false, 2, {DIM_PROTOCOL, DIM_PORT}}},
	[CLASS_R] = {"r", {INET_ANY, true, 2, {DIM_PORT, DIM_PROTOCOL}}},
	[CLASS_N] = {"n", {INET_ANY, false, 1, {DIM_PROTOCOL}}},
};

const struct layout *class_layout(enum key_class class)
{
	return &classes[class].layout;
}

const char *class_name(enum key_class class)
{
	return classes[class].name;
}

bool layout_has(const struct layout *layout, enum dimension field)
{
	for (unsigned i = 0; i < layout->n; i++)
		if (layout->field[i] == field)
			return true;
	return false;
}

unsigned field_words(const struct layout *layout, enum dimension field)
{
	return (unsigned)(box_length(layout->family, field) + 3) / 4;
}

size_t layout_key_length(const struct layout *layout)
{
	size_t words = 0;

	if (layout->n == 1)
		return box_length(layout->family, layout->field[0]);
	for (unsigned i = 0; i < layout->n; i++)
		words += field_words(layout, layout->field[i]);
	return words * 4;
}

void layout_key(const struct layout *layout, const uint8_t *bounds, uint8_t ret_key[KEY_MAX])
{
	size_t at = 0;

	memset(ret_key, 0, KEY_MAX);
	for (unsigned i = 0; i < layout->n; i++) {
		enum dimension field = layout->field[i];

		memcpy(ret_key + at, bounds + box_offset(field), box_length(layout->family, field));
		at += (size_t)field_words(layout, field) * 4;
	}
}

/* ------------------------------------------------------------------ the first field */

struct sweep {
	const struct box *boxes;
	enum dimension field;
};

static int compare_first(const void *left, const void *right, void *arg)
{
	const struct sweep *sweep = arg;
	uint32_t l = *(const uint32_t *)left, r = *(const uint32_t *)right;
	const struct box *a = &sweep->boxes[l], *b = &sweep->boxes[r];
	size_t at = box_offset(sweep->field), length = box_length(a->family, sweep->field);
	int order = memcmp(a->first + at, b->first + at, length);

	return order ? order : l < r ? -1 : l > r;
}

static int compare_last(const struct sweep *sweep, uint32_t a, uint32_t b)
{
	size_t at = box_offset(sweep->field);

	return memcmp(sweep->boxes[a].last + at, sweep->boxes[b].last + at,
		      box_length(sweep->boxes[a].family, sweep->field));
}

static bool ends_before(const struct sweep *sweep, uint32_t a, uint32_t b)
{
	size_t at = box_offset(sweep->field);

	return memcmp(sweep->boxes[a].last + at, sweep->boxes[b].first + at,
		      box_length(sweep->boxes[a].family, sweep->field)) < 0;
}

/* Sweeps over the boxes by their start in `field`, keeping the ones that are open. Whenever more
 * than SHARED_MAX are, the one that ends last is turned out, which keeps as many as can be kept. */
static bool turn_out(const boxes *all, enum dimension field, bool *out, size_t *ret_count)
{
	autofree uint32_t *order = calloc(all->n, sizeof(*order));
	struct sweep sweep = {all->v, field};
	uint32_t open[SHARED_MAX + 1];
	size_t n = 0;

	if (!order)
		return false;
	*ret_count = 0;
	for (uint32_t i = 0; i < all->n; i++) {
		order[i] = i;
		out[i] = false;
	}
	qsort_r(order, all->n, sizeof(*order), compare_first, &sweep);
	for (size_t i = 0; i < all->n; i++) {
		size_t kept = 0, longest = 0;

		for (size_t j = 0; j < n; j++)
			if (!ends_before(&sweep, open[j], order[i]))
				open[kept++] = open[j];
		open[kept] = order[i];
		n = kept + 1;
		if (n <= SHARED_MAX)
			continue;
		for (size_t j = 1; j < n; j++)
			if (compare_last(&sweep, open[j], open[longest]) > 0)
				longest = j;
		out[open[longest]] = true;
		++*ret_count;
		open[longest] = open[--n];
	}
	return true;
}

/* The layout with that field moved to the front. */
static struct layout with_first(const struct layout *layout, enum dimension first)
{
	struct layout moved = *layout;
	unsigned n = 0;

	moved.field[n++] = first;
	for (unsigned i = 0; i < layout->n; i++)
		if (layout->field[i] != first)
			moved.field[n++] = layout->field[i];
	return moved;
}

/* The first field that needs the fewest boxes turned out; among equals, the earlier one. */
static bool choose_first(const boxes *all, struct layout *layout, bool *ret_out, size_t *ret_count)
{
	autofree bool *out = calloc(all->n, sizeof(*out));
	struct layout best = *layout;
	size_t fewest = SIZE_MAX;

	if (!out)
		return false;
	for (unsigned i = 0; i < layout->n && fewest; i++) {
		size_t count;

		if (layout->field[i] == DIM_PROTOCOL)
			continue;
		if (!turn_out(all, layout->field[i], out, &count))
			return false;
		if (count < fewest) {
			fewest = count;
			best = with_first(layout, layout->field[i]);
			memcpy(ret_out, out, all->n * sizeof(*out));
		}
	}
	*layout = best;
	*ret_count = fewest;
	return true;
}

bool layout_order(boxes *all, struct layout *layout, boxes *ret_rest,
		  struct layout *ret_rest_layout)
{
	autofree bool *out = calloc(all->n + 1, sizeof(*out));
	struct layout rest = *layout;
	size_t count, n = 0;

	if (!out)
		return false;
	if (!all->n || !layout->interval || layout->n < 2)
		return true;
	if (!choose_first(all, layout, out, &count))
		return false;
	if (count <= SHARED_MAX) /* a second lookup would cost more than these few do */
		return true;
	for (size_t i = 0; i < all->n; i++) {
		if (!out[i])
			all->v[n++] = all->v[i];
		else if (!array_push(ret_rest, all->v[i]))
			return false;
	}
	all->n = n;
	if (!choose_first(ret_rest, &rest, out, &count))
		return false;
	*ret_rest_layout = rest;
	return true;
}
