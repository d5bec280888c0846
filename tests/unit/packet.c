/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random policies in a small universe: what the evaluation of a compiled table says of a packet
 * must be what the policy says of it, told by its words alone. And hand-made chains for what
 * policies do not compile to.
 */
#include "model/packet.h"

#include "base/cleanup.h"
#include "compile/compile.h"
#include "document/nft.h"
#include "kernel/kernel.h"
#include "model/policy.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

static uint32_t seed;
static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* ------------------------------------------------------------------ a random policy */

static const uint8_t all_protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_GRE, IPPROTO_ICMP};
static const char *const all_interfaces[] = {"lo", "eth0", "eth1", "wg0"};
static const char *const all_names[] = {"lo", "eth0", "eth1", "eth*", "wg0", "l*", "e*"};
static const char *const prefixes[] = {
	"10.0.0.0/30", "10.0.0.4/30", "10.0.0.0/29", "10.0.0.1",       "10.0.0.2", "10.0.0.3",
	"10.0.0.6",    "10.0.0.0/8",  "2001:db8::1", "2001:db8::/126", "::/1",	   "2001:db8::6",
};

static void add_range(struct inet_list *list, const char *text)
{
	struct inet_range range;

	cr_assert_eq(inet_parse(text, &range), INET_OK);
	cr_assert(inet_list_push(list, &range));
}

static void random_list(struct inet_list *list, bool is_long)
{
	char text[32];

	for (uint32_t n = pick(2) ? 0 : 1 + pick(3); n; n--)
		add_range(list, prefixes[pick(sizeof(prefixes) / sizeof(*prefixes))]);
	for (unsigned i = 0; inet_list_count(list) && is_long && i < 1001; i++) {
		snprintf(text, sizeof(text), "172.16.%u.%u", i / 100, i % 100 * 2);
		add_range(list, text);
	}
}

static void random_match(struct policy_match *match, bool may_lack_protocol)
{
	bool with_ports = pick(4), is_long = !pick(8);

	random_list(&match->addresses, is_long);
	random_list(&match->peers, is_long);
	if (!may_lack_protocol || pick(2)) {
		cr_assert(array_push(&match->protocols,
				     all_protocols[(with_ports ? 0 : 2) + pick(2)]));
		for (uint32_t n = with_ports ? 1 + pick(2) : 0; n; n--) {
			uint16_t from = (uint16_t)(1 + pick(6)), to = (uint16_t)(from + pick(3));

			if (!pick(6))
				to = (uint16_t)(from + 40000);
			cr_assert(array_push(&match->ports, (struct port_range){from, to}));
		}
	}
	for (uint32_t n = pick(3) ? 0 : 1 + pick(3); n; n--)
		cr_assert(array_push(
			&match->interfaces,
			strdup(all_names[pick(sizeof(all_names) / sizeof(*all_names))])));
}

static struct policy *random_policy(void)
{
	static const uint8_t families[] = {NFPROTO_INET, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6};
	struct policy *policy = calloc(1, sizeof(*policy));

	cr_assert_not_null(policy);
	policy->family = families[pick(4)];
	policy->table = strdup("untrack");
	policy->file = strdup("random");
	for (uint32_t i = 0, n = 1 + pick(6); i < n; i++) {
		struct policy_service service = {.role = pick(4), .origin.path = strdup("/")};

		cr_assert_gt(asprintf(&service.name, "s%u", i), 0);
		random_match(&service.match, false);
		cr_assert(array_push(&policy->services, service));
	}
	for (uint32_t n = pick(2) ? 0 : 1 + pick(3); n; n--) {
		struct policy_keep keep = {.origin.path = strdup("/")};

		random_match(&keep.match, true);
		cr_assert(array_push(&policy->keep_tracked, keep));
	}
	return policy;
}

static struct packet random_packet(void)
{
	uint32_t interface = pick(4);
	struct packet packet = {
		.family = pick(2) ? INET_V4 : INET_V6,
		.protocol = all_protocols[pick(4)],
		.source_port = (uint16_t)(pick(8) ? pick(10) : 30000),
		.destination_port = (uint16_t)(pick(8) ? pick(10) : 30000),
		.interface = all_interfaces[interface],
		.interface_index = interface + 1,
	};
	struct inet_range base;

