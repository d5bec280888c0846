/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/split.h"

/* Boxes that a condition is split into; the rest is let go. */
#define BOXES_MAX 64
/* Numbers tried through for a mask. */
#define TRIES_MAX 256

static void split_ranges(struct walk *walk, const struct path *path, enum key key,
			 const struct ranges *ranges, struct paths *yes, struct paths *no)
{
	const struct ranges *values = path_values(walk, path, key);
	struct path in = *path, out = *path;

	if (!values)
		return;
	if (!ranges_meet(values, ranges)) {
		paths_push(no, path);
	} else if (ranges_within(values, ranges)) {
		paths_push(yes, path);
	} else {
		if (path_demand(walk, &in, key, ranges))
			paths_push(yes, &in);
		if (path_refuse(walk, &out, key, ranges))
			paths_push(no, &out);
	}
}

/* --- boxes ------------------------------------------------------------------------------------ */

static const struct interval *box_at(const struct box_facts *boxes, size_t i)
{
	return boxes->v + i * boxes->keys;
}

/* What a path has of the keys of boxes, of which there may be very many. */
struct boxed {
	const struct box_facts *boxes;
	const struct ranges *values[KEYS];
	size_t from, to; /* all others have nothing of it */
};

/* Where the boxes begin whose first (or, if `last`, last) value is at least that. */
static size_t find_box(const struct box_facts *boxes, number value, bool last)
{
	size_t low = 0, high = boxes->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct interval *at = &box_at(boxes, middle)[boxes->ordered];

		if ((last ? at->last : at->first) < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void find_range(struct boxed *boxed)
{
	const struct box_facts *boxes = boxed->boxes;
	const struct ranges *values;

	boxed->from = 0;
	boxed->to = boxes->n;
	if (boxes->ordered == boxes->keys)
		return;
	values = boxed->values[boxes->key[boxes->ordered]];
	if (values->n)
		boxed->from = find_box(boxes, values->first, true);
	if (values->n && values->last < ~(number)0)
		boxed->to = find_box(boxes, values->last + 1, false);
}

/* False: memory ran out. */
static bool box_values(struct walk *walk, const struct path *path, const struct box_facts *boxes,
		       struct boxed *ret_boxed)
{
	ret_boxed->boxes = boxes;
	for (unsigned k = 0; k < boxes->keys; k++) {
		const struct ranges *values = path_values(walk, path, boxes->key[k]);

		if (!values)
			return false;
		ret_boxed->values[boxes->key[k]] = values;
	}
	find_range(ret_boxed);
	return true;
}

/* Which of a box's keys limit the path; false if it takes none of it. Most have nothing of it. */
static bool box_limits(const struct boxed *boxed, size_t i, uint32_t *ret_limits)
{
	const struct interval *box = box_at(boxed->boxes, i);
	uint32_t limits = 0;

	for (unsigned k = 0; k < boxed->boxes->keys; k++) {
		const struct ranges *values = boxed->values[boxed->boxes->key[k]];

		if (!values->n || values->last < box[k].first || values->first > box[k].last ||
		    (values->n > 1 && !ranges_meet_interval(values, box[k].first, box[k].last)))
			return false;
		if (values->first < box[k].first || values->last > box[k].last)
			limits |= 1u << k;
	}
	*ret_limits = limits;
	return true;
}

/* All boxes that matter limit one same key: then together they are ranges of it. */
static const struct ranges *as_ranges(struct walk *walk, const struct boxed *boxed,
				      enum key *ret_key)
{
	const struct box_facts *boxes = boxed->boxes;
	ARRAY(struct interval) v = {0};
	const struct ranges *ranges = NULL;
	uint32_t all = 0, limits;
	bool ok = true;

	for (size_t i = boxed->from; ok && i < boxed->to; i++) {
		if (!box_limits(boxed, i, &limits))
			continue;
		all |= limits;
		ok = !(all & (all - 1));
	}
	for (unsigned k = 0; ok && k < boxes->keys; k++) {
		if (all != 1u << k)
			continue;
		for (size_t i = boxed->from; ok && i < boxed->to; i++)
			if (box_limits(boxed, i, &limits))
				ok = limits ? array_push(&v, box_at(boxes, i)[k]) : false;
		*ret_key = boxes->key[k];
		if (ok)
			ranges = ranges_make(&walk->arena, v.v, v.n);
	}
	array_free(&v);
	return ranges;
}

/* What a box takes of each path goes to yes, the rest stays in *rest. */
static void cut_box(struct walk *walk, const struct box_facts *boxes, size_t i, struct paths *rest,
		    struct paths *yes)
{
	const struct interval *box = box_at(boxes, i);
	struct paths left = {.walk = walk};
	struct path_node *node;

	while ((node = paths_take(rest))) {
		struct path in = node->path;
		struct boxed boxed;
		uint32_t limits;

		if (!box_values(walk, &in, boxes, &boxed) || !box_limits(&boxed, i, &limits)) {
			paths_put(&left, node);
			continue;
		}
		for (unsigned k = 0; k < boxes->keys; k++) {
			const struct ranges *side =
				ranges_one(&walk->arena, box[k].first, box[k].last);
			struct path out = in;

			if (!(limits & 1u << k) || !side)
				continue;
			if (path_refuse(walk, &out, boxes->key[k], side))
				paths_push(&left, &out);
			path_demand(walk, &in, boxes->key[k], side);
		}
		paths_push(yes, &in);
		paths_drop(&left, node);
	}
	*rest = left;
}

static void split_boxes(struct walk *walk, const struct path *path, const struct box_facts *boxes,
			struct paths *yes, struct paths *no)
{
	const struct ranges *ranges;
	autopaths rest = {.walk = walk};
	struct boxed boxed;
	unsigned cut = 0;
	uint32_t limits;
	enum key key = KEYS;

	if (!box_values(walk, path, boxes, &boxed))
		return;
	ranges = as_ranges(walk, &boxed, &key);
	if (ranges) {
		split_ranges(walk, path, key, ranges, yes, no);
		return;
	}
	paths_push(&rest, path);
	for (size_t i = boxed.from; i < boxed.to && rest.n; i++) {
		if (!box_limits(&boxed, i, &limits))
			continue;
		if (++cut > BOXES_MAX) {
			/* What is left may be in boxes not looked at. */
			walk->truncated = true;
			return;
		}
		cut_box(walk, boxes, i, &rest, yes);
	}
	paths_for_each(left, &rest)
		paths_push(no, &left->path);
}

void split_verdicts(struct walk *walk, const struct path *path, const struct fact *fact,
		    split_fn *fn, void *arg, struct paths *no)
{
	const struct box_facts *boxes = &fact->boxes;
	autopaths rest = {.walk = walk};
	struct boxed boxed;
	uint32_t limits;

	if (!box_values(walk, path, boxes, &boxed))
		return;
	paths_push(&rest, path);
	for (size_t i = boxed.from; i < boxed.to && rest.n; i++) {
		autopaths yes = {.walk = walk};

		if (!box_limits(&boxed, i, &limits))
			continue;
		cut_box(walk, boxes, i, &rest, &yes);
		paths_for_each(in, &yes)
			fn(arg, &in->path, &boxes->verdicts[i]);
	}
	paths_for_each(left, &rest) {
		if (boxes->rest)
			fn(arg, &left->path, &boxes->verdicts[boxes->n]);
		else
			paths_push(no, &left->path);
	}
}

/* --- masks and what is opaque ----------------------------------------------------------------- */

static void split_opaque(struct walk *walk, const struct path *path, uint64_t id, enum opaque kind,
			 bool negated, struct paths *yes, struct paths *no)
{
	if (!id) {
		paths_push(yes, path);
		paths_push(no, path);
		return;
	}
	for (const struct decision *known = path->decisions; known; known = known->next) {
		if (known->id == id) {
			paths_push(known->truth != negated ? yes : no, path);
			return;
		}
	}
	for (int truth = 0; truth < 2; truth++) {
		struct decision *decision = arena_get(&walk->arena, sizeof(*decision));
		bool match = (bool)truth != negated;
		struct path to = *path;

		if (!decision)
			return;
		*decision = (struct decision){path->decisions, id, truth};
		to.decisions = decision;
		/* That packets are not in a list of those to be dropped is no bold guess. */
		to.assumed = path->assumed || (kind == OPAQUE_UNSURE && (match || walk->lets_in));
		paths_push(match ? yes : no, &to);
	}
}

static void split_mask(struct walk *walk, const struct path *path, const struct fact *fact,
		       struct paths *yes, struct paths *no)
{
	const struct ranges *values = path_values(walk, path, fact->mask.key);
	number identity[3] = {fact->mask.key, fact->mask.is->mask, fact->mask.is->value};
	struct interval v[TRIES_MAX];
	const struct ranges *ranges;
	uint64_t id = 0xcbf29ce484222325u;
	size_t n = 0;

	if (!values)
		return;
	if (ranges_count(values, TRIES_MAX) < TRIES_MAX) {
		for (size_t i = 0; i < values->n; i++)
			for (number at = ranges_at(values, i)->first;; at++) {
				if (((at & fact->mask.is->mask) == fact->mask.is->value) !=
				    fact->mask.negated)
					v[n++] = (struct interval){at, at};
				if (at == ranges_at(values, i)->last)
					break;
			}
		ranges = ranges_make(&walk->arena, v, n);
		if (ranges)
			split_ranges(walk, path, fact->mask.key, ranges, yes, no);
		return;
	}
	for (unsigned i = 0; i < 3; i++)
		for (unsigned bit = 0; bit < 128; bit += 8)
			id = (id ^ (uint8_t)(identity[i] >> bit)) * 0x100000001b3u;
	split_opaque(walk, path, id, OPAQUE_UNSURE, fact->mask.negated, yes, no);
}

void split(struct walk *walk, const struct path *path, const struct fact *fact, struct paths *yes,
	   struct paths *no)
{
	switch (fact->kind) {
	case FACT_RANGES:
		split_ranges(walk, path, fact->in.key, fact->in.ranges, yes, no);
		break;
	case FACT_BOXES:
		if (fact->boxes.negated)
			split_boxes(walk, path, &fact->boxes, no, yes);
		else
			split_boxes(walk, path, &fact->boxes, yes, no);
		break;
	case FACT_MASK:
		split_mask(walk, path, fact, yes, no);
		break;
	case FACT_OPAQUE:
		split_opaque(walk, path, fact->opaque.id, fact->opaque.kind, fact->opaque.negated,
			     yes, no);
		break;
	case FACT_VERDICTS:
	case FACT_ENTRY:
	case FACT_VERDICT:
	case FACT_MARK:
	case FACT_EFFECT:
		paths_push(yes, path);
		break;
	}
}
