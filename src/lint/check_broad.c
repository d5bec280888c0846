/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accepts that let in what nobody meant (broad-accept), or pass by other rules (bypass). */
#include "lint/check.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <string.h>

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

/* --- broad-accept ----------------------------------------------------------------------------- */

struct broad_accept {
	const struct rule_facts *rule;
	bool untracked; /* of untracked packets; else by source port */
};

struct broad {
	struct lint *lint;
	uint8_t nfproto;
	uint32_t state;
	bool closed; /* the base chain drops what is not let in: only then does it matter what is */
	ARRAY(struct broad_accept) accepts;
};

/* Any destination port, of nearly any source, over a protocol that has ports. */
static bool is_wide(struct walk *walk, uint8_t nfproto, const struct path *path)
{
	const number half = (number)1 << 31;
	const struct ranges *from =
		path_values(walk, path, nfproto == NFPROTO_IPV4 ? KEY_SADDR4 : KEY_SADDR6);
	const struct ranges *port = path_values(walk, path, KEY_DPORT);
	const struct ranges *protocol = path_values(walk, path, KEY_L4PROTO);

	return from && port && protocol && ranges_count(from, half) == half &&
	       ranges_count(port, 60000) == 60000 &&
	       (ranges_has(protocol, IPPROTO_TCP) || ranges_has(protocol, IPPROTO_UDP));
}

static void note_accept(struct broad *broad, struct walk *walk, const struct path *path,
			const struct rule_facts *rule)
{
	const struct ranges *source = path_values(walk, path, KEY_SPORT);
	bool untracked = broad->state == STATE_UNTRACKED && rule->states & STATE_UNTRACKED &&
			 !(rule->states & STATE_NEW);
	bool by_port = source && ranges_count(source, 16384) < 16384;

	if ((untracked || by_port) &&
	    !array_push(&broad->accepts, (struct broad_accept){rule, untracked}))
		broad->lint->failed = true;
}

static void find_broad(struct lint *lint, const struct broad_accept *accept)
{
	if (accept->untracked)
		lint_find(lint, "broad-accept", (struct place){.rule = accept->rule},
			  "accept untracked packets by protocol, port and address",
			  "%s accepts untracked packets of every port: also those that only look "
			  "as if they were the service's",
			  place_words(lint, NULL, accept->rule));
	else
		lint_find(lint, "broad-accept", (struct place){.rule = accept->rule},
			  "accept answers by the address of the peer too",
			  "%s accepts by source port alone: whoever sends from that port reaches "
			  "every port here",
			  place_words(lint, NULL, accept->rule));
}

/* What is cut out of narrow traffic is narrow. */
static bool wants_broad(struct walk *walk, const struct path *path)
{
	const struct broad *broad = walk->arg;

	return !path_is_loopback(path) && is_wide(walk, broad->nfproto, path);
}

static void note_broad(void *arg, struct walk *walk, enum event event, const struct path *path,
		       const struct rule_facts *rule, const struct fact *fact)
{
	struct broad *broad = arg;

	(void)fact;
	if (event == EVENT_DROP)
		broad->closed = true;
	if (event == EVENT_ACCEPT && rule && !path->assumed)
		note_accept(broad, walk, path, rule);
}

static void walk_wide(struct broad *broad, const struct chain_facts *base, uint32_t state)
{
	autowalk walk = lint_walk(broad->lint, note_broad, broad);
	struct path start;

	walk.wants = wants_broad;
	walk.forced = true;
	broad->state = state;
	path_init(&walk, &start, broad->nfproto);
	if (path_demand_one(&walk, &start, KEY_CTSTATE, state) &&
	    path_refuse_loopback(&walk, &start, JOURNEY_IN))
		walk_behind(&walk, base, 0, start);
	if (walk.arena.failed)
		broad->lint->failed = true;
}

static bool asks_source_port(const struct fact *fact)
{
	switch (fact->kind) {
	case FACT_RANGES:
		return fact->in.key == KEY_SPORT;
	case FACT_MASK:
		return fact->mask.key == KEY_SPORT;
	case FACT_BOXES:
	case FACT_VERDICTS:
		for (unsigned k = 0; k < fact->boxes.keys; k++)
			if (fact->boxes.key[k] == KEY_SPORT)
				return true;
		return false;
	case FACT_OPAQUE:
	case FACT_ENTRY:
	case FACT_VERDICT:
	case FACT_MARK:
	case FACT_EFFECT:
		break;
	}
	return false;
}

