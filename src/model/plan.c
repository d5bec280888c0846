/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/plan.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

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
	free(plan);
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
