/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that need the connection's entry: nat, synproxy, helper, flowtable, ct-match. */
#include "lint/check.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <string.h>

struct meeting {
	struct lint *lint;
	const struct flow *flow;
	uint32_t state;
	enum journey journey;
};

static struct place at_rule(const struct meeting *meeting, const struct rule_facts *rule)
{
	return (struct place){.service = flow_service(meeting->flow), .rule = rule};
}

/* Source NAT of what this host sends itself is about these packets only if it does not pick
 * addresses of others: nothing here sends from the networks of containers. */
static bool is_others(const struct meeting *meeting, struct walk *walk, const struct path *path)
{
	enum key key = meeting->flow->nfproto == NFPROTO_IPV4 ? KEY_SADDR4 : KEY_SADDR6;
	const struct ranges *all = path_values(walk, &meeting->flow->path, key);
	const struct ranges *taken = path_values(walk, path, key);
	const number many = ~(number)0;

	return meeting->journey == JOURNEY_OUT && walk->base->hook.hook == NF_INET_POST_ROUTING &&
	       all && taken && ranges_count(taken, many) < ranges_count(all, many) / 2;
}

static void find_nat(struct meeting *meeting, struct walk *walk, const struct path *path,
		     const struct rule_facts *rule, const struct fact *fact)
{
	if (path->assumed || meeting->state != STATE_NEW || is_others(meeting, walk, path))
		return;
	lint_find(meeting->lint, "nat", at_rule(meeting, rule),
		  "leave what is NATed tracked: narrow the service's addresses or ports, or list "
		  "it in keep_tracked",
		  "%s: %s does `%s` on the same packets; NAT needs the connection's entry and is "
		  "skipped for untracked ones",
		  flow_words(meeting->lint, meeting->flow), place_words(meeting->lint, NULL, rule),
		  fact->what);
}

static void find_synproxy(struct meeting *meeting, const struct path *path,
			  const struct rule_facts *rule)
{
	if (path->assumed || meeting->flow->path.key[KEY_TCPFLAGS])
		return;
	lint_find(meeting->lint, "synproxy", at_rule(meeting, rule),
		  "leave the service out: for SYNPROXY only `tcp flags syn` may be untracked, with "
		  "net.netfilter.nf_conntrack_tcp_loose=0",
		  "%s: %s hands the port to SYNPROXY, which needs the entries of its connections: "
		  "they stop working when all of the port is untracked",
		  flow_words(meeting->lint, meeting->flow), place_words(meeting->lint, NULL, rule));
}

static void find_flow(struct meeting *meeting, const struct rule_facts *rule)
{
	lint_find(meeting->lint, "flowtable", at_rule(meeting, rule),
		  "choose one of the two for this traffic",
		  "%s: %s offloads the same traffic to a flowtable: without entries it never is, "
		  "and what is offloaded already passes by the new rules",
		  flow_words(meeting->lint, meeting->flow), place_words(meeting->lint, NULL, rule));
}

static void find_helper(struct meeting *meeting, const struct path *path,
			const struct rule_facts *rule, const struct fact *fact)
{
	if (path->assumed)
		return;
	lint_find(meeting->lint, "helper", at_rule(meeting, rule),
		  "leave the control connections of this protocol tracked",
		  "%s: %s assigns a helper to it (`%s`): without entries it sees nothing, and "
		  "related data connections are not let in",
		  flow_words(meeting->lint, meeting->flow), place_words(meeting->lint, NULL, rule),
		  fact->what);
}

static void find_match(struct meeting *meeting, const struct rule_facts *rule,
		       const struct fact *fact)
{
	if (fact->what == WHAT_NAT_STATUS)
		return; /* what is NATed is another matter */
	lint_find(meeting->lint, "ct-match", at_rule(meeting, rule),
		  "match something that the packet has itself (its mark, addresses, ports), or "
		  "leave the service tracked",
		  "%s: %s uses `%s` of the connection's entry: for untracked packets it does "
		  "nothing",
		  flow_words(meeting->lint, meeting->flow), place_words(meeting->lint, NULL, rule),
		  fact->what);
}

static void note_meeting(void *arg, struct walk *walk, enum event event, const struct path *path,
			 const struct rule_facts *rule, const struct fact *fact)
{
	struct meeting *meeting = arg;

	if (event == EVENT_ENTRY)
		find_match(meeting, rule, fact);
	if (event != EVENT_EFFECT)
		return;
	switch (fact->effect) {
	case EFFECT_NAT:
		find_nat(meeting, walk, path, rule, fact);
		break;
	case EFFECT_SYNPROXY:
		find_synproxy(meeting, path, rule);
		break;
	case EFFECT_FLOW:
		find_flow(meeting, rule);
		break;
	case EFFECT_HELPER:
		find_helper(meeting, path, rule, fact);
		break;
	case EFFECT_SET_ENTRY:
		find_match(meeting, rule, fact);
		break;
	case EFFECT_NOTRACK:
	case EFFECT_TEMPLATE:
	case EFFECT_TPROXY:
	case EFFECT_LIMIT:
		break;
	}
}

