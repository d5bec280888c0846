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

/* Of boxes all that lies between their ends. */
static size_t put_boxes(struct arena *arena, const struct box_facts *boxes, struct guard *guards,
			size_t room)
{
	if (boxes->negated || boxes->rest || boxes->keys > room)
		return 0;
	for (unsigned k = 0; k < boxes->keys; k++) {
		number first = 0, last = 0;

		for (size_t i = 0; i < boxes->n; i++) {
			const struct interval *box = &boxes->v[i * boxes->keys + k];

			first = !i || box->first < first ? box->first : first;
			last = !i || box->last > last ? box->last : last;
		}
		guards[k].key = boxes->key[k];
		guards[k].ranges =
			boxes->n ? ranges_one(arena, first, last) : ranges_make(arena, NULL, 0);
		if (!guards[k].ranges)
			return 0;
	}
	return boxes->keys;
}

/* How many of the highest bits are the same for all values between its ends. */
static unsigned told_bits(const struct guard *guard)
{
	number open = guard->ranges->last - guard->ranges->first;
	unsigned bits = 8 * key_bytes(guard->key);

	if (!guard->ranges->n)
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
			guards[n++] = (struct guard){fact->in.key, fact->in.ranges};
		else if (fact->kind == FACT_BOXES || fact->kind == FACT_VERDICTS)
			n += put_boxes(arena, &fact->boxes, &guards[n], GUARDS_MAX - n);
		else if (fact->kind != FACT_MASK && fact->kind != FACT_OPAQUE)
			break;
	}
	kept = n ? arena_get(arena, n * sizeof(*kept)) : NULL;
	if (!kept)
		return;
	put_first(guards, n);
	memcpy(kept, guards, n * sizeof(*kept));
	rule->guards = kept;
	rule->guards_n = n;
}

struct glance make_glance(const struct rule_facts *rule)
{
	struct glance glance = {.last = UINT64_MAX};
	const struct guard *guard = rule->guards;

	if (rule->inert || (rule->guards_n && !guard->ranges->n))
		return (struct glance){.first = 1};
	if (!rule->guards_n)
		return glance;
	glance.key = guard->key;
	glance.high = key_bytes(guard->key) > sizeof(uint64_t);
	glance.first = glance_bits(&glance, guard->ranges->first);
	glance.last = glance_bits(&glance, guard->ranges->last);
	return glance;
}
