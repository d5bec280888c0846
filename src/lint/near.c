/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept untracked near a change. A rule that comes or goes makes a difference to packets that meet
 * its conditions, so a finding that it brings about is about such packets: they are the flow's own, or
 * those that answer the flow's, or ICMP errors about them.
 */
#include "lint/check.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <string.h>

/* Is it the same wherever the packet is? Interfaces, marks and states come and go on its way. */
static bool is_lasting(enum key key)
{
	static const bool lasting[KEYS] = {
		[KEY_NFPROTO] = true, [KEY_L4PROTO] = true, [KEY_SADDR4] = true,
		[KEY_DADDR4] = true,  [KEY_SADDR6] = true,  [KEY_DADDR6] = true,
		[KEY_SPORT] = true,   [KEY_DPORT] = true,
	};

	return lasting[key];
}

static bool sees(const struct table *table, uint8_t nfproto)
{
	return table->family == nfproto || table->family == NFPROTO_INET;
}

/* --- the packets of a rule -------------------------------------------------------------------- */

/* All packets that may meet the rule. False: none of that family does. */
static bool rule_path(struct walk *walk, const struct rule_facts *rule, uint8_t nfproto,
		      struct path *path)
{
	path_init(walk, path, nfproto);
	path->key[KEY_MARK] = NULL;
	for (size_t i = 0; i < rule->guards_n; i++) {
		const struct guard *guard = &rule->guards[i];

		if (!guard->ranges->n ||
		    (is_lasting(guard->key) && !path_demand(walk, path, guard->key, guard->ranges)))
			return false;
	}
	return true;
}

/* Does it decide where packets go, or what later rules see of them? */
static bool directs(const struct rule_facts *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->facts[i].kind == FACT_VERDICT || rule->facts[i].kind == FACT_VERDICTS ||
		    rule->facts[i].kind == FACT_MARK)
			return true;
	return false;
}

/* May ICMP errors go another way by it? They are about flows of any kind. */
static bool concerns_errors(const struct rule_facts *rule, const struct path *path)
{
	const struct ranges *protocol = path->key[KEY_L4PROTO];

	return directs(rule) && (!protocol || ranges_has(protocol, IPPROTO_ICMP) ||
				 ranges_has(protocol, IPPROTO_ICMPV6));
}

/* --- the rules that take off what is near ----------------------------------------------------- */

enum { FEW = 4 };

struct near {
	const struct rule_facts *rule;
	uint8_t nfproto;
	enum journey journey;
};

struct looking {
	struct lint *lint;
	struct near now; /* where it looks */
	size_t n;	 /* met on this journey, from this start */
	size_t max;
	bool more; /* there may be more than that */
	ARRAY(struct near) found;
};

static bool is_found(const struct looking *looking, const struct near *near)
{
	array_for_each(one, &looking->found)
		if (one->rule == near->rule && one->nfproto == near->nfproto &&
		    one->journey == near->journey)
			return true;
	return false;
}

static void note_near(void *arg, struct walk *walk, enum event event, const struct path *path,
		      const struct rule_facts *rule, const struct fact *fact)
{
	struct looking *looking = arg;

	if (!lint_takes_off(looking->lint, event, path, rule, fact) || looking->now.rule == rule)
		return;
	looking->now.rule = rule;
	if (!is_found(looking, &looking->now) && !array_push(&looking->found, looking->now))
		looking->lint->failed = true;
	walk->enough = ++looking->n >= looking->max;
	looking->more = looking->more || walk->enough;
}

/* On some journeys (a bit each), the first so many. */
static void look(struct looking *looking, unsigned journeys, size_t max, const struct path *start)
{
	looking->max = max;
	for (enum journey journey = JOURNEY_IN; journey <= JOURNEY_OUT; journey++) {
		autowalk walk = lint_walk(looking->lint, note_near, looking);

		looking->now = (struct near){.nfproto = (uint8_t)start->key[KEY_NFPROTO]->first,
					     .journey = journey};
		looking->n = 0;
		if (journeys & 1u << journey && lint_has_journey(looking->lint, journey))
			walk_raw(&walk, journey, *start);
	}
}