	cr_assert_eq(inet_parse(packet.family == INET_V4 ? "10.0.0.0" : "2001:db8::", &base),
		     INET_OK);
	packet.source = packet.destination = base.first;
	packet.source.byte[inet_length(packet.family) - 1] = (uint8_t)pick(8);
	packet.destination.byte[inet_length(packet.family) - 1] = (uint8_t)pick(8);
	if (!pick(10))
		packet.source.byte[0] = 192;
	return packet;
}

/* ------------------------------------------------------------------ what a policy says */

static bool in_list(const struct inet_list *list, const struct packet *packet,
		    const struct inet_address *address)
{
	for (size_t i = 0; i < inet_list_count(list); i++) {
		struct inet_range range = inet_list_at(list, i);

		if (range.family == packet->family &&
		    inet_compare(&range.first, address, packet->family) <= 0 &&
		    inet_compare(address, &range.last, packet->family) <= 0)
			return true;
	}
	return !inet_list_count(list);
}

static bool in_ports(const port_ranges *list, uint16_t port)
{
	array_for_each(range, list) {
		if (range->from <= port && port <= range->to)
			return true;
	}
	return !list->n;
}

static bool in_names(const texts *list, const char *name)
{
	array_for_each(one, list) {
		size_t len = strlen(*one);

		if ((*one)[len - 1] == '*' ? !strncmp(*one, name, len - 1) : !strcmp(*one, name))
			return true;
	}
	return !list->n;
}

static bool in_protocols(const struct policy_match *match, uint8_t protocol)
{
	array_for_each(one, &match->protocols) {
		if (*one == protocol)
			return true;
	}
	return !match->protocols.n;
}

/* To addresses:ports from peers, or from addresses:ports to peers. */
static bool ends_match(const struct policy_match *match, const struct packet *packet, bool from,
		       bool peers_serve)
{
	const struct inet_list *near = peers_serve ? &match->peers : &match->addresses;
	const struct inet_list *far = peers_serve ? &match->addresses : &match->peers;

	return in_protocols(match, packet->protocol) &&
	       in_list(near, packet, from ? &packet->source : &packet->destination) &&
	       in_list(far, packet, from ? &packet->destination : &packet->source) &&
	       in_ports(&match->ports, from ? packet->source_port : packet->destination_port);
}

static bool service_takes(const struct policy_service *service, const struct packet *packet,
			  bool output)
{
	switch (service->role) {
	case ROLE_SERVER:
		return ends_match(&service->match, packet, output, false);
	case ROLE_CLIENT:
		return ends_match(&service->match, packet, !output, true);
	case ROLE_FORWARD:
		return !output && (ends_match(&service->match, packet, false, false) ||
				   ends_match(&service->match, packet, true, false));
	case ROLE_PEER:
		return ends_match(&service->match, packet, false, output);
	}
	return false;
}

static bool is_kept(const struct policy *policy, const struct packet *packet)
{
	array_for_each(keep, &policy->keep_tracked) {
		const struct policy_match *match = &keep->match;
		bool forth = in_list(&match->addresses, packet, &packet->destination) &&
			     in_list(&match->peers, packet, &packet->source);
		bool back = in_list(&match->addresses, packet, &packet->source) &&
			    in_list(&match->peers, packet, &packet->destination);

		if (in_names(&match->interfaces, packet->interface) &&
		    in_protocols(match, packet->protocol) && (forth || back) &&
		    (in_ports(&match->ports, packet->source_port) ||
		     in_ports(&match->ports, packet->destination_port)))
			return true;
	}
	return false;
}

static bool is_taken(const struct policy *policy, const struct packet *packet, bool output)
{
	bool loopback = !strcmp(packet->interface, "lo");

	if ((policy->family == NFPROTO_IPV4 && packet->family != INET_V4) ||
	    (policy->family == NFPROTO_IPV6 && packet->family != INET_V6) ||
	    is_kept(policy, packet))
		return false;
	array_for_each(service, &policy->services) {
		if (in_names(&service->match.interfaces, packet->interface) &&
		    (service_takes(service, packet, output) ||
		     (loopback && output && service_takes(service, packet, false))))
			return true;
	}
	return false;
}

