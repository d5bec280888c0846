/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a document keeps out of tracking: from a policy's services, or from its notrack rules. */
#include "lint/check.h"
#include "lint/split.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <string.h>

#define FLOWS_MAX 256
/* In brief, as many as meet so many rules in all, which takes some hundredths of a second. */
#define MEETINGS_MAX 160000
#define FLOWS_MIN 16
/* And as many paths at a time. */
#define PATHS_FEW 32
/* Of one rule. What rules ahead of it left of its packets is put together where there is more. */
#define FLOWS_OF_RULE 32
/* Of longer lists of addresses only about so many are looked at. */
#define ADDRESSES_MAX 512

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

static void add_flow(struct lint *lint, const struct flow *flow)
{
	if (lint->flows.n >= lint->flows_max)
		lint->partial = true;
	else if (!array_push(&lint->flows, *flow))
		lint->failed = true;
}

/* --- services --------------------------------------------------------------------------------- */

static bool demand_addresses(struct walk *walk, struct path *path, enum key key4, enum key key6,
			     uint8_t nfproto, const struct inet_list *addresses)
{
	enum inet_family family = nfproto == NFPROTO_IPV4 ? INET_V4 : INET_V6;
	size_t length = inet_length(family), n = 0, count = inet_list_count(addresses);
	/* What is found for some of a long list holds. */
	size_t step = count / ADDRESSES_MAX + 1;
	struct interval *v;

	if (!count)
		return true;
	v = arena_get(&walk->arena, (count / step + 1) * sizeof(*v));
	if (!v)
		return false;
	for (size_t i = 0; i < count; i += step) {
		struct inet_range range = inet_list_at(addresses, i);

		if (range.family == family)
			v[n++] = (struct interval){number_read(range.first.byte, length),
						   number_read(range.last.byte, length)};
	}
	return n && path_demand(walk, path, nfproto == NFPROTO_IPV4 ? key4 : key6,
				ranges_make(&walk->arena, v, n));
}

static bool demand_ports(struct walk *walk, struct path *path, enum key key,
			 const port_ranges *ports)
{
	struct interval *v;
	size_t n = 0;

	if (!ports->n)
		return true;
	v = arena_get(&walk->arena, ports->n * sizeof(*v));
	if (!v)
		return false;
	array_for_each(range, ports)
		v[n++] = (struct interval){range->from, range->to};
	return path_demand(walk, path, key, ranges_make(&walk->arena, v, n));
}

static bool demand_interfaces(struct walk *walk, struct path *path, enum key key,
			      const texts *names)
{
	struct interval *v;
	size_t n = 0;

	if (!names->n)
		return true;
	v = arena_get(&walk->arena, names->n * sizeof(*v));
	if (!v)
		return false;
	array_for_each(name, names) {
		size_t length = strlen(*name);
		bool prefix = length && (*name)[length - 1] == '*';
		uint8_t low[16] = {0}, high[16] = {0};

		length -= prefix;
		if (length > sizeof(low))
			length = sizeof(low);
		memcpy(low, *name, length);
		memset(high, prefix ? 0xff : 0, sizeof(high));
		memcpy(high, *name, length);
		v[n++] = (struct interval){number_read(low, 16), number_read(high, 16)};
	}
	return path_demand(walk, path, key, ranges_make(&walk->arena, v, n));
}

/* Which side of a flow's packets the service is. */
enum side { SIDE_DESTINATION, SIDE_SOURCE };

static bool service_path(struct walk *walk, const struct policy_match *match, uint8_t nfproto,
			 uint8_t protocol, enum side ports, enum side addresses,
			 enum journey journey, struct path *path)
{
	const struct inet_list *at = &match->addresses, *peers = &match->peers;
	bool to = addresses == SIDE_DESTINATION;

	path_init(walk, path, nfproto);
	return path_demand_one(walk, path, KEY_L4PROTO, protocol) &&
	       demand_ports(walk, path, ports == SIDE_DESTINATION ? KEY_DPORT : KEY_SPORT,
			    &match->ports) &&
	       demand_addresses(walk, path, KEY_DADDR4, KEY_DADDR6, nfproto, to ? at : peers) &&
	       demand_addresses(walk, path, KEY_SADDR4, KEY_SADDR6, nfproto, to ? peers : at) &&
	       (journey == JOURNEY_OUT ||
		demand_interfaces(walk, path, KEY_IIFNAME, &match->interfaces)) &&
	       (journey == JOURNEY_IN ||
		demand_interfaces(walk, path, KEY_OIFNAME, &match->interfaces));
}

