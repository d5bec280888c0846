/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/plan.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

struct plan *plan_new(uint32_t generation)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan)
		plan->generation = generation;
	return plan;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	array_for_each(step, &plan->steps) {
		free(step->indexes);
	}
	array_for_each(sysctl, &plan->sysctls) {
		free(sysctl->name);
	}
	array_free(&plan->steps);
	array_free(&plan->sysctls);
	array_free(&plan->set_numbers);
	free(plan);
}

enum { MANY_SETS = 64, SET_NUMBER_MAX = 1 << 30 };

/* What the kernel or we made of a template: "__set17", "__map4". */
static bool read_set_number(const struct set *set, uint32_t *ret_number)
{
	const char *digits = set->name + strcspn(set->name, "0123456789");
	unsigned long number = strtoul(digits, NULL, 10);

	*ret_number = (uint32_t)number;
	return *digits && number < SET_NUMBER_MAX;
}

/* Those below what is in use, if there are enough, or those above: so they do not grow from change to
 * change. */
bool plan_number_sets(struct plan *plan, const struct table *live, const struct table *desired)
{
	uint32_t lowest = SET_NUMBER_MAX, behind = 0, number;
	size_t count = 0;

	array_for_each(set, &desired->sets) {
		count += set_is_anonymous(*set);
	}
	if (count < MANY_SETS || (live && (!live->contents_read || live->unknown)))
		return true;
	for (size_t i = 0; live && i < live->sets.n; i++) {
		const struct set *set = live->sets.v[i];

		if (!set_is_anonymous(set) || set_is_meter(set))
			continue;
		if (!read_set_number(set, &number))
			return true;
		lowest = number < lowest ? number : lowest;
		behind = number >= behind ? number + 1 : behind;
	}
	return array_push(&plan->set_numbers,
			  (struct set_numbers){desired, count <= lowest ? 0 : behind});
}

bool plan_is_empty(const struct plan *plan)
{
	return !plan->steps.n && !plan->sysctls.n;
}

/* An interval counts as one. */
static size_t count_elements(const struct plan_step *step)
{
	const struct elements *elements = &step->set->elements;
	size_t count = 0;

	if (!(step->set->flags & NFT_SET_INTERVAL) || step->set->flags & NFT_SET_CONCAT)
		return step->count;
	if (elements->packed.count && step->count == elements_count(elements))
		return elements->packed.count;
	for (uint32_t i = 0; i < step->count; i++) {
		size_t index = step->indexes ? step->indexes[i] : step->first + i;

		count += !element_is_end(element_at(elements, index));
	}
	return count;
}

void plan_summarise(const struct plan *plan, struct plan_summary *ret_summary)
{
	*ret_summary = (struct plan_summary){0};
	array_for_each(step, &plan->steps) {
		bool flush = step->operation == OPERATION_FLUSH && step->chain; /* deletes rules */
		size_t count = flush			      ? step->chain->rules.n
			       : step->kind == OBJECT_ELEMENT ? count_elements(step)
							      : 1;

		if (step->operation == OPERATION_FLUSH && !flush)
			continue; /* a set, of which is not known how many it has */
		ret_summary->count[flush ? OBJECT_RULE : step->kind]
				  [flush ? OPERATION_DELETE : step->operation] += count;
	}
}
