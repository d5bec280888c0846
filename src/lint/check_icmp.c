/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp-error: errors about untracked flows are `invalid`, where they were `related`. */
#include "lint/check.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <linux/netfilter.h>

#define LOSSES_MAX 16

struct loss {
	struct path origin;
	const struct chain_facts *base;
	const struct rule_facts *rule;
};

struct losing {
	struct loss v[LOSSES_MAX];
	size_t n;
};

static void note_loss(void *arg, struct walk *walk, enum event event, const struct path *path,
		      const struct rule_facts *rule, const struct fact *fact)
{
	struct losing *losing = arg;
	uint32_t hook = walk->base ? walk->base->hook.hook : 0;

	(void)fact;
	if (event != EVENT_DROP || path->assumed || losing->n == LOSSES_MAX)
		return;
	if ((hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT) &&
	    walk->base->hook.priority < PRIORITY_TRACKING)
		return;
	losing->v[losing->n++] = (struct loss){path_origin(path, hook), walk->base, rule};
}

/* What was looked at already: the errors about other flows are the same but for where they come in. */
struct seen {
	uint8_t nfproto;
	enum journey journey;
	const struct ranges *in;
};

typedef ARRAY(struct seen) seen_list;

static bool is_seen(seen_list *list, const struct seen *new)
{
	array_for_each(old, list)
		if (old->nfproto == new->nfproto && old->journey == new->journey &&
		    (old->in == new->in || (old->in && new->in &&ranges_equal(old->in, new->in))))
			return true;
	return false;
}

/* Where they come in: where the flow's packets come in, or its answers. */
static const struct ranges *entrance(const struct flow *flow, enum journey journey)
{
	if (journey == JOURNEY_OUT)
		return NULL;
	return flow->path.key[flow->journey == JOURNEY_OUT ? KEY_OIFNAME : KEY_IIFNAME];
}

/* The errors that tell a sender to send less, or to give up. */
static bool error_path(struct walk *walk, const struct flow *flow, enum journey journey,
		       struct path *path)
{
	bool four = flow->nfproto == NFPROTO_IPV4;

	path_init(walk, path, flow->nfproto);
	path->key[KEY_IIFNAME] = entrance(flow, journey);
	if (!path_demand_one(walk, path, KEY_L4PROTO, four ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return false;
	if (four && !path_demand_one(walk, path, KEY_ICMPTYPE, ICMP_DEST_UNREACH))
		return false;
	if (!four &&
	    !path_demand(walk, path, KEY_ICMPTYPE,
			 ranges_one(&walk->arena, ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG)))
		return false;
	return path_refuse_loopback(walk, path, journey);
}

static void check_journey(struct lint *lint, const struct flow *flow, enum journey journey,
			  seen_list *list)
{
	struct seen seen = {flow->nfproto, journey, entrance(flow, journey)};
	struct losing losing = {0};
	autowalk walk = lint_walk(lint, note_loss, &losing);
	struct path start;

	if (is_seen(list, &seen))
		return;
	if (!array_push(list, seen))
		lint->failed = true;
	walk.forced = true;
	if (!error_path(&walk, flow, journey, &start))
		return;
	walk_journey(&walk, journey, STATE_INVALID, start);
	for (size_t i = 0; i < losing.n; i++) {
		const struct loss *loss = &losing.v[i];

		if (!lint_passes(lint, journey, STATE_RELATED, &loss->origin))
			continue;
		lint_find(
			lint, "icmp-error", (struct place){NULL, loss->base, loss->rule},
			"accept ICMP and ICMPv6 errors (unreachable, packet too big, time "
			"exceeded, parameter problem) ahead of it, without ct state",
			"ICMP errors about untracked flows are `invalid`, not `related`: %s drops "
			"them, and path MTU discovery fails without a word",
			place_words(lint, loss->base, loss->rule));
	}
}

static bool has_errors(const struct flow *flow)
{
	const struct ranges *protocol = flow->path.key[KEY_L4PROTO];

	return !protocol || ranges_count(protocol, 2) > 1 ||
	       (!ranges_has(protocol, IPPROTO_ICMP) && !ranges_has(protocol, IPPROTO_ICMPV6));
}

void check_icmp(struct lint *lint)
{
	seen_list seen = {0};

	array_for_each(flow, &lint->flows) {
		if (!has_errors(flow))
			continue;
		if (flow->journey == JOURNEY_THROUGH)
			check_journey(lint, flow, JOURNEY_THROUGH, &seen);
		else
			check_journey(lint, flow, JOURNEY_IN, &seen);
		check_journey(lint, flow, JOURNEY_OUT, &seen);
	}
	array_free(&seen);
}
