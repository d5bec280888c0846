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
static bool includes(struct walk *walk, const struct flow *flow, const struct path *path)
{
	static const enum key keys[] = {KEY_L4PROTO, KEY_SADDR4, KEY_SADDR6, KEY_DADDR4,
					KEY_DADDR6,  KEY_SPORT,	 KEY_DPORT};
	struct path both = flow->path;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (path->key[keys[i]] && !path_demand(walk, &both, keys[i], path->key[keys[i]]))
			return false;
	return true;
}

/* To this host itself? */
static bool is_here(const struct translating *at, const struct translation *nat)
{
	bool four = at->nfproto == NFPROTO_IPV4;
	size_t length = four ? 4 : 16;

	if (nat->here || !nat->address || !at->lint->input->addresses)
		return nat->here;
	array_for_each(range, at->lint->input->addresses)
		if (range->family == (four ? INET_V4 : INET_V6) &&
		    number_read(range->first.byte, length) <= nat->address->v[0].first &&
		    number_read(range->last.byte, length) >= nat->address->v[0].last)
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
		(at->journey == JOURNEY_OUT ||
		 !inet_list_count(&flow->service->match.addresses)));
}

static void note_translated(void *arg, struct walk *walk, enum event event, const struct path *path,
			    const struct rule_facts *rule, const struct fact *fact)
{
	struct translating *at = arg;
	struct path answer;

	if (event != EVENT_EFFECT || fact->effect != EFFECT_NAT || fact->nat->source ||
	    fact->nat->unknown || path->assumed)
		return;
	answer = answer_of(at, path, fact->nat);
	array_for_each(flow, &at->lint->flows) {
		if (flow->nfproto != at->nfproto || !is_way(at, flow, fact->nat) ||
		    !includes(walk, flow, &answer))
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

static void check_journey(struct lint *lint, uint8_t nfproto, enum journey journey)
{
	struct translating at = {lint, nfproto, journey};
	autowalk walk = lint_walk(lint, note_translated, &at);
	struct path start;

	walk.forced = true;
	path_init(&walk, &start, nfproto);
	if (path_refuse_loopback(&walk, &start, journey))
		walk_journey(&walk, journey, STATE_NEW, start);
	if (walk.arena.failed)
		lint->failed = true;
}

void check_translated(struct lint *lint)
{
	for (size_t i = 0; lint->input->policy && i < sizeof(families); i++) {
		check_journey(lint, families[i], JOURNEY_IN);
		check_journey(lint, families[i], JOURNEY_OUT);
		if (lint->input->forwarding != KNOWN_NO)
			check_journey(lint, families[i], JOURNEY_THROUGH);
	}
}
