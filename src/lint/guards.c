/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guards: for each condition of a rule the values that it lets through, as far as one key tells
 * them. Where one of them does not meet a path, no packet of it matches the rule. So the rule may
 * be passed over as long as it does nothing before it has asked: conditions behind an effect are no
 * guards.
 */
#include "lint/decode.h"

#include <string.h>

/* Keys of which a rule's conditions can be guards. */
#define GUARDS_MAX 16

static size_t put_ranges(const struct fact *fact, struct guard *guards)
{
	const struct ranges *ranges = fact->in.ranges;

	*guards = (struct guard){.key = fact->in.key,
				 .first = ranges->n ? ranges->first : 1,
				 .last = ranges->n ? ranges->last : 0,
				 .ranges = ranges->n > 1 ? ranges : NULL};
	return 1;
}

/* Of boxes all that lies between their ends. */
static size_t put_boxes(const struct box_facts *boxes, struct guard *guards, size_t room)
{
	if (boxes->negated || boxes->rest || boxes->keys > room)
		return 0;
	for (unsigned k = 0; k < boxes->keys; k++) {
		struct guard guard = {.key = boxes->key[k], .first = 1};

		for (size_t i = 0; i < boxes->n; i++) {
			const struct interval *box = &boxes->v[i * boxes->keys + k];

			guard.first = !i || box->first < guard.first ? box->first : guard.first;
			guard.last = !i || box->last > guard.last ? box->last : guard.last;
		}
		guards[k] = guard;
	}
	return boxes->keys;
}

void make_guards(struct arena *arena, struct rule_facts *rule)
{
	struct guard guards[GUARDS_MAX], *kept;
	size_t n = 0;

	for (size_t i = 0; i < rule->n && n < GUARDS_MAX; i++) {
		const struct fact *fact = &rule->facts[i];

		if (fact->kind == FACT_RANGES)
			n += put_ranges(fact, &guards[n]);
		else if (fact->kind == FACT_BOXES || fact->kind == FACT_VERDICTS)
			n += put_boxes(&fact->boxes, &guards[n], GUARDS_MAX - n);
		else if (fact->kind != FACT_MASK && fact->kind != FACT_OPAQUE)
			break;
	}
	kept = n ? arena_get(arena, n * sizeof(*kept)) : NULL;
	if (!kept)
		return;
	memcpy(kept, guards, n * sizeof(*kept));
	rule->guards = kept;
	rule->guards_n = n;
}
