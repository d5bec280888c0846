/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What decoders add to the facts of a rule. */
#include "lint/decode.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

void decode_add(struct decoding *d, struct fact fact)
{
	struct rule_facts *rule = d->rule;

	if (rule->n == d->capacity) {
		size_t capacity = d->capacity ? 2 * d->capacity : 8;
		struct fact *grown = arena_get(d->scratch, capacity * sizeof(*grown));

		if (!grown)
			return;
		if (rule->n)
			memcpy(grown, rule->facts, rule->n * sizeof(*grown));
		rule->facts = grown;
		d->capacity = capacity;
	}
	rule->facts[rule->n++] = fact;
	rule->lets_in = rule->lets_in || fact.kind == FACT_VERDICTS ||
			(fact.kind == FACT_VERDICT && fact.verdict.code != NF_DROP);
	if (fact.kind == FACT_VERDICT || fact.kind == FACT_VERDICTS || fact.kind == FACT_MARK ||
	    (fact.kind == FACT_EFFECT && fact.effect != EFFECT_LIMIT))
		rule->inert = false;
}

void decode_opaque(struct decoding *d, const char *what, enum opaque kind, bool negated,
		   struct span id, uint64_t more)
{
	decode_add(d, (struct fact){.kind = FACT_OPAQUE,
				    .what = what,
				    .opaque = {hash_bytes(more, id.data, id.len), kind, negated}});
}

void decode_mask(struct decoding *d, const char *what, enum key key, struct masked is, bool negated)
{
	struct masked *kept = arena_get(d->arena, sizeof(*kept));

	if (!kept)
		return;
	*kept = is;
	decode_add(d, (struct fact){.kind = FACT_MASK, .what = what, .mask = {key, negated, kept}});
}

void decode_chance(struct decoding *d, const char *what)
{
	decode_add(d, (struct fact){
			      .kind = FACT_OPAQUE, .what = what, .opaque = {.kind = OPAQUE_FREE}});
}

void decode_effect(struct decoding *d, enum effect effect, const char *what)
{
	decode_add(d, (struct fact){.kind = FACT_EFFECT, .what = what, .effect = effect});
}

void decode_verdict(struct decoding *d, int32_t code, const char *chain)
{
	if (code == NFT_CONTINUE)
		return;
	decode_add(d, (struct fact){.kind = FACT_VERDICT, .verdict = {code, chain, NULL}});
}

/* The same few protocols stand in all rules. */
static const struct ranges *make_values(struct decoding *d, enum key key, const struct interval *v,
					size_t n)
{
	bool single = n == 1 && v->first == v->last && v->last <= UINT8_MAX;
	const struct ranges **known =
		key == KEY_L4PROTO && single ? &d->protocols[(uint8_t)v->first] : NULL;

	if (n == 1 && (!known || !*known)) {
		const struct ranges *made = ranges_one(d->arena, v->first, v->last);

		if (known)
			*known = made;
		return made;
	}
	return known ? *known : ranges_make(d->arena, v, n);
}

void decode_in(struct decoding *d, enum key key, const struct interval *v, size_t n, bool negated)
{
	const struct ranges *ranges = make_values(d, key, v, n);
	const struct ranges *domain = key_domain(d->arena, d->domains, key);

	if (!ranges || !domain)
		return;
	if (negated)
		ranges = ranges_without(d->arena, domain, ranges);
	else if (!ranges_within(ranges, domain))
		ranges = ranges_and(d->arena, domain, ranges);
	if (!ranges)
		return;
	if (ranges_count(ranges, 2) == 1 && key == KEY_L4PROTO)
		d->l4proto = (int)ranges->first;
	if (ranges_count(ranges, 2) == 1 && key == KEY_NFPROTO)
		d->nfproto = (uint8_t)ranges->first;
	for (unsigned bit = 0; key == KEY_CTSTATE && bit < 7; bit++)
		if (ranges_has(ranges, (number)1 << bit))
			d->rule->states |= 1u << bit;
	decode_add(d, (struct fact){.kind = FACT_RANGES, .in = {key, ranges}});
}
