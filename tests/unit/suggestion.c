/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/suggestion.h"
#include "view/suggestion.h"

#include <criterion/criterion.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct inet_range range_of(const char *text)
{
	struct inet_range range;

	cr_assert_eq(inet_parse(text, &range), INET_OK);
	return range;
}

static struct census *census_here(void)
{
	inet_ranges locals = {0};
	struct census *census;

	cr_assert(array_push(&locals, range_of("192.0.2.10")));
	cr_assert(array_push(&locals, range_of("192.0.2.11")));
	locals.n = inet_merge(locals.v, locals.n);
	census = census_new(SUGGESTION_BY, &locals, 32768, NULL);
	cr_assert(census);
	return census;
}

/* `count` entries, from as many ports. */
static void count(struct census *census, unsigned count, uint8_t protocol, const char *source,
		  const char *destination, uint16_t port, uint32_t status)
{
	struct flow_entry entry = {.protocol = protocol, .status = status | IPS_SEEN_REPLY};

	entry.family = range_of(source).family;
	entry.original.source = range_of(source).first;
	entry.original.destination = range_of(destination).first;
	entry.original.destination_port = port;
	for (unsigned i = 0; i < count; i++) {
		entry.original.source_port =
			protocol_has_ports(protocol) ? (uint16_t)(40000 + i) : 0;
		cr_assert(census_count(census, &entry));
	}
}

static struct suggestion *suggest(struct census *census, bool forwarding)
{
	static const uint16_t managed[] = {2222};
	struct suggestion_options options = {.cover = 100,
					     .max_services = 10,
					     .forwarding = forwarding,
					     .managed = managed,
					     .managed_n = 1};
	struct suggestion *suggestion = suggestion_make(census, &options, NULL);

	cr_assert(suggestion);
	census_free(census);
	return suggestion;
}

/* The policy's services, without the comment's tail. */
static void services_are(struct suggestion *suggestion, const char *expected)
{
	char *text = view_suggestion(suggestion, 0);

	cr_expect_str_eq(text, expected);
	free(text);
	suggestion_free(suggestion);
}

static void refused_is(const struct suggestion *suggestion, size_t index, const char *expected)
{
	char *text;

	cr_assert(index < suggestion->refused.n);
	text = view_refused_service(&suggestion->refused.v[index]);
	cr_expect_str_eq(text, expected);
	free(text);
}

Test(suggestion, names_what_is_safe_largest_first)
{
	struct census *census = census_here();

	count(census, 10, IPPROTO_UDP, "198.51.100.7", "192.0.2.10", 53, 0);
	count(census, 80, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8081, 0);
	count(census, 10, IPPROTO_TCP, "198.51.100.7", "192.0.2.11", 53, 0);
	services_are(
		suggest(census, false),
		"{\"untrack\": 1, \"services\": [{\"name\": \"tcp-8081\", \"role\": \"server\", "
		"\"protocol\": \"tcp\", \"ports\": [8081], \"comment\": \"frees 80 of 100 entries "
		"(80.0 %)\"}, {\"name\": \"dns\", \"role\": \"server\", \"protocol\": [\"tcp\", "
		"\"udp\"], \"ports\": [53], \"comment\": \"frees 20 of 100 entries (20.0 %)\"}]}");
}

Test(suggestion, lists_addresses_where_others_must_stay)
{
	struct census *census = census_here();
	struct suggestion *suggestion;

	count(census, 60, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8081, 0);
	count(census, 40, IPPROTO_TCP, "198.51.100.7", "192.0.2.11", 8081, IPS_DST_NAT);
	suggestion = suggest(census, false);
	cr_assert_eq(suggestion->refused.n, 1);
	refused_is(suggestion, 0,
		   "tcp 8081 (server, 40 entries) is left out: 40 nat of 40 entries at other "
		   "addresses of this service");
	services_are(
		suggestion,
		"{\"untrack\": 1, \"services\": [{\"name\": \"tcp-8081\", \"role\": \"server\", "
		"\"protocol\": \"tcp\", \"ports\": [8081], \"addresses\": [\"192.0.2.10\"], "
		"\"comment\": \"frees 60 of 100 entries (60.0 %)\"}]}");
}

Test(suggestion, lists_addresses_where_the_port_is_forwarded_too)
{
	struct census *census = census_here();
	struct suggestion *suggestion;

	count(census, 60, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8081, 0);
	count(census, 40, IPPROTO_TCP, "198.51.100.7", "203.0.113.1", 8081, 0);
	suggestion = suggest(census, false);
	cr_assert_eq(suggestion->services.n, 2);
	cr_expect_eq(suggestion->services.v[0].role, ROLE_SERVER);
	cr_expect_eq(suggestion->services.v[0].addresses.n, 1);
	cr_expect_eq(suggestion->services.v[1].role, ROLE_FORWARD);
	cr_expect_str_eq(suggestion->services.v[1].name, "tcp-8081-forward");
	suggestion_free(suggestion);
}