/* The journeys of packets that may come to the chain. What goes out may go out over lo, and come in. */
static unsigned journeys_of(const struct lint *lint, const struct chain_facts *chain)
{
	const unsigned in = 1u << JOURNEY_IN, out = 1u << JOURNEY_OUT,
		       through =
			       lint_has_journey(lint, JOURNEY_THROUGH) ? 1u << JOURNEY_THROUGH : 0;

	switch (chain->base ? chain->hook.hook : NF_INET_NUMHOOKS) {
	case NF_INET_PRE_ROUTING:
		return in | through;
	case NF_INET_LOCAL_IN:
		return in;
	case NF_INET_FORWARD:
		return through;
	case NF_INET_LOCAL_OUT:
		return out | in;
	case NF_INET_POST_ROUTING:
		return through | out | in;
	default:
		return in | through | out;
	}
}

/* The journeys of what is answered on those: a rule does not tell whether its traffic ends here or passes
 * through. */
static unsigned answered_by(unsigned journeys)
{
	static const unsigned answered[] = {
		[JOURNEY_IN] = 1u << JOURNEY_OUT,
		[JOURNEY_THROUGH] = 1u << JOURNEY_THROUGH | 1u << JOURNEY_IN,
		[JOURNEY_OUT] = 1u << JOURNEY_IN | 1u << JOURNEY_THROUGH,
	};
	unsigned all = 0;

	for (enum journey journey = JOURNEY_IN; journey <= JOURNEY_OUT; journey++)
		all |= journeys & 1u << journey ? answered[journey] : 0;
	return all;
}

static bool same_ends(const struct path *a, const struct path *b)
{
	return !memcmp(a->key, b->key, sizeof(a->key));
}

/* The rule of the other direction is among the first few, unless many take all that comes from these ends. */
static void look_back(struct looking *looking, unsigned journeys, const struct path *path)
{
	struct path back = path_reverse(path, JOURNEY_THROUGH, JOURNEY_THROUGH), same = back;

	look(looking, journeys, FEW, &back);
	/* Tunnels of peers have the same destination port both ways. */
	same.key[KEY_SPORT] = path->key[KEY_SPORT];
	same.key[KEY_DPORT] = path->key[KEY_DPORT];
	if (!same_ends(&same, &back))
		look(looking, journeys, FEW, &same);
}

/* --- what they take off ----------------------------------------------------------------------- */

/* A rule that comes or goes, and the packets of one family that meet it. */
struct touched {
	const struct rule_facts *rule;
	struct path path;
	unsigned journeys;
	bool more; /* that are taken off than those few that were found */
};

typedef ARRAY(struct touched) touched_list;

static void list_touched(struct lint *lint, touched_list *list)
{
	static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

	for (size_t c = 0; c < lint->touched->n; c++) {
		const struct chain_facts *chain = &lint->touched->chains[c];

		for (size_t i = 0; chain->rules && i < chain->n; i++) {
			struct touched touched = {.rule = &chain->rules[i],
						  .journeys = journeys_of(lint, chain)};

			for (size_t f = 0; f < sizeof(families); f++) {
				if (chain->rules[i].inert || !sees(chain->table, families[f]) ||
				    !rule_path(&lint->walk, touched.rule, families[f],
					       &touched.path))
					continue;
				if (!array_push(list, touched))
					lint->failed = true;
			}
		}
	}
}

/* What those rules take off is judged whole, not only where it meets the change: it tells what they are
 * meant for. */
static void gather_found(struct looking *looking, size_t first)
{
	for (size_t i = first; i < looking->found.n; i++) {
		const struct near *near = &looking->found.v[i];
		struct path whole;

		if (rule_path(&looking->lint->walk, near->rule, near->nfproto, &whole))
			flows_gather(looking->lint, near->journey, &whole, near->rule);
	}
}

/* First a few for each, so that none is left out; then, as long as there is room, all. */
void flows_near(struct lint *lint)
{
	struct looking looking = {.lint = lint};
	touched_list list = {0};
	size_t few;

	list_touched(lint, &list);
	array_for_each(touched, &list) {
		looking.more = false;
		look(&looking, touched->journeys, FEW, &touched->path);
		touched->more = looking.more;
		look_back(&looking, answered_by(touched->journeys), &touched->path);
	}
	gather_found(&looking, 0);
	few = looking.found.n;
	array_for_each(touched, &list) {
		if (touched->more)
			look(&looking, touched->journeys, lint->flows_max, &touched->path);
	}
	gather_found(&looking, few);
	array_for_each(touched, &list) {
		if (concerns_errors(touched->rule, &touched->path))
			flows_gather_all(lint, (uint8_t)touched->path.key[KEY_NFPROTO]->first);
	}
	array_free(&looking.found);
	array_free(&list);
}