/* What the roles mean: the contract's table, with `addresses` the side of this host or (client) of
 * its own end. */
struct role_flow {
	enum policy_role role;
	enum journey journey;
	enum side ports;
	enum side addresses;
	bool opening;
};

static const struct role_flow role_flows[] = {
	{ROLE_SERVER, JOURNEY_IN, SIDE_DESTINATION, SIDE_DESTINATION, true},
	{ROLE_SERVER, JOURNEY_OUT, SIDE_SOURCE, SIDE_SOURCE, false},
	{ROLE_CLIENT, JOURNEY_OUT, SIDE_DESTINATION, SIDE_SOURCE, true},
	{ROLE_CLIENT, JOURNEY_IN, SIDE_SOURCE, SIDE_DESTINATION, false},
	{ROLE_FORWARD, JOURNEY_THROUGH, SIDE_DESTINATION, SIDE_DESTINATION, true},
	{ROLE_FORWARD, JOURNEY_THROUGH, SIDE_SOURCE, SIDE_SOURCE, false},
	{ROLE_PEER, JOURNEY_IN, SIDE_DESTINATION, SIDE_DESTINATION, true},
	{ROLE_PEER, JOURNEY_OUT, SIDE_DESTINATION, SIDE_SOURCE, true},
};

static void add_service(struct lint *lint, const struct policy_service *service, uint8_t protocol,
			const struct role_flow *role)
{
	for (size_t i = 0; i < sizeof(families); i++) {
		struct flow flow = {.service = service,
				    .nfproto = families[i],
				    .journey = role->journey,
				    .opening = role->opening};

		if (service_path(&lint->walk, &service->match, families[i], protocol, role->ports,
				 role->addresses, role->journey, &flow.path))
			add_flow(lint, &flow);
	}
}

static void add_services(struct lint *lint, const struct policy *policy)
{
	array_for_each(service, &policy->services) {
		if (!array_push(&lint->tallies, (struct tally){.service = service}))
			lint->failed = true;
		if (lint->flows.n >= lint->flows_max) {
			lint->partial = true;
			continue;
		}
		array_for_each(protocol, &service->match.protocols)
			for (size_t i = 0; i < sizeof(role_flows) / sizeof(*role_flows); i++)
				if (role_flows[i].role == service->role)
					add_service(lint, service, *protocol, &role_flows[i]);
	}
}

/* --- rules ------------------------------------------------------------------------------------ */

struct gathering {
	struct lint *lint;
	uint8_t nfproto;
	enum journey journey;
	const struct rule_facts *only; /* of which is gathered; NULL: of all */
	const struct rule_facts *rule; /* the last one met */
	struct paths paths;	       /* what it takes */
};

bool lint_is_ours(const struct lint *lint, const struct chain_facts *chain)
{
	return lint->input->document &&
	       ruleset_find(lint->input->document, chain->table->family, chain->table->name);
}

/* A rule of the document. Of a policy only its own `rules` are (compile/user.c names their origin);
 * the others are its services'. */
static bool is_by_rule(const struct lint *lint, const struct rule_facts *rule)
{
	static const char origin[] = "the rule at ";

	if (!lint_is_ours(lint, rule->chain))
		return false;
	return !lint->input->policy ||
	       (rule->rule->origin && !strncmp(rule->rule->origin, origin, sizeof(origin) - 1));
}

bool path_is_narrow(struct walk *walk, const struct path *path, enum key key)
{
	const number half = (number)1 << (8 * key_bytes(key) - 1);
	const struct ranges *values = path_values(walk, path, key);

	return values && ranges_count(values, half) < half;
}

/* A client's answers come from a fixed port, and a server's answers go out from one. */
static bool is_opening(const struct path *path, struct walk *walk)
{
	return !path_is_narrow(walk, path, KEY_SPORT) || path_is_narrow(walk, path, KEY_DPORT);
}

static void add_gathered(struct gathering *gathering)
{
	struct lint *lint = gathering->lint;
	size_t n = 0;

	if (gathering->paths.n > FLOWS_OF_RULE)
		paths_merge(&gathering->paths);
	paths_for_each(at, &gathering->paths) {
		if (n++ == FLOWS_OF_RULE)
			break;
		add_flow(lint, &(struct flow){.rule = gathering->rule,
					      .nfproto = gathering->nfproto,
					      .journey = gathering->journey,
					      .opening = is_opening(&at->path, &lint->walk),
					      .path = at->path});
	}
	paths_free(&gathering->paths);
}

