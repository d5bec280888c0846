/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/walk.h"

#include "lint/split.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <limits.h>
#include <string.h>

/* Rules that split paths, in one walk. */
#define STEPS_MAX 2000000
/* Bytes of what was made of paths. */
#define MEMORY_MAX ((size_t)512 << 20)
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
	autopaths in = {.walk = walk};

	if (!verdict->target || walk->depth >= DEPTH_MAX) {
		walk->truncated = true;
		return;
	}
	walk->depth++;
	paths_push(&in, path);
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
		paths_push(ends->accepted, path);
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
		paths_push(ends->returned, path);
		break;
	default:
		paths_push(ends->next, path);
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
		set_one(walk, path, KEY_MARK, (old->first & fact->mark.keep) ^ fact->mark.value);
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
		paths_push(yes, path);
		break;
	case FACT_EFFECT:
		take_effect(walk, path, ends->rule, fact);
		paths_push(yes, path);
		break;
	case FACT_ENTRY: {
		bool there = has_entry(walk, path);

		tell(walk, there ? EVENT_ENTRY : EVENT_NO_ENTRY, path, ends->rule, fact);
		paths_push(there ? yes : ends->next, path);
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
	struct walk *walk = ends->walk;
	autopaths now = {.walk = walk};

	walk->lets_in = ends->rule->lets_in;
	paths_push(&now, path);
	for (size_t i = 0; i < ends->rule->n && now.n; i++) {
		struct paths yes = {.walk = walk};

		paths_for_each(at, &now)
			walk_fact(ends, &ends->rule->facts[i], &at->path, &yes);
		paths_free(&now);
		now = yes;
	}
	for (struct path_node *node; (node = paths_take(&now));)
		paths_put(ends->next, node);
}

/* --- chains ----------------------------------------------------------------------------------- */

/* A key that is not told has all values. */
static bool may_pass(const struct guard *guard, const struct path *path)
{
	const struct ranges *values = path->key[guard->key];

	if (!guard->ranges->n)
		return false;
	if (!values)
		return true;
	if (values->first > guard->ranges->last || values->last < guard->ranges->first)
		return false;
	return (values->n == 1 && guard->ranges->n == 1) || ranges_meet(values, guard->ranges);
}

/* May some of these packets match the rule? */
static bool may_match(const struct rule_facts *rule, const struct path *path)
{
	for (size_t i = 0; i < rule->guards_n; i++)
		if (!may_pass(&rule->guards[i], path))
			return false;
	return true;
}

/* Does no packet match, as far as one glance tells? */
static bool pass_by(const struct glance *glance, const struct paths *paths)
{
	if (glance->first > glance->last)
		return true;
	paths_for_each(at, paths) {
		const struct ranges *values = at->path.key[glance->key];

		if (!values || (glance_bits(glance, values->first) <= glance->last &&
				glance_bits(glance, values->last) >= glance->first))
			return false;
	}
	return true;
}

static bool any_may_match(const struct rule_facts *rule, const struct paths *paths)
{
	paths_for_each(at, paths)
		if (may_match(rule, &at->path))
			return true;
	return false;
}

/* One step more: is there room for it? */
static bool may_step(struct walk *walk)
{
	bool ok = ++walk->steps <= STEPS_MAX && walk->arena.size <= MEMORY_MAX;

	walk->truncated = walk->truncated || !ok;
	return ok;
}

static void walk_chain(struct walk *walk, const struct chain_facts *chain, size_t first,
		       struct paths *in, struct paths *returned, struct paths *accepted)
{
	struct path_node *node;

	for (size_t i = first; chain->rules && i < chain->n && in->n && !walk->enough; i++) {
		const struct rule_facts *rule = &chain->rules[i];
		struct paths next = {.walk = walk};
		struct ends ends = {walk, rule, &next, returned, accepted};

		walk->looks += in->n;
		if (pass_by(&chain->glances[i], in) || !any_may_match(rule, in))
			continue;
		while ((node = paths_take(in))) {
			if (!may_match(rule, &node->path)) {
				paths_put(&next, node);
				continue;
			}
			if (may_step(walk))
				walk_rule(&ends, &node->path);
			paths_drop(in, node);
		}
		*in = next;
	}
	while ((node = paths_take(in)))
		paths_put(returned, node);
}