static void check_packet(const struct policy *policy, const struct table *table, bool output,
			 uint32_t start)
{
	struct packet packet = random_packet();
	enum packet_answer answer, expected;

	if ((policy->family == NFPROTO_IPV4) != (packet.family == INET_V4) &&
	    policy->family != NFPROTO_INET)
		return; /* never gets to the table */
	expected = is_taken(policy, &packet, output) ? PACKET_UNTRACKED : PACKET_TRACKED;
	answer = packet_evaluate(table, output ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING, &packet);
	cr_assert_eq(answer, expected, "policy of seed %u: %d instead of %d; output %d %s proto %u",
		     start, (int)answer, (int)expected, output, packet.interface, packet.protocol);
	packet.interface = NULL;
	packet.interface_index = 0; /* then it may be unknown, but never the opposite */
	answer = packet_evaluate(table, output ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING, &packet);
	cr_assert(answer == expected || answer == PACKET_UNKNOWN);
}

Test(packet, a_compiled_policy_takes_what_its_words_say)
{
	for (seed = 1; seed < 40000; seed += 67) {
		autoclean(table_free_p) struct table *table = NULL;
		autoerror err = ERROR_INIT;
		uint32_t start = seed;
		struct policy *policy = random_policy();

		table = compile_table(policy, NULL, &err);
		cr_assert_not_null(table, "%s", err.message);
		for (int i = 0; i < 300; i++)
			check_packet(policy, table, i % 2, start);
		policy_free(policy);
		seed = start;
	}
}

/* ------------------------------------------------------------------ chains made by hand */

static enum read_depth whole(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_ALL;
}

static struct ruleset *load(const char *rules)
{
	autonetns ns = NETNS_OWN;
	autobuf text = {0};
	autoerror err = ERROR_INIT;
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	struct ruleset *ruleset;

	buf_printf(&text, "table inet t {\n%s\n}\n", rules);
	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	cr_assert(nft_run(&ns, buf_text(&text), 0, NULL, &err), "%s", err.message);
	kernel = kernel_open(&ns, &err);
	cr_assert_not_null(kernel, "%s", err.message);
	ruleset = kernel_read(kernel, whole, NULL, &err);
	cr_assert_not_null(ruleset, "%s", err.message);
	return ruleset;
}

/* tcp 10.0.0.1:40000 > 10.0.0.2:80 on eth0, in prerouting */
static void says(const char *rules, enum packet_answer expected)
{
	struct packet packet = {.family = INET_V4,
				.protocol = IPPROTO_TCP,
				.source_port = 40000,
				.destination_port = 80,
				.interface = "eth0",
				.interface_index = 2,
				.source.byte = {10, 0, 0, 1},
				.destination.byte = {10, 0, 0, 2}};
	autoclean(ruleset_free_p) struct ruleset *ruleset = load(rules);

	cr_expect_eq(packet_evaluate(ruleset->tables.v[0], NF_INET_PRE_ROUTING, &packet), expected,
		     "%s", rules);
}

static void rule_says(const char *rule, enum packet_answer expected)
{
	autobuf text = {0};

	buf_printf(&text, "chain a { type filter hook prerouting priority raw;\n%s notrack\n}\n",
		   rule);
	says(buf_text(&text), expected);
}

Test(packet, conditions)
{
	rule_says("", PACKET_UNTRACKED);
	rule_says("tcp dport 80", PACKET_UNTRACKED);
	rule_says("tcp dport 81", PACKET_TRACKED);
	rule_says("udp dport 80", PACKET_TRACKED);
	rule_says("tcp dport != 80", PACKET_TRACKED);
	rule_says("tcp dport 80-90", PACKET_UNTRACKED);
	rule_says("tcp dport != 70-79", PACKET_UNTRACKED);
	rule_says("tcp dport < 80", PACKET_TRACKED);
	rule_says("tcp dport >= 80", PACKET_UNTRACKED);
	rule_says("ip saddr 10.0.0.0/8", PACKET_UNTRACKED);
	rule_says("ip saddr 10.0.0.0/31 ip daddr 10.0.0.0/31", PACKET_TRACKED);
	rule_says("ip saddr & 0.0.0.3 == 0.0.0.1", PACKET_UNTRACKED);
	rule_says("ip6 saddr ::/1", PACKET_TRACKED);
	rule_says("iifname \"eth*\"", PACKET_UNTRACKED);
	rule_says("iif \"lo\"", PACKET_TRACKED);
	rule_says("iif != \"lo\"", PACKET_UNTRACKED);
	rule_says("oif != \"lo\"", PACKET_UNTRACKED);
	rule_says("iifname { \"wg0\", \"e*\" }", PACKET_UNTRACKED);
	rule_says("oifname \"eth0\"", PACKET_TRACKED);
	rule_says("tcp dport { 22, 80, 443 }", PACKET_UNTRACKED);
	rule_says("tcp dport != { 22, 80, 443 }", PACKET_TRACKED);
	rule_says("tcp dport { 22, 70-79, 81-90 }", PACKET_TRACKED);
	rule_says("ip saddr . tcp dport { 10.0.0.0/30 . 80-81 }", PACKET_UNTRACKED);
	rule_says("ip saddr . tcp dport { 10.0.0.0/30 . 81-82 }", PACKET_TRACKED);
	rule_says("counter log", PACKET_UNTRACKED);
	rule_says("meta protocol ip", PACKET_UNTRACKED);
	rule_says("icmp type echo-request", PACKET_TRACKED);
}