Test(suggestion, lists_addresses_on_a_router)
{
	struct census *census = census_here();
	struct suggestion *suggestion;

	count(census, 60, IPPROTO_TCP, "198.51.100.7", "192.0.2.11", 8081, 0);
	count(census, 60, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8081, 0);
	suggestion = suggest(census, true);
	services_are(
		suggestion,
		"{\"untrack\": 1, \"services\": [{\"name\": \"tcp-8081\", \"role\": \"server\", "
		"\"protocol\": \"tcp\", \"ports\": [8081], \"addresses\": [\"192.0.2.10\", "
		"\"192.0.2.11\"], \"comment\": \"frees 120 of 120 entries (100.0 %)\"}]}");
}

Test(suggestion, refuses_what_is_not_safe)
{
	struct census *census = census_here();
	struct suggestion *suggestion;

	count(census, 60, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 22, 0);
	count(census, 50, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 2222, 0);
	count(census, 40, IPPROTO_UDP, "198.51.100.7", "192.0.2.10", 5060, 0);
	count(census, 30, IPPROTO_ICMP, "198.51.100.7", "192.0.2.10", 0, 0);
	count(census, 20, IPPROTO_UDP, "192.0.2.10", "224.0.0.251", 5353, 0);
	count(census, 10, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8081, IPS_SRC_NAT);
	suggestion = suggest(census, false);
	cr_expect_eq(suggestion->services.n, 0);
	cr_expect_eq(suggestion->freed, 0);
	refused_is(suggestion, 0,
		   "tcp 22 (server, 60 entries) is left out: this host is managed by it");
	refused_is(suggestion, 1,
		   "tcp 2222 (server, 50 entries) is left out: this host is managed by it");
	refused_is(suggestion, 2,
		   "udp 5060 (server, 40 entries) is left out: the helper 'sip' has to read it for "
		   "connections that it announces");
	refused_is(suggestion, 3,
		   "icmp (server, 30 entries) is left out: ICMP entries end by themselves within "
		   "seconds");
	refused_is(suggestion, 4,
		   "udp 5353 (client, 20 entries) is left out: answers to multicast and broadcast "
		   "come from other addresses");
	refused_is(suggestion, 5,
		   "tcp 8081 (server, 10 entries) is left out: 10 nat of 10 entries");
	suggestion_free(suggestion);
}

Test(suggestion, refuses_lists_that_nobody_reads)
{
	struct census *census = census_here();
	struct suggestion *suggestion;
	char peer[32];

	for (unsigned i = 0; i < 65; i++) {
		snprintf(peer, sizeof(peer), "198.51.100.%u", i);
		count(census, 1, IPPROTO_TCP, "192.0.2.10", peer, 443, 0);
		if (i)
			count(census, 1, IPPROTO_TCP, "192.0.2.10", peer, 8443, 0);
	}
	suggestion = suggest(census, false);
	cr_assert_eq(suggestion->services.n, 1);
	cr_expect_eq(suggestion->services.v[0].port, 8443);
	cr_expect_eq(suggestion->services.v[0].addresses.n, 64);
	refused_is(suggestion, 0,
		   "tcp 443 (client, 65 entries) is left out: more than 64 peers would have to be "
		   "listed");
	suggestion_free(suggestion);
}

Test(suggestion, knows_tunnels)
{
	struct census *census = census_here();

	count(census, 30, IPPROTO_UDP, "198.51.100.7", "192.0.2.10", 4789, 0);
	count(census, 20, IPPROTO_UDP, "192.0.2.10", "198.51.100.7", 4789, 0);
	services_are(
		suggest(census, true),
		"{\"untrack\": 1, \"services\": [{\"name\": \"vxlan\", \"role\": \"peer\", "
		"\"protocol\": \"udp\", \"ports\": [4789], \"comment\": \"frees 50 of 50 entries "
		"(100.0 %)\"}]}");
}

Test(suggestion, names_protocols_without_ports)
{
	struct census *census = census_here();

	count(census, 30, IPPROTO_ESP, "198.51.100.7", "192.0.2.10", 0, 0);
	services_are(suggest(census, false),
		     "{\"untrack\": 1, \"services\": [{\"name\": \"esp\", \"role\": \"server\", "
		     "\"protocol\": \"esp\", \"comment\": \"frees 30 of 30 entries (100.0 %)\"}]}");
	census = census_here();
	count(census, 30, 253, "198.51.100.7", "192.0.2.10", 0, 0);
	services_are(suggest(census, false),
		     "{\"untrack\": 1, \"services\": [{\"name\": \"protocol-253\", \"role\": "
		     "\"server\", \"protocol\": 253, \"comment\": \"frees 30 of 30 entries (100.0 "
		     "%)\"}]}");
}

Test(suggestion, leaves_what_is_not_worth_it)
{
	struct census *census = census_here();
	struct suggestion *suggestion;

	count(census, 1000, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8081, 0);
	count(census, 9, IPPROTO_TCP, "198.51.100.7", "192.0.2.10", 8082, 0);
	suggestion = suggest(census, false);
	cr_expect_eq(suggestion->services.n, 1);
	cr_expect_eq(suggestion->refused.n, 0);
	cr_assert(suggestion_refuse(suggestion, 0, "the lint says so", NULL));
	cr_expect_eq(suggestion->services.n, 0);
	cr_expect_eq(suggestion->freed, 0);
	refused_is(suggestion, 0, "tcp 8081 (server, 1000 entries) is left out: the lint says so");
	suggestion_free(suggestion);
}