/* A base chain with its policy: *paths is what comes out of it. */
static void walk_base(struct walk *walk, const struct chain_facts *chain, size_t first,
		      struct paths *paths)
{
	struct paths accepted = {.walk = walk}, returned = {.walk = walk};
	struct path_node *node;

	walk->base = chain;
	walk_chain(walk, chain, first, paths, &returned, &accepted);
	while ((node = paths_take(&returned))) {
		if (chain->base && chain->hook.policy == NF_DROP) {
			tell(walk, EVENT_DROP, &node->path, NULL, NULL);
			paths_drop(&returned, node);
		} else {
			paths_put(&accepted, node);
		}
	}
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
		if (paths->n)
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
	uint8_t nfproto = (uint8_t)start.key[KEY_NFPROTO]->first;
	autopaths paths = {.walk = walk};

	begin(walk, journey, &start);
	paths_push(&paths, &start);
	walk_hook(walk, nfproto, first_hook(journey), INT_MIN, PRIORITY_TRACKING, &paths);
	paths_for_each(at, &paths)
		tell(walk, EVENT_ARRIVED, &at->path, NULL, NULL);
}

/* The chains at the first hook: *paths is what comes out of them. */
static void depart(struct walk *walk, enum journey journey, uint32_t state, struct path *start,
		   struct paths *paths)
{
	uint8_t nfproto = (uint8_t)start->key[KEY_NFPROTO]->first;

	walk->nat = state == STATE_NEW;
	begin(walk, journey, start);
	paths_push(paths, start);
	walk_hook(walk, nfproto, first_hook(journey), INT_MIN, PRIORITY_TRACKING, paths);
	paths_for_each(at, paths)
		if (walk->forced || !at->path.untracked)
			set_one(walk, &at->path, KEY_CTSTATE, state);
	walk_hook(walk, nfproto, first_hook(journey), PRIORITY_TRACKING, INT_MAX, paths);
}

void walk_departure(struct walk *walk, enum journey journey, uint32_t state, struct path start)
{
	autopaths paths = {.walk = walk};

	depart(walk, journey, state, &start, &paths);
}

void walk_journey(struct walk *walk, enum journey journey, uint32_t state, struct path start)
{
	uint8_t nfproto = (uint8_t)start.key[KEY_NFPROTO]->first;
	autopaths paths = {.walk = walk};

	depart(walk, journey, state, &start, &paths);
	if (journey == JOURNEY_IN)
		walk_hook(walk, nfproto, NF_INET_LOCAL_IN, INT_MIN, INT_MAX, &paths);
	paths_for_each(at, &paths)
		if (journey == JOURNEY_THROUGH)
			at->path.key[KEY_OIFNAME] = at->path.oif;
	if (journey == JOURNEY_THROUGH)
		walk_hook(walk, nfproto, NF_INET_FORWARD, INT_MIN, INT_MAX, &paths);
	if (journey != JOURNEY_IN)
		walk_hook(walk, nfproto, NF_INET_POST_ROUTING, INT_MIN, INT_MAX, &paths);
	paths_for_each(at, &paths)
		tell(walk, EVENT_ARRIVED, &at->path, NULL, NULL);
}

void walk_behind(struct walk *walk, const struct chain_facts *base, size_t first, struct path start)
{
	autopaths paths = {.walk = walk};

	paths_push(&paths, &start);
	walk_base(walk, base, first, &paths);
}

void walk_free(struct walk *walk)
{
	arena_free(&walk->arena);
	walk->domains = (struct domains){0};
	walk->spare = NULL;
	memset(walk->made, 0, sizeof(walk->made));
}