/* A host that routes nothing has no packets that pass through. */
bool lint_has_journey(const struct lint *lint, enum journey journey)
{
	return journey != JOURNEY_THROUGH || lint->input->forwarding != KNOWN_NO;
}

bool lint_takes_off(const struct lint *lint, enum event event, const struct path *path,
		    const struct rule_facts *rule, const struct fact *fact)
{
	return event == EVENT_EFFECT && fact->effect == EFFECT_NOTRACK && !path->assumed &&
	       !path->untracked && is_by_rule(lint, rule);
}

static void gather(void *arg, struct walk *walk, enum event event, const struct path *path,
		   const struct rule_facts *rule, const struct fact *fact)
{
	struct gathering *gathering = arg;
	struct path taken;

	if (!lint_takes_off(gathering->lint, event, path, rule, fact) ||
	    (gathering->only && gathering->only != rule))
		return;
	if (gathering->rule != rule)
		add_gathered(gathering);
	gathering->rule = rule;
	walk->enough = gathering->lint->flows.n >= gathering->lint->flows_max;
	gathering->lint->partial = gathering->lint->partial || walk->enough;
	taken = path_origin(path, walk->base->hook.hook);
	/* A mark that the rule asks for comes with the packet. */
	taken.key[KEY_MARK] = path->key[KEY_MARK];
	paths_push(&gathering->paths, &taken);
}

/* The paths must live as long as the lint, so its own walk makes them. */
void flows_gather(struct lint *lint, enum journey journey, const struct path *start,
		  const struct rule_facts *only)
{
	struct gathering gathering = {.lint = lint,
				      .nfproto = (uint8_t)start->key[KEY_NFPROTO]->first,
				      .journey = journey,
				      .only = only,
				      .paths = {.walk = &lint->walk}};

	lint->walk.event = gather;
	lint->walk.arg = &gathering;
	lint->walk.merges = 0;
	walk_raw(&lint->walk, journey, *start);
	add_gathered(&gathering);
	lint->walk.event = NULL;
}

void flows_gather_all(struct lint *lint, uint8_t nfproto)
{
	struct path start;

	path_init(&lint->walk, &start, nfproto);
	start.key[KEY_MARK] = NULL;
	for (enum journey journey = JOURNEY_IN; journey <= JOURNEY_OUT; journey++)
		if (lint_has_journey(lint, journey))
			flows_gather(lint, journey, &start, NULL);
}

static size_t flows_max(const struct lint *lint)
{
	size_t rules = 1, most;

	if (lint->input->policy || !lint->input->brief)
		return FLOWS_MAX;
	for (size_t i = 0; i < lint->facts->n; i++)
		rules += lint->facts->chains[i].n;
	most = MEETINGS_MAX / rules;
	return most < FLOWS_MIN ? FLOWS_MIN : most > FLOWS_MAX ? FLOWS_MAX : most;
}

/* Where rules take a flow apart, to follow it costs as much as many others would: it is tried out. */
static void limit_flows(struct lint *lint)
{
	enum { FEW = 4 };
	autowalk walk = lint_walk(lint, NULL, NULL);
	size_t most;

	if (lint->flows.n <= FEW || lint->input->policy || !lint->input->brief)
		return;
	walk_raw(&walk, lint->flows.v[0].journey, lint->flows.v[0].path);
	most = MEETINGS_MAX / (walk.looks + 1);
	if (most < FEW)
		most = FEW;
	if (lint->flows.n <= most)
		return;
	lint->flows.n = most;
	lint->partial = true;
}

bool flows_make(struct lint *lint)
{
	lint->flows_max = flows_max(lint);
	lint->paths_max = lint->flows_max < FLOWS_MAX ? PATHS_FEW : 0;
	if (lint->input->policy)
		add_services(lint, lint->input->policy);
	if (lint->touched)
		flows_near(lint);
	else if (!lint->input->policy || lint->input->policy->rules.n)
		for (size_t i = 0; i < sizeof(families); i++)
			flows_gather_all(lint, families[i]);
	limit_flows(lint);
	if (!array_push(&lint->tallies, (struct tally){0}))
		lint->failed = true;
	return !lint->failed && !lint->walk.arena.failed;
}

/* --- paths ------------------------------------------------------------------------------------ */

static struct interval loopback_addresses(bool four)
{
	return four ? (struct interval){127u << 24, (127u << 24) + 0xffffff}
		    : (struct interval){1, 1};
}

