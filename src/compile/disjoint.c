/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which boxes meet is found in a tree of bounding boxes, so that services which do not overlap cost
 * n log n. A box loses what the original boxes before it cover; these cover the same as the pieces
 * that are left of them, and unlike those they are known from the start.
 */
#include "base/cleanup.h"
#include "compile/boxes.h"

#include <stdlib.h>
#include <string.h>

enum { LEAF = 8, SAMPLES = 16, MAX_DEPTH = 64 };

struct node {
	struct box bounds;
	uint32_t begin, end;  /* of tree.order */
	uint32_t least;	      /* the least index below */
	uint32_t left, right; /* 0: a leaf */
};

struct tree {
	const boxes *all;
	uint32_t *order;
	ARRAY(struct node) nodes;
};

static void tree_free(struct tree *tree)
{
	free(tree->order);
	array_free(&tree->nodes);
}

static void widen(struct box *bounds, const struct box *box)
{
	for (enum dimension d = 0; d < DIMENSIONS; d++) {
		size_t at = box_offset(d), length = box_length(box->family, d);

		if (memcmp(box->first + at, bounds->first + at, length) < 0)
			memcpy(bounds->first + at, box->first + at, length);
		if (memcmp(box->last + at, bounds->last + at, length) > 0)
			memcpy(bounds->last + at, box->last + at, length);
	}
}

/* The dimension that keeps the most pairs of a sample apart. */
static enum dimension best_dimension(const struct tree *tree, uint32_t begin, uint32_t end)
{
	enum dimension best = DIM_NEAR;
	size_t most = 0, n = end - begin < SAMPLES ? end - begin : SAMPLES;

	for (enum dimension d = 0; d < DIMENSIONS; d++) {
		size_t apart = 0;

		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++) {
				size_t a = begin + (end - begin) * i / n;
				size_t b = begin + (end - begin) * j / n;

				apart += !box_meets(&tree->all->v[tree->order[a]],
						    &tree->all->v[tree->order[b]], d);
			}
		if (apart > most) {
			most = apart;
			best = d;
		}
	}
	return best;
}

static const struct box *ordered(const struct tree *tree, uint32_t i)
{
	return &tree->all->v[tree->order[i]];
}

static int compare_start(const struct tree *tree, uint32_t i, const struct box *pivot,
			 enum dimension d)
{
	return memcmp(ordered(tree, i)->first + box_offset(d), pivot->first + box_offset(d),
		      box_length(pivot->family, d));
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t kept = *a;

	*a = *b;
	*b = kept;
}

/* Puts the median by start at `middle`, smaller ones before it, larger ones behind (quickselect).
 * The pivot comes from a generator, since products of sorted lists are bad for any fixed place. */
static void part(struct tree *tree, uint32_t begin, uint32_t end, uint32_t middle, enum dimension d)
{
	uint32_t random = 1;

	while (end - begin > 1) {
		uint32_t at_random = (uint32_t)((uint64_t)random * (end - begin) >> 32);
		struct box pivot = *ordered(tree, begin + at_random);
		uint32_t below = begin, at = begin, above = end;

		random = random * 1664525u + 1013904223u;
		while (at < above) {
			int order = compare_start(tree, at, &pivot, d);

			if (order < 0)
				swap(&tree->order[at++], &tree->order[below++]);
			else if (order > 0)
				swap(&tree->order[at], &tree->order[--above]);
			else
				at++;
		}
		if (middle < below)
			end = below;
		else if (middle >= above)
			begin = above;
		else
			return;
	}
}

/* Builds the node of [begin, end); returns its index, 0 (never a child) without memory. */
static uint32_t build(struct tree *tree, uint32_t begin, uint32_t end)
{
	struct node node = {.bounds = *ordered(tree, begin),
			    .begin = begin,
			    .end = end,
			    .least = tree->order[begin]};
	uint32_t index = (uint32_t)tree->nodes.n, middle = begin + (end - begin) / 2;

	for (uint32_t i = begin + 1; i < end; i++) {
		widen(&node.bounds, ordered(tree, i));
		if (tree->order[i] < node.least)
			node.least = tree->order[i];
	}
	if (!array_push(&tree->nodes, node))
		return 0;
	if (end - begin <= LEAF)
		return index;
	part(tree, begin, end, middle, best_dimension(tree, begin, end));
	node.left = build(tree, begin, middle);
	node.right = node.left ? build(tree, middle, end) : 0;
	tree->nodes.v[index] = node;
	return node.right ? index : 0;
}

