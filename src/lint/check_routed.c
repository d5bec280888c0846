/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host routes for others, on the ports of services that are its own: forwarded, and where
 * it certainly breaks (NAT, or a firewall that knows connections by their entries) nat or no-accept.
 * Prerouting cannot tell it from what is bound for this host.
 */
#include "lint/check.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <string.h>

static const char remedy_addresses[] =
	"give the service its addresses, or list the others' networks in keep_tracked";

/* --- forwarded -------------------------------------------------------------------------------- */

struct routing {
	bool arrived;
	bool by_rule; /* a rule at the forward hook lets it through */
};

static void note_routing(void *arg, struct walk *walk, enum event event, const struct path *path,
			 const struct rule_facts *rule, const struct fact *fact)
{
	struct routing *routing = arg;

	(void)path;
	(void)fact;
	routing->arrived = routing->arrived || event == EVENT_ARRIVED;
	routing->by_rule = routing->by_rule || (event == EVENT_ACCEPT && rule && walk->base &&
						walk->base->hook.hook == NF_INET_FORWARD);
}

void check_forwarded(struct lint *lint)
{
	if (lint->input->forwarding == KNOWN_NO)
		return;
	array_for_each(flow, &lint->flows) {
		struct routing routing = {0};
		autowalk walk = lint_walk(lint, note_routing, &routing);
		struct path start = flow->path;

		if (!flow->service || flow->service->role != ROLE_SERVER || !flow->opening ||
		    inet_list_count(&flow->service->match.addresses) ||
		    !path_refuse_loopback(&walk, &start, JOURNEY_THROUGH))
			continue;
		walk.forced = true;
		walk_journey(&walk, JOURNEY_THROUGH, STATE_NEW, start);
		if (routing.arrived && (routing.by_rule || lint->input->forwarding == KNOWN_YES))
			lint_find(lint, "forwarded", (struct place){.service = flow_service(flow)},
				  remedy_addresses,
				  "%s: this host routes too, and prerouting sees what it routes: "
				  "connections of containers or neighbours to these ports are "
				  "untracked along with it",
				  flow_words(lint, flow));
	}
}

/* --- what certainly breaks -------------------------------------------------------------------- */

/* Only between interfaces that are there, lo apart, and there must be two: else nothing is routed.
 */
static bool demand_devices(const struct lint *lint, struct walk *walk, struct path *path)
{
	size_t n = 0, count = lint->input->devices ? lint->input->devices->n : 0;
	struct interval *v = arena_get(&walk->arena, (count + 1) * sizeof(*v));

	for (size_t i = 0; v && i < count; i++) {
		const struct interface *device = &lint->input->devices->v[i];

		if (!strcmp(device->name, "lo"))
			continue;
		v[n].first = v[n].last = number_read(device->name, 16);
		n++;
	}
	return n >= 2 && path_demand(walk, path, KEY_IIFNAME, ranges_make(&walk->arena, v, n)) &&
	       path_demand(walk, path, KEY_OIFNAME, ranges_make(&walk->arena, v, n));
}

struct translating {
	struct lint *lint;
	const struct flow *flow;
	const struct ranges *addresses; /* only answers to one of these are untracked; NULL: all */
};

static void note_translated(void *arg, struct walk *walk, enum event event, const struct path *path,
			    const struct rule_facts *rule, const struct fact *fact)
{
	struct translating *at = arg;

	(void)walk;
	(void)rule;
	(void)fact;
	if (event != EVENT_ARRIVED || !path->nat_by || path->assumed)
		return;
	if (at->addresses && path->nat->nat->address &&
	    !ranges_meet(at->addresses, path->nat->nat->address))
		return;
	lint_find(at->lint, "nat", (struct place){flow_service(at->flow), NULL, path->nat_by},
		  at->addresses ? "leave the service tracked, or name its peers" : remedy_addresses,
		  "%s: %s does `%s` on connections that this host routes for others, and their "
		  "packets are untracked along with the service's: NAT is skipped, and they break",
		  flow_words(at->lint, at->flow), place_words(at->lint, NULL, path->nat_by),
		  path->nat->what);
}

/* The packets that open what is routed. A client's flow is of what answers; there it does not matter
 * where that is bound for, since source NAT brings it to this host. */
static struct path routed_opening(const struct flow *flow)
{
	struct path opening = flow->path;

	if (flow->opening)
		return opening;
	opening = path_reverse(&flow->path, JOURNEY_THROUGH, JOURNEY_THROUGH);
	opening.key[KEY_SADDR4] = opening.key[KEY_SADDR6] = NULL;
	return opening;
}

static void check_translation(struct lint *lint, const struct flow *flow)
{
	enum key to = flow->nfproto == NFPROTO_IPV4 ? KEY_DADDR4 : KEY_DADDR6;
	struct translating at = {lint, flow, flow->opening ? NULL : flow->path.key[to]};
	autowalk walk = lint_walk(lint, note_translated, &at);
	struct path opening = routed_opening(flow);

	walk.forced = true;
	if (demand_devices(lint, &walk, &opening) &&
	    path_refuse_loopback(&walk, &opening, JOURNEY_THROUGH))
		walk_journey(&walk, JOURNEY_THROUGH, STATE_NEW, opening);
	if (walk.arena.failed)
		lint->failed = true;
}

/* What is routed is untracked on one of its ways, as the service's flow says; what comes the other
 * way has no entry: TCP's is `invalid`, other protocols' makes a new one. */
static void check_filter(struct lint *lint, const struct flow *flow)
{
	struct flow routed = *flow;
	autowalk walk = lint_walk(lint, NULL, NULL);

	routed.journey = JOURNEY_THROUGH;
	if (!demand_devices(lint, &walk, &routed.path))
		return;
	lint_lose(lint, &routed, STATE_UNTRACKED,
		  "once they are untracked, as what this host routes to these ports is too",
		  remedy_addresses);
	if (!flow->opening)
		return;
	routed.opening = false;
	routed.path = path_reverse(&routed.path, JOURNEY_THROUGH, JOURNEY_THROUGH);
	lint_lose(lint, &routed,
		  ranges_has(flow->path.key[KEY_L4PROTO], IPPROTO_TCP) ? STATE_INVALID : STATE_NEW,
		  "as answers to what this host routes to these ports and nobody tracked",
		  remedy_addresses);
}

void check_routed(struct lint *lint)
{
	if (lint->input->forwarding != KNOWN_YES)
		return;
	array_for_each(flow, &lint->flows) {
		if (!flow->service || flow->journey != JOURNEY_IN)
			continue;
		/* Addresses of a service are this host's own: what is routed is not bound for them.
		 */
		if (!inet_list_count(&flow->service->match.addresses))
			check_filter(lint, flow);
		if (!inet_list_count(&flow->service->match.addresses) || !flow->opening)
			check_translation(lint, flow);
	}
}
