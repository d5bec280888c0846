/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/render_shapes.h"

#include "base/cleanup.h"
#include "view/shape_text.h"

#include <stdlib.h>
#include <string.h>

enum { WORTHWHILE = 256 }; /* rules */

struct shaped {
	const struct rule_shape *shape;
	const struct plan_step *step; /* the first with a rule of it: where it is */
	size_t index;		      /* of the first sample in its chain, as listed */
	struct shape_text *text;
};

struct shape_listing {
	ARRAY(struct shaped) all;
	struct buf written;
	size_t *begins;	    /* for each step: where its text begins in `written`, or SIZE_MAX */
	const char **texts; /* the same as pointers */
};

void shape_listing_free(struct shape_listing *shapes)
{
	if (!shapes)
		return;
	array_for_each(one, &shapes->all) {
		shape_text_free(one->text);
	}
	array_free(&shapes->all);
	buf_free(&shapes->written);
	free(shapes->begins);
	free(shapes->texts);
	free(shapes);
}

DEFINE_AUTOCLEAN(struct shape_listing, shape_listing_free)

bool shape_listing_has(const struct shape_listing *shapes, const struct plan_step *step)
{
	return shapes && step->kind == OBJECT_RULE && step->operation != OPERATION_DELETE &&
	       step->rule->shape;
}

/* Neighbours are of one shape more often than not. */
static struct shaped *find(const struct shape_listing *shapes, const struct rule_shape *shape,
			   struct shaped *last)
{
	if (last && last->shape == shape)
		return last;
	array_for_each(one, &shapes->all) {
		if (one->shape == shape)
			return one;
	}
	return NULL;
}

struct shape_listing *shape_listing_new(const struct plan *plan)
{
	autoclean(shape_listing_free_p) struct shape_listing *shapes = calloc(1, sizeof(*shapes));
	struct shaped *last = NULL;
	size_t count = 0;

	if (!shapes)
		return NULL;
	array_for_each(step, &plan->steps) {
		if (!shape_listing_has(shapes, step))
			continue;
		count++;
		last = find(shapes, step->rule->shape, last);
		if (last)
			continue;
		if (!array_push(&shapes->all,
				(struct shaped){.shape = step->rule->shape, .step = step}))
			return NULL;
		last = &shapes->all.v[shapes->all.n - 1];
	}
	shapes->begins = calloc(plan->steps.n + 1, sizeof(*shapes->begins));
	shapes->texts = calloc(plan->steps.n + 1, sizeof(*shapes->texts));
	if (count < WORTHWHILE || shapes->all.n * SHAPE_SAMPLES >= count || !shapes->begins ||
	    !shapes->texts)
		return NULL;
	return steal_pointer(&shapes);
}

static bool add_sample(struct chain *chain, const struct rule *sample)
{
	struct rule *copy = rule_copy(sample);

	if (copy && array_push(&chain->rules, copy))
		return true;
	rule_free(copy);
	return false;
}

bool shape_listing_add_samples(struct shape_listing *shapes, struct ruleset *ruleset)
{
	array_for_each(one, &shapes->all) {
		struct table *table =
			ruleset_find(ruleset, one->step->table->family, one->step->table->name);
		struct chain *chain =
			table ? table_find_chain(table, one->step->chain->name) : NULL;

		if (!chain)
			return false;
		one->index = chain->rules.n;
		for (size_t i = 0; i < SHAPE_SAMPLES; i++)
			if (!add_sample(chain, rule_shape_sample(one->shape, i)))
				return false;
	}
	return true;
}

static bool learn(struct shaped *one, const struct listing *listing)
{
	const char *texts[SHAPE_SAMPLES];

	for (size_t i = 0; i < SHAPE_SAMPLES; i++)
		texts[i] =
			listing_rule_text(listing, one->step->table->family, one->step->table->name,
					  one->step->chain->name, one->index + i);
	one->text = shape_text_learn(one->shape, texts);
	return one->text;
}

bool shape_listing_read(struct shape_listing *shapes, const struct plan *plan,
			const struct listing *listing)
{
	struct shaped *last = NULL;

	array_for_each(one, &shapes->all) {
		if (!learn(one, listing))
			return false;
	}
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct plan_step *step = &plan->steps.v[i];

		shapes->begins[i] = SIZE_MAX;
		if (!shape_listing_has(shapes, step))
			continue;
		last = find(shapes, step->rule->shape, last);
		if (!last)
			return false;
		shapes->begins[i] = shapes->written.len;
		shape_text_put(last->text, step->rule, &shapes->written);
		buf_zero(&shapes->written, 1);
	}
	for (size_t i = 0; i < plan->steps.n && !shapes->written.failed; i++)
		if (shapes->begins[i] != SIZE_MAX)
			shapes->texts[i] = (const char *)shapes->written.data + shapes->begins[i];
	return !shapes->written.failed;
}

const char *const *shape_listing_texts(const struct shape_listing *shapes)
{
	return shapes ? shapes->texts : NULL;
}
