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

/* How many of the highest bits are the same for all values between its ends. */
static unsigned told_bits(const struct guard *guard)
{
	number open = guard->last - guard->first;
	unsigned bits = 8 * key_bytes(guard->key);

	if (guard->first > guard->last)
		return 8 * sizeof(number);
	for (; open; open >>= 1)
		bits--;
	return bits;
}

/* The one that tells most comes first. */
static void put_first(struct guard *guards, size_t n)
{
	struct guard *best = guards, swap = *guards;

	for (size_t i = 1; i < n; i++)
		if (told_bits(&guards[i]) > told_bits(best))
			best = &guards[i];
	guards[0] = *best;
	*best = swap;
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
	if (!n)
		return;
	put_first(guards, n);
	kept = n > 1 ? arena_get(arena, (n - 1) * sizeof(*kept)) : NULL;
	if (kept)
		memcpy(kept, guards + 1, (n - 1) * sizeof(*kept));
	rule->guard = guards[0];
	rule->guards = kept;
	rule->guards_n = n > 1 && !kept ? 0 : n;
}

struct glance make_glance(const struct rule_facts *rule)
{
	const struct guard *guard = &rule->guard;
	struct glance glance = {.last = UINT64_MAX, .key = guard->key};

	if (rule->inert || (rule->guards_n && guard->first > guard->last))
		return (struct glance){.first = 1};
	if (!rule->guards_n)
		return glance;
	glance.high = key_bytes(guard->key) > sizeof(uint64_t);
	glance.first = glance_bits(&glance, guard->first);
	glance.last = glance_bits(&glance, guard->last);
	return glance;
}