Test(packet, what_it_does_not_tell_is_unknown)
{
	rule_says("meta mark 7", PACKET_UNKNOWN);
	rule_says("meta mark 7 tcp dport 81", PACKET_TRACKED);
	rule_says("tcp flags syn", PACKET_UNKNOWN);
	rule_says("ip ttl 64", PACKET_UNKNOWN);
	rule_says("ct state new", PACKET_UNKNOWN);
	rule_says("limit rate 5/second", PACKET_UNKNOWN);
	rule_says("ct zone set 1", PACKET_UNKNOWN);
	rule_says("meta mark { 1, 2 }", PACKET_UNKNOWN);
}

Test(packet, paths)
{
	const char *head = "chain a { type filter hook prerouting priority raw;\n";
	static const struct {
		const char *before;
		const char *rules;
		enum packet_answer answer;
	} cases[] = {
		{"", "accept\nnotrack", PACKET_TRACKED},
		{"", "tcp dport 81 accept\nnotrack", PACKET_UNTRACKED},
		{"", "meta mark 1 accept\nnotrack", PACKET_UNKNOWN},
		{"", "notrack accept\nmeta mark 1 notrack", PACKET_UNTRACKED},
		{"", "meta mark 1 notrack\nnotrack", PACKET_UNTRACKED},
		{"", "drop\nnotrack", PACKET_TRACKED},
		{"chain r { return; }\n", "jump r\nnotrack", PACKET_UNTRACKED},
		{"chain r { return; }\n", "goto r\nnotrack", PACKET_TRACKED},
		{"chain r { tcp dport 80 notrack accept; }\n", "jump r\ndrop", PACKET_UNTRACKED},
		{"chain r { meta mark 1 accept; }\n", "jump r\nnotrack", PACKET_UNKNOWN},
		{"map m { type inet_service : verdict; elements = { 80 : accept }; }\n",
		 "tcp dport vmap @m\nnotrack", PACKET_TRACKED},
		{"map m { type inet_service : verdict; elements = { 81 : accept }; }\n",
		 "tcp dport vmap @m\nnotrack", PACKET_UNTRACKED},
		{"chain r { notrack; }\n", "tcp dport vmap { 80 : jump r }\nmeta mark 1 accept",
		 PACKET_UNTRACKED},
		{"set s { type ipv4_addr; flags dynamic, timeout; timeout 1m; }\n",
		 "ip saddr @s notrack", PACKET_UNKNOWN},
		{"counter c { }\nmap m { type inet_service : counter; elements = { 80 : \"c\" }; "
		 "}\n",
		 "counter name tcp dport map @m notrack", PACKET_UNTRACKED},
		{"quota q { over 1 mbytes }\nmap m { type inet_service : quota; elements = { 80 : "
		 "\"q\" }; }\n",
		 "quota name tcp dport map @m notrack", PACKET_UNKNOWN},
		{"chain late { type filter hook prerouting priority -150; notrack; }\n", "counter",
		 PACKET_TRACKED},
		{"chain early { type filter hook prerouting priority -310; notrack; accept; }\n",
		 "accept", PACKET_UNTRACKED},
		{"chain early { type filter hook prerouting priority -310; policy drop; }\n",
		 "notrack", PACKET_TRACKED},
		{"set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/31, 10.0.0.4 }; "
		 "}\n",
		 "ip saddr @s ip daddr != @s notrack", PACKET_UNTRACKED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autobuf text = {0};

		buf_printf(&text, "%s%s%s\n}\n", cases[i].before, head, cases[i].rules);
		says(buf_text(&text), cases[i].answer);
	}
}
