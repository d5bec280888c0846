/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat, from the other side: connections to other addresses or ports that destination NAT brings to
 * those of a service. Their first packets are not the service's, but their answers are: untracked,
 * they go back untranslated.
 */
#include "lint/check.h"

#include <linux/netfilter.h>

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

struct translating {
	struct lint *lint;
	uint8_t nfproto;
	enum journey journey;
};

/* The packets that answer what the rule has translated, as they set out. */
static struct path answer_of(const struct translating *at, const struct path *path,
			     const struct translation *nat)
{
	bool four = at->nfproto == NFPROTO_IPV4;
	enum key from = four ? KEY_SADDR4 : KEY_SADDR6;
	struct path answer = path_reverse(path, at->journey, answer_journey(at->journey));

	if (nat->address || nat->here)
		answer.key[from] = nat->address;
	if (nat->port)
		answer.key[KEY_SPORT] = nat->port;
	return answer;
}

/* Do the flow's packets include some of these? */
static bool includes(const struct flow *flow, const struct path *path)
{
	static const enum key keys[] = {KEY_L4PROTO, KEY_SADDR4, KEY_SADDR6, KEY_DADDR4,
					KEY_DADDR6,  KEY_SPORT,	 KEY_DPORT};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct ranges *a = flow->path.key[keys[i]], *b = path->key[keys[i]];

		if (a && b && !ranges_meet(a, b))
			return false;
	}
	return true;
}

/* To this host itself? */
static bool is_here(const struct translating *at, const struct translation *nat)
{
	bool four = at->nfproto == NFPROTO_IPV4;
	size_t length = four ? 4 : 16;

	const struct interval *to;

	if (nat->here || !nat->address || !at->lint->input->addresses)
		return nat->here;
	to = ranges_at(nat->address, 0);
	array_for_each(range, at->lint->input->addresses)
		if (range->family == (four ? INET_V4 : INET_V6) &&
		    number_read(range->first.byte, length) <= to->first &&
		    number_read(range->last.byte, length) >= to->last)
			return true;
	return false;
}

/* Answers of this host itself meet output; those of others prerouting, where a client's flow takes
 * whatever comes from its peers' ports unless it has addresses. */
static bool is_way(const struct translating *at, const struct flow *flow,
		   const struct translation *nat)
{
	if (flow->opening || !flow->service)
		return false;
	if (is_here(at, nat))
		return flow->journey == JOURNEY_OUT;
	return flow->journey == JOURNEY_THROUGH ||
	       (flow->journey == JOURNEY_IN &&
		(at->journey == JOURNEY_OUT || !inet_list_count(&flow->service->match.addresses)));
}

static void note_translated(void *arg, struct walk *walk, enum event event, const struct path *path,
			    const struct rule_facts *rule, const struct fact *fact)
{
	struct translating *at = arg;
	struct path answer;

	(void)walk;
	if (event != EVENT_EFFECT || fact->effect != EFFECT_NAT || fact->nat->source ||
	    fact->nat->unknown || path->assumed)
		return;
	answer = answer_of(at, path, fact->nat);
	array_for_each(flow, &at->lint->flows) {
		if (flow->nfproto != at->nfproto || !is_way(at, flow, fact->nat) ||
		    !includes(flow, &answer))
			continue;
		lint_find(at->lint, "nat", (struct place){flow_service(flow), NULL, rule},
			  "leave the service tracked, or translate to a port that no service has",
			  "%s: %s (`%s`) brings other connections to its port, and their answers "
			  "are untracked along with the service's: they go out untranslated, and "
			  "nobody waits for them",
			  flow_words(at->lint, flow), place_words(at->lint, NULL, rule),
			  fact->what);
	}
}

/* The protocols of answers that could be the translated ones'. NULL: there are no such answers. */
static const struct ranges *answer_protocols(struct lint *lint, struct walk *walk, uint8_t nfproto)
{
	ARRAY(const struct ranges *) some = {0};
	const struct ranges *all = NULL;

	array_for_each(flow, &lint->flows) {
		if (flow->opening || !flow->service || flow->nfproto != nfproto)
			continue;
		if (!array_push(&some, path_values(walk, &flow->path, KEY_L4PROTO)))
			lint->failed = true;
	}
	if (some.n)
		all = ranges_or(&walk->arena, some.v, some.n);
	array_free(&some);
	return all;
}

/* Destinations are translated where packets set out, at prerouting and output, and nowhere else. */
static void check_journey(struct lint *lint, uint8_t nfproto, enum journey journey)
{
	struct translating at = {lint, nfproto, journey};
	autowalk walk = lint_walk(lint, note_translated, &at);
	const struct ranges *those = answer_protocols(lint, &walk, nfproto);
	struct path start;

	walk.forced = true;
	path_init(&walk, &start, nfproto);
	if (those && path_demand(&walk, &start, KEY_L4PROTO, those) &&
	    path_refuse_loopback(&walk, &start, journey))
		walk_departure(&walk, journey, STATE_NEW, start);
	if (walk.arena.failed)
		lint->failed = true;
}

static bool translates(const struct rule_facts *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->facts[i].kind == FACT_EFFECT && rule->facts[i].effect == EFFECT_NAT &&
		    !rule->facts[i].nat->source)
			return true;
	return false;
}

static bool any_translates(const struct facts *facts)
{
	for (size_t i = 0; i < facts->n; i++)
		for (size_t j = 0; facts->chains[i].rules && j < facts->chains[i].n; j++)
			if (translates(&facts->chains[i].rules[j]))
				return true;
	return false;
}

void check_translated(struct lint *lint)
{
	if (!lint->input->policy || !any_translates(lint->facts))
		return;
	for (size_t i = 0; i < sizeof(families); i++) {
		check_journey(lint, families[i], JOURNEY_IN);
		check_journey(lint, families[i], JOURNEY_OUT);
		if (lint->input->forwarding != KNOWN_NO)
			check_journey(lint, families[i], JOURNEY_THROUGH);
	}
}