static void meet(struct lint *lint, const struct flow *flow, enum journey journey, uint32_t state)
{
	struct meeting meeting = {lint, flow, state, journey};
	autowalk walk = lint_walk(lint, note_meeting, &meeting);
	struct path start = flow->path;

	walk.forced = true;
	if (path_refuse_loopback(&walk, &start, journey))
		walk_journey(&walk, journey, state, start);
	if (walk.arena.failed)
		lint->failed = true;
}

/* --- control connections ---------------------------------------------------------------------- */

struct control {
	uint8_t protocol;
	uint16_t port;
	const char *name;
};

static const struct control controls[] = {
	{IPPROTO_TCP, 21, "FTP"},
	{IPPROTO_UDP, 69, "TFTP"},
	{IPPROTO_TCP, 5060, "SIP"},
	{IPPROTO_UDP, 5060, "SIP"},
};

/* A port that stands in a wide range is not meant by it, nor in what others left of all ports. */
#define RANGE_MEANT 64
#define PORTS_MEANT 32768

static bool means_port(const struct ranges *ports, uint16_t port)
{
	bool meant = false;

	for (size_t i = 0; i < ports->n && !meant; i++) {
		const struct interval *at = ranges_at(ports, i);

		meant = port >= at->first && port <= at->last && at->last - at->first < RANGE_MEANT;
	}
	return meant && ports->count < PORTS_MEANT;
}

static void check_controls(struct lint *lint, const struct flow *flow)
{
	const struct ranges *protocol = flow->path.key[KEY_L4PROTO];
	const struct ranges *port = flow->path.key[KEY_DPORT];

	for (size_t i = 0; i < sizeof(controls) / sizeof(*controls); i++) {
		if (!flow->opening || !protocol || !port ||
		    !ranges_has(protocol, controls[i].protocol) ||
		    !means_port(port, controls[i].port))
			continue;
		lint_find(lint, "helper", (struct place){flow_service(flow), NULL, flow->rule},
			  "leave the control connections of this protocol tracked",
			  "%s: port %u is %s's control port; untracked, its helper sees nothing, "
			  "and related data connections are not let in",
			  flow_words(lint, flow), controls[i].port, controls[i].name);
	}
}

/* --- the connection table --------------------------------------------------------------------- */

static void check_tally(struct lint *lint, const struct tally *tally)
{
	struct place place = {.service = tally->service ? tally->service->name : NULL};
	const char *whose = place.service   ? place.service
			    : lint->touched ? "what the change is about"
					    : "the document's rules";

	if (tally->natted)
		lint_find(
			lint, "nat", place,
			"leave what is NATed tracked: narrow the service's addresses or ports, or "
			"list it in keep_tracked",
			"%llu of %llu entries of '%s' in the connection table are NATed; without "
			"their entry that stops",
			(unsigned long long)tally->natted, (unsigned long long)tally->entries,
			whose);
	if (tally->halved)
		lint_find(lint, "one-way", place,
			  "narrow the service (addresses, peers), or list these connections in "
			  "keep_tracked",
			  "%llu of %llu entries of '%s' in the connection table are of connections "
			  "that it takes only one direction of: this host's own to what it "
			  "forwards, or others' that pass through; their answers have no entry",
			  (unsigned long long)tally->halved, (unsigned long long)tally->entries,
			  whose);
	if (tally->helped || tally->expected)
		lint_find(lint, "helper", place,
			  "leave the control and data connections of this protocol tracked",
			  "%llu of %llu entries of '%s' in the connection table have a helper, and "
			  "%llu were expected by one; without entries that stops",
			  (unsigned long long)tally->helped, (unsigned long long)tally->entries,
			  whose, (unsigned long long)tally->expected);
}

void check_interplay(struct lint *lint)
{
	array_for_each(flow, &lint->flows) {
		bool routed = flow->journey == JOURNEY_IN && flow->service && flow->opening &&
			      !inet_list_count(&flow->service->match.addresses) &&
			      lint->input->forwarding != KNOWN_NO;

		if (flow->opening)
			meet(lint, flow, flow->journey, STATE_NEW);
		meet(lint, flow, flow->journey, STATE_ESTABLISHED);
		meet(lint, flow, flow->journey, STATE_UNTRACKED);
		meet(lint, flow, flow->journey, STATE_INVALID);
		/* What is routed on the same ports is taken off too. */
		if (routed)
			meet(lint, flow, JOURNEY_THROUGH, STATE_ESTABLISHED);
		check_controls(lint, flow);
	}
	array_for_each(tally, &lint->tallies)
		check_tally(lint, tally);
}
