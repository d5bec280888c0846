/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/walk.h"

#include "lint/split.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <limits.h>
#include <string.h>

/* Rules met by paths, in one journey. */
#define STEPS_MAX 2000000
/* NFT_JUMP_STACK_SIZE */
#define DEPTH_MAX 16

void path_init(struct walk *walk, struct path *path, uint8_t nfproto)
{
	*path = (struct path){0};
	path_demand_one(walk, path, KEY_NFPROTO, nfproto);
	path_demand_one(walk, path, KEY_ETHERTYPE, nfproto == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	path_demand_one(walk, path, KEY_MARK, 0);
}

static void set_one(struct walk *walk, struct path *path, enum key key, number value)
{
	path->key[key] = ranges_one(&walk->arena, value, value);
}

static void tell(struct walk *walk, enum event event, const struct path *path,
		 const struct rule_facts *rule, const struct fact *fact)
{
	if (walk->event)
		walk->event(walk->arg, walk, event, path, rule, fact);
}

/* --- one rule --------------------------------------------------------------------------------- */

/* What happens to paths in one chain: to its next rule, back to the caller, out of the base chain.
 */
struct ends {
	struct walk *walk;
	const struct rule_facts *rule;
	struct paths *next;
	struct paths *returned;
	struct paths *accepted;
};

static void walk_chain(struct walk *walk, const struct chain_facts *chain, size_t first,
		       struct paths *in, struct paths *returned, struct paths *accepted);

static void enter(struct ends *ends, const struct path *path, const struct verdict *verdict,
		  struct paths *back)
{
	struct walk *walk = ends->walk;
	autopaths in = {0};

	if (!verdict->target || walk->depth >= DEPTH_MAX) {
		walk->truncated = true;
		return;
	}
	walk->depth++;
	paths_push(walk, &in, path);
	walk_chain(walk, verdict->target, 0, &in, back, ends->accepted);
	walk->depth--;
}

static void finish(void *arg, const struct path *path, const struct verdict *verdict)
{
	struct ends *ends = arg;

	switch (verdict->code) {
	case NF_ACCEPT:
	case NF_QUEUE:
		tell(ends->walk, EVENT_ACCEPT, path, ends->rule, NULL);
		paths_push(ends->walk, ends->accepted, path);
		break;
	case NF_STOLEN:
		tell(ends->walk, EVENT_STOLEN, path, ends->rule, NULL);
		break;
	case NF_DROP:
		tell(ends->walk, EVENT_DROP, path, ends->rule, NULL);
		break;
	case NFT_JUMP:
		enter(ends, path, verdict, ends->next);
		break;
	case NFT_GOTO:
		enter(ends, path, verdict, ends->returned);
		break;
	case NFT_RETURN:
		paths_push(ends->walk, ends->returned, path);
		break;
	default:
		paths_push(ends->walk, ends->next, path);
	}
}

static void set_mark(struct walk *walk, struct path *path, const struct fact *fact)
{
	const struct ranges *old = path_values(walk, path, KEY_MARK);

	if (!fact->mark.known) {
		path->key[KEY_MARK] = NULL;
	} else if (fact->mark.keep == 0) {
		set_one(walk, path, KEY_MARK, fact->mark.value);
	} else if (old && ranges_count(old, 2) == 1) {
		set_one(walk, path, KEY_MARK,
			(old->v[0].first & fact->mark.keep) ^ fact->mark.value);
	} else {
		path->key[KEY_MARK] = NULL;
	}
}

static void take_effect(struct walk *walk, struct path *path, const struct rule_facts *rule,
			const struct fact *fact)
{
	tell(walk, EVENT_EFFECT, path, rule, fact);
	if (fact->effect == EFFECT_NAT && !path->nat_by) {
		path->nat_by = rule;
		path->nat = fact;
	}
	if (walk->forced)
		return;
	if (fact->effect == EFFECT_NOTRACK && !path->template_by && !path->untracked) {
		path->untracked = true;
		path->untracked_by = rule;
		set_one(walk, path, KEY_CTSTATE, STATE_UNTRACKED);
	} else if (fact->effect == EFFECT_TEMPLATE && !path->template_by && !path->untracked) {
		path->template_by = rule;
		path->template_what = fact->what;
	}
}

/* Has the path's packet an entry of the connection table? */
static bool has_entry(struct walk *walk, const struct path *path)
{
	const struct ranges *state = path_values(walk, path, KEY_CTSTATE);

	return state && (ranges_has(state, STATE_ESTABLISHED) || ranges_has(state, STATE_NEW) ||
			 ranges_has(state, STATE_RELATED));
}

/* One fact for one path: to yes if the rule goes on with it. */
static void walk_fact(struct ends *ends, const struct fact *fact, struct path *path,
		      struct paths *yes)
{
	struct walk *walk = ends->walk;

	switch (fact->kind) {
	case FACT_VERDICT:
		finish(ends, path, &fact->verdict);
		break;
	case FACT_VERDICTS:
		split_verdicts(walk, path, fact, finish, ends, ends->next);
		break;
	case FACT_MARK:
		set_mark(walk, path, fact);
		paths_push(walk, yes, path);
		break;
	case FACT_EFFECT:
		take_effect(walk, path, ends->rule, fact);
		paths_push(walk, yes, path);
		break;
	case FACT_ENTRY: {
		bool there = has_entry(walk, path);

		tell(walk, there ? EVENT_ENTRY : EVENT_NO_ENTRY, path, ends->rule, fact);
		paths_push(walk, there ? yes : ends->next, path);
		break;
	}
	case FACT_RANGES:
	case FACT_BOXES:
	case FACT_MASK:
	case FACT_OPAQUE:
		split(walk, path, fact, yes, ends->next);
		break;
	}
}

static void walk_rule(struct ends *ends, const struct path *path)
{
	autopaths now = {0};

	ends->walk->lets_in = ends->rule->lets_in;
	paths_push(ends->walk, &now, path);
	for (size_t i = 0; i < ends->rule->n && now.list.n; i++) {
		struct paths yes = {0};

		array_for_each(at, &now.list)
			walk_fact(ends, &ends->rule->facts[i], at, &yes);
		paths_free(&now);
		now = yes;
	}
	array_for_each(at, &now.list)
		paths_push(ends->walk, ends->next, at);
}

/* --- chains ----------------------------------------------------------------------------------- */

static void walk_chain(struct walk *walk, const struct chain_facts *chain, size_t first,
		       struct paths *in, struct paths *returned, struct paths *accepted)
{
	for (size_t i = first; chain->rules && i < chain->n && in->list.n; i++) {
		struct paths next = {0};
		struct ends ends = {walk, &chain->rules[i], &next, returned, accepted};

		if (chain->rules[i].inert)
			continue;
		array_for_each(path, &in->list) {
			if (++walk->steps > STEPS_MAX)
				walk->truncated = true;
			else
				walk_rule(&ends, path);
		}
		paths_free(in);
		*in = next;
	}
	array_for_each(path, &in->list)
		paths_push(walk, returned, path);
}

/* A base chain with its policy: *paths is what comes out of it. */
static void walk_base(struct walk *walk, const struct chain_facts *chain, size_t first,
		      struct paths *paths)
{
	struct paths accepted = {0};
	autopaths returned = {0};

	walk->base = chain;
	walk_chain(walk, chain, first, paths, &returned, &accepted);
	array_for_each(path, &returned.list) {
		if (chain->base && chain->hook.policy == NF_DROP)
			tell(walk, EVENT_DROP, path, NULL, NULL);
		else
			paths_push(walk, &accepted, path);
	}
	paths_free(paths);
	*paths = accepted;
	walk->base = NULL;
}

bool chain_sees(const struct chain_facts *chain, uint8_t nfproto)
{
	return chain->base &&
	       (chain->table->family == nfproto || chain->table->family == NFPROTO_INET);
}

/* The kernel puts a chain in front of those with the same priority that are registered already
 * (net/netfilter/core.c: nf_hook_entries_grow). */
static int compare_chains(const void *a, const void *b)
{
	const struct chain_facts *x = *(const struct chain_facts *const *)a;
	const struct chain_facts *y = *(const struct chain_facts *const *)b;

	if (x->hook.priority != y->hook.priority)
		return x->hook.priority < y->hook.priority ? -1 : 1;
	return x->age > y->age ? -1 : x->age < y->age;
}

static bool wants_chain(const struct walk *walk, const struct chain_facts *chain, uint8_t nfproto,
			uint32_t hook, int from, int to)
{
	return chain_sees(chain, nfproto) && chain->hook.hook == hook &&
	       chain->hook.priority >= from && chain->hook.priority < to &&
	       (walk->nat || !chain->hook.type || strcmp(chain->hook.type, "nat"));
}

static void walk_hook(struct walk *walk, uint8_t nfproto, uint32_t hook, int from, int to,
		      struct paths *paths)
{
	ARRAY(const struct chain_facts *) chains = {0};

	for (size_t i = 0; i < walk->facts->n; i++)
		if (wants_chain(walk, &walk->facts->chains[i], nfproto, hook, from, to) &&
		    !array_push(&chains, &walk->facts->chains[i]))
			walk->truncated = true;
	if (chains.n)
		qsort(chains.v, chains.n, sizeof(*chains.v), compare_chains);
	array_for_each(chain, &chains)
		if (paths->list.n)
			walk_base(walk, *chain, 0, paths);
	array_free(&chains);
}

/* --- journeys --------------------------------------------------------------------------------- */

static uint32_t first_hook(enum journey journey)
{
	return journey == JOURNEY_OUT ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING;
}

/* What any packet of the journey has: no interface yet or any more, and where it is bound for. */
static void begin(struct walk *walk, enum journey journey, struct path *path)
{
	path->oif = path->key[KEY_OIFNAME];
	path->mark = path->key[KEY_MARK];
	/* Without an entry that is what rules see (nft_ct.c: nft_ct_get_eval). */
	set_one(walk, path, KEY_CTSTATE, STATE_INVALID);
	if (journey == JOURNEY_OUT) {
		set_one(walk, path, KEY_IIFNAME, 0);
		set_one(walk, path, KEY_SADDRTYPE, RTN_LOCAL);
		return;
	}
	set_one(walk, path, KEY_OIFNAME, 0);
	set_one(walk, path, KEY_SADDRTYPE, RTN_UNICAST);
	set_one(walk, path, KEY_DADDRTYPE, journey == JOURNEY_IN ? RTN_LOCAL : RTN_UNICAST);
}

void walk_raw(struct walk *walk, enum journey journey, struct path start)
{
	uint8_t nfproto = (uint8_t)start.key[KEY_NFPROTO]->v[0].first;
	autopaths paths = {0};

	begin(walk, journey, &start);
	paths_push(walk, &paths, &start);
	walk_hook(walk, nfproto, first_hook(journey), INT_MIN, PRIORITY_TRACKING, &paths);
	array_for_each(path, &paths.list)
		tell(walk, EVENT_ARRIVED, path, NULL, NULL);
}

void walk_journey(struct walk *walk, enum journey journey, uint32_t state, struct path start)
{
	uint8_t nfproto = (uint8_t)start.key[KEY_NFPROTO]->v[0].first;
	autopaths paths = {0};

	walk->nat = state == STATE_NEW;
	begin(walk, journey, &start);
	paths_push(walk, &paths, &start);
	walk_hook(walk, nfproto, first_hook(journey), INT_MIN, PRIORITY_TRACKING, &paths);
	array_for_each(path, &paths.list)
		if (walk->forced || !path->untracked)
			set_one(walk, path, KEY_CTSTATE, state);
	walk_hook(walk, nfproto, first_hook(journey), PRIORITY_TRACKING, INT_MAX, &paths);
	if (journey == JOURNEY_IN)
		walk_hook(walk, nfproto, NF_INET_LOCAL_IN, INT_MIN, INT_MAX, &paths);
	array_for_each(path, &paths.list)
		if (journey == JOURNEY_THROUGH)
			path->key[KEY_OIFNAME] = path->oif;
	if (journey == JOURNEY_THROUGH)
		walk_hook(walk, nfproto, NF_INET_FORWARD, INT_MIN, INT_MAX, &paths);
	if (journey != JOURNEY_IN)
		walk_hook(walk, nfproto, NF_INET_POST_ROUTING, INT_MIN, INT_MAX, &paths);
	array_for_each(path, &paths.list)
		tell(walk, EVENT_ARRIVED, path, NULL, NULL);
}

void walk_behind(struct walk *walk, const struct chain_facts *base, size_t first, struct path start)
{
	autopaths paths = {0};

	paths_push(walk, &paths, &start);
	walk_base(walk, base, first, &paths);
}

void walk_free(struct walk *walk)
{
	arena_free(&walk->arena);
	memset(walk->domain, 0, sizeof(walk->domain));
}