/* Is there a rule in the chain's table without which note_accept() notes nothing? */
static bool may_be_broad(const struct chain_facts *base)
{
	const struct chain_facts *chains = base - base->place;

	for (size_t i = 0; i < base->table->chains.n; i++) {
		for (size_t j = 0; chains[i].rules && j < chains[i].n; j++) {
			const struct rule_facts *rule = &chains[i].rules[j];

			if (rule->states & STATE_UNTRACKED && !(rule->states & STATE_NEW))
				return true;
			for (size_t f = 0; f < rule->n; f++)
				if (asks_source_port(&rule->facts[f]))
					return true;
		}
	}
	return false;
}

static bool lets_in(const struct chain_facts *chain)
{
	return chain->base &&
	       (chain->hook.hook == NF_INET_LOCAL_IN || chain->hook.hook == NF_INET_FORWARD);
}

void check_broad(struct lint *lint)
{
	for (size_t i = 0; i < lint->facts->n; i++) {
		for (size_t f = 0; f < sizeof(families); f++) {
			const struct chain_facts *chain = &lint->facts->chains[i];
			struct broad broad = {.lint = lint, .nfproto = families[f]};

			if (!lets_in(chain) || !chain_sees(chain, families[f]) ||
			    !may_be_broad(chain))
				continue;
			walk_wide(&broad, chain, STATE_NEW);
			if (broad.closed) {
				walk_wide(&broad, chain, STATE_UNTRACKED);
				array_for_each(accept, &broad.accepts)
					find_broad(lint, accept);
			}
			array_free(&broad.accepts);
		}
	}
}

/* --- bypass ----------------------------------------------------------------------------------- */

struct bypassing {
	struct lint *lint;
	const struct rule_facts *accept; /* ours */
	struct path taken[16];
	size_t n;
};

/* An accept rule that untrack wrote into someone's chain. */
static bool is_our_accept(const struct lint *lint, const struct rule_facts *rule)
{
	const char *comment = rule_comment(rule->rule);

	return comment && !strncmp(comment, "untrack ", 8) && !lint_is_ours(lint, rule->chain);
}

static void note_taken(void *arg, struct walk *walk, enum event event, const struct path *path,
		       const struct rule_facts *rule, const struct fact *fact)
{
	struct bypassing *bypassing = arg;

	(void)walk;
	(void)fact;
	if (event == EVENT_ACCEPT && rule == bypassing->accept &&
	    bypassing->n < sizeof(bypassing->taken) / sizeof(*bypassing->taken))
		bypassing->taken[bypassing->n++] = *path;
}

static void note_passed_by(void *arg, struct walk *walk, enum event event, const struct path *path,
			   const struct rule_facts *rule, const struct fact *fact)
{
	struct bypassing *bypassing = arg;
	bool drops = event == EVENT_DROP && rule && rule_singles_out(rule);
	bool limits = event == EVENT_EFFECT && fact->effect == EFFECT_LIMIT;

	(void)walk;
	(void)path;
	if ((!drops && !limits) || is_our_accept(bypassing->lint, rule))
		return;
	lint_find(bypassing->lint, "bypass", (struct place){.rule = rule},
		  "put the accept behind it: \"position\" in accept_in, or leave it tracked",
		  "the accept rule '%s' stands ahead of %s, which %s: it no longer applies to "
		  "these packets",
		  rule_comment(bypassing->accept->rule), place_words(bypassing->lint, NULL, rule),
		  drops ? "drops some of them" : "limits them");
}

static void check_accept_rule(struct lint *lint, const struct rule_facts *rule, size_t index,
			      uint8_t nfproto)
{
	struct bypassing bypassing = {.lint = lint, .accept = rule};
	autowalk walk = lint_walk(lint, note_taken, &bypassing);
	struct path start;

	walk.forced = true;
	path_init(&walk, &start, nfproto);
	if (!path_demand_one(&walk, &start, KEY_CTSTATE, STATE_UNTRACKED) ||
	    !path_refuse_loopback(&walk, &start, JOURNEY_IN))
		return;
	walk_behind(&walk, rule->chain, index, start);
	walk.event = note_passed_by;
	for (size_t i = 0; i < bypassing.n; i++) {
		struct path path = bypassing.taken[i];

		/* Before, these packets came as new ones. */
		path.key[KEY_CTSTATE] = NULL;
		if (path_demand_one(&walk, &path, KEY_CTSTATE, STATE_NEW))
			walk_behind(&walk, rule->chain, index + 1, path);
	}
	if (walk.arena.failed)
		lint->failed = true;
}

void check_bypass(struct lint *lint)
{
	for (size_t i = 0; i < lint->facts->n; i++) {
		const struct chain_facts *chain = &lint->facts->chains[i];

		for (size_t j = 0; chain->rules && j < chain->n; j++)
			for (size_t f = 0; f < sizeof(families); f++)
				if (is_our_accept(lint, &chain->rules[j]) &&
				    (chain->table->family == families[f] ||
				     chain->table->family == NFPROTO_INET))
					check_accept_rule(lint, &chain->rules[j], j, families[f]);
	}
}