/* Addresses that no peer has (RFC 6890): firewalls name them, but nothing comes from there. */
static const struct ranges *special_addresses(struct walk *walk, bool four)
{
#define V6(high, bits)                                                                             \
	{                                                                                          \
		(number)(high) << 112, ((number)(high) << 112) | (~(number)0 >> (bits))            \
	}
	static const struct interval ipv4[] = {
		{0, 0xffffff},		  /* 0.0.0.0/8 */
		{0x7f000000, 0x7fffffff}, /* 127.0.0.0/8 */
		{0xe0000000, 0xffffffff}, /* multicast, reserved, broadcast */
	};
	static const struct interval ipv6[] = {
		V6(0, 16),	/* unspecified, loopback, embedded IPv4, … */
		V6(0x2002, 16), /* 6to4 */
		V6(0xff00, 8),	/* multicast */
	};
#undef V6

	return four ? ranges_make(&walk->arena, ipv4, sizeof(ipv4) / sizeof(*ipv4))
		    : ranges_make(&walk->arena, ipv6, sizeof(ipv6) / sizeof(*ipv6));
}

struct path path_origin(const struct path *path, uint32_t hook)
{
	struct path origin = *path;

	if (hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN)
		origin.key[KEY_OIFNAME] = path->oif;
	if (hook == NF_INET_LOCAL_OUT)
		origin.key[KEY_IIFNAME] = NULL;
	origin.key[KEY_CTSTATE] = NULL;
	origin.key[KEY_SADDRTYPE] = origin.key[KEY_DADDRTYPE] = NULL;
	origin.key[KEY_MARK] = path->mark;
	origin.oif = NULL;
	origin.untracked = false;
	origin.untracked_by = origin.template_by = NULL;
	return origin;
}

static bool refuse_addresses(struct walk *walk, struct path *path, enum key key, bool four)
{
	const struct ranges *all = key_domain(&walk->arena, &walk->domains, key), *others;
	const struct interval local = loopback_addresses(four);
	const struct ranges *none = path_is_narrow(walk, path, key)
					    ? ranges_one(&walk->arena, local.first, local.last)
					    : special_addresses(walk, four);

	others = all && none ? ranges_without(&walk->arena, all, none) : NULL;
	return path_demand(walk, path, key, others);
}

bool path_refuse_loopback(struct walk *walk, struct path *path, enum journey journey)
{
	const enum key key = journey == JOURNEY_OUT ? KEY_OIFNAME : KEY_IIFNAME;
	bool four = ranges_has(path->key[KEY_NFPROTO], NFPROTO_IPV4);
	char lo[16] = "lo";

	return path_refuse_one(walk, path, key, number_read(lo, sizeof(lo))) &&
	       refuse_addresses(walk, path, four ? KEY_SADDR4 : KEY_SADDR6, four) &&
	       refuse_addresses(walk, path, four ? KEY_DADDR4 : KEY_DADDR6, four);
}

bool path_is_loopback(const struct path *path)
{
	bool four = ranges_has(path->key[KEY_NFPROTO], NFPROTO_IPV4);
	const struct ranges *to = path->key[four ? KEY_DADDR4 : KEY_DADDR6];
	const struct ranges *iif = path->key[KEY_IIFNAME];
	const struct interval local = loopback_addresses(four);
	char lo[16] = "lo";
	number name = number_read(lo, sizeof(lo));

	return (to && to->first >= local.first && to->last <= local.last) ||
	       (iif && iif->first == name && iif->last == name);
}

static void exchange(struct path *path, enum key a, enum key b)
{
	const struct ranges *kept = path->key[a];

	path->key[a] = path->key[b];
	path->key[b] = kept;
}

struct path path_reverse(const struct path *path, enum journey from, enum journey to)
{
	struct path back = *path;

	exchange(&back, KEY_SADDR4, KEY_DADDR4);
	exchange(&back, KEY_SADDR6, KEY_DADDR6);
	exchange(&back, KEY_SPORT, KEY_DPORT);
	exchange(&back, KEY_IIFNAME, KEY_OIFNAME);
	if (from == JOURNEY_OUT)
		back.key[KEY_OIFNAME] = NULL;
	if (to == JOURNEY_OUT)
		back.key[KEY_IIFNAME] = NULL;
	/* What differs from packet to packet. */
	back.key[KEY_TCPFLAGS] = back.key[KEY_ICMPTYPE] = back.key[KEY_ICMPCODE] = NULL;
	back.decisions = NULL;
	return back;
}