static bool tree_build(struct tree *tree, const boxes *all)
{
	tree->all = all;
	tree->order = calloc(all->n, sizeof(*tree->order));
	if (!tree->order)
		return false;
	for (uint32_t i = 0; i < all->n; i++)
		tree->order[i] = i;
	build(tree, 0, (uint32_t)all->n);
	return tree->nodes.n && (tree->nodes.v[0].right || all->n <= LEAF);
}

/* What is left of one box, and what was cut it into most pieces. */
struct rest {
	boxes pieces;
	boxes spare;
	uint32_t worst;
	size_t most;
};

/* Takes `what` away from all pieces. */
static bool cut(struct rest *rest, const struct box *what)
{
	boxes kept;
	size_t before = rest->pieces.n;

	rest->spare.n = 0;
	array_for_each(piece, &rest->pieces) {
		if (!(box_overlaps(piece, what) ? box_subtract(piece, what, &rest->spare)
						: array_push(&rest->spare, *piece)))
			return false;
	}
	kept = rest->spare;
	rest->spare = rest->pieces;
	rest->pieces = kept;
	if (kept.n > before && kept.n - before >= rest->most) {
		rest->most = kept.n - before;
		rest->worst = what->owner;
	}
	return true;
}

/* Cuts box `index` by all before it. */
static enum boxes_result cut_by_earlier(const struct tree *tree, uint32_t index, size_t limit,
					struct rest *rest)
{
	const struct box *box = &tree->all->v[index];
	uint32_t stack[MAX_DEPTH], depth = 0;

	stack[depth++] = 0;
	while (depth && rest->pieces.n) {
		const struct node *node = &tree->nodes.v[stack[--depth]];

		if (node->least >= index || !box_overlaps(&node->bounds, box))
			continue;
		if (node->right) {
			stack[depth++] = node->right;
			stack[depth++] = node->left;
			continue;
		}
		for (uint32_t i = node->begin; i < node->end && rest->pieces.n; i++) {
			uint32_t other = tree->order[i];

			if (other >= index || !box_overlaps(&tree->all->v[other], box))
				continue;
			if (!cut(rest, &tree->all->v[other]))
				return BOXES_MEMORY;
			if (rest->pieces.n > limit)
				return BOXES_TOO_MANY;
		}
	}
	return BOXES_OK;
}

static enum boxes_result collect(const struct tree *tree, size_t spare, boxes *to,
				 struct rest *rest, struct clash *ret_clash)
{
	for (uint32_t i = 0; i < tree->all->n; i++) {
		const struct box *box = &tree->all->v[i];
		enum boxes_result result;

		rest->pieces.n = 0;
		rest->most = 0;
		if (!array_push(&rest->pieces, *box))
			return BOXES_MEMORY;
		result = cut_by_earlier(tree, i, spare + 1, rest);
		if (result == BOXES_TOO_MANY)
			*ret_clash = (struct clash){{rest->worst, box->owner}};
		if (result != BOXES_OK)
			return result;
		spare -= rest->pieces.n > 1 ? rest->pieces.n - 1 : 0;
		array_for_each(piece, &rest->pieces) {
			if (!array_push(to, *piece))
				return BOXES_MEMORY;
		}
	}
	return BOXES_OK;
}

enum boxes_result boxes_disjoint(boxes *all, size_t spare, struct clash *ret_clash)
{
	autoclean(tree_free) struct tree tree = {0};
	enum boxes_result result;
	struct rest rest = {0};
	boxes to = {0};

	if (all->n < 2)
		return BOXES_OK;
	if (!tree_build(&tree, all))
		return BOXES_MEMORY;
	result = collect(&tree, spare, &to, &rest, ret_clash);
	array_free(&rest.pieces);
	array_free(&rest.spare);
	if (result == BOXES_OK) {
		array_free(all);
		*all = to;
	} else {
		array_free(&to);
	}
	return result;
}

/* How many leading bytes the names of the interface dimension share. */
static unsigned interface_width(const struct box *box)
{
	const uint8_t *first = box->first + box_offset(DIM_INTERFACE);
	const uint8_t *last = box->last + box_offset(DIM_INTERFACE);
	unsigned same = 0;

	while (same < INTERFACE_LENGTH && first[same] == last[same])
		same++;
	return same;
}

bool boxes_widest_interface_first(boxes *all)
{
	boxes sorted = {0};

	if (!array_reserve(&sorted, all->n))
		return false;
	for (unsigned width = 0; width <= INTERFACE_LENGTH; width++) {
		array_for_each(box, all) {
			if (interface_width(box) == width)
				sorted.v[sorted.n++] = *box;
		}
	}
	array_free(all);
	*all = sorted;
	return true;
}
