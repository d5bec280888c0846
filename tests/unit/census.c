/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/census.h"
#include "view/top.h"
#include "view/words.h"

#include <criterion/criterion.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct inet_range range_of(const char *text)
{
	struct inet_range range;

	cr_assert_eq(inet_parse(text, &range), INET_OK);
	return range;
}

static struct flow_entry entry_of(uint8_t protocol, const char *source, uint16_t source_port,
				  const char *destination, uint16_t destination_port,
				  uint32_t status)
{
	struct flow_entry entry = {.protocol = protocol, .status = status};

	entry.family = range_of(source).family;
	entry.original.source = entry.reply.destination = range_of(source).first;
	entry.original.destination = entry.reply.source = range_of(destination).first;
	entry.original.source_port = entry.reply.destination_port = source_port;
	entry.original.destination_port = entry.reply.source_port = destination_port;
	return entry;
}

static inet_ranges here(void)
{
	inet_ranges ranges = {0};

	cr_assert(array_push(&ranges, range_of("2001:db8::10")));
	cr_assert(array_push(&ranges, range_of("127.0.0.0/8")));
	cr_assert(array_push(&ranges, range_of("192.0.2.10")));
	cr_assert(array_push(&ranges, range_of("192.0.2.11")));
	ranges.n = inet_merge(ranges.v, ranges.n);
	return ranges;
}

static void sides_are(struct flow_entry entry, enum policy_role role, uint16_t port,
		      const char *address, const char *peer)
{
	inet_ranges locals = here();
	struct flow_sides sides = flow_sides(&entry, &locals, 32768);
	char room[INET_TEXT_MAX];

	cr_expect_eq(sides.role, role);
	cr_expect_eq(sides.port, port);
	cr_expect_str_eq(view_address(entry.family, sides.address, room), address);
	cr_expect_str_eq(view_address(entry.family, sides.peer, room), peer);
	array_free(&locals);
}

Test(flow_sides, tell_who_serves)
{
	sides_are(entry_of(IPPROTO_TCP, "198.51.100.7", 40000, "192.0.2.10", 80, IPS_SEEN_REPLY),
		  ROLE_SERVER, 80, "192.0.2.10", "198.51.100.7");
	sides_are(entry_of(IPPROTO_TCP, "192.0.2.11", 40000, "198.51.100.7", 443, IPS_SEEN_REPLY),
		  ROLE_CLIENT, 443, "192.0.2.11", "198.51.100.7");
	sides_are(entry_of(IPPROTO_UDP, "198.51.100.7", 40000, "203.0.113.1", 53, IPS_SEEN_REPLY),
		  ROLE_FORWARD, 53, "203.0.113.1", "198.51.100.7");
	sides_are(entry_of(IPPROTO_TCP, "127.0.0.1", 40000, "127.0.0.1", 6379, IPS_SEEN_REPLY),
		  ROLE_SERVER, 6379, "127.0.0.1", "127.0.0.1");
	sides_are(entry_of(IPPROTO_UDP, "2001:db8::7", 40000, "2001:db8::10", 53, 0), ROLE_SERVER,
		  53, "2001:db8::10", "2001:db8::7");
	sides_are(entry_of(IPPROTO_ICMP, "198.51.100.7", 0, "192.0.2.10", 0, 0), ROLE_SERVER, 0,
		  "192.0.2.10", "198.51.100.7");
}

Test(flow_sides, see_through_replies_that_look_like_requests)
{
	sides_are(entry_of(IPPROTO_UDP, "192.0.2.10", 5353, "198.51.100.7", 40000, 0), ROLE_SERVER,
		  5353, "192.0.2.10", "198.51.100.7");
	sides_are(entry_of(IPPROTO_UDP, "198.51.100.7", 53, "192.0.2.10", 40000, 0), ROLE_CLIENT,
		  53, "192.0.2.10", "198.51.100.7");
	sides_are(entry_of(IPPROTO_UDP, "198.51.100.7", 53, "203.0.113.1", 40000, 0), ROLE_FORWARD,
		  53, "198.51.100.7", "203.0.113.1");
	/* Both sides spoke: the first packet was the client's. */
	sides_are(entry_of(IPPROTO_UDP, "192.0.2.10", 5353, "198.51.100.7", 40000, IPS_SEEN_REPLY),
		  ROLE_CLIENT, 40000, "192.0.2.10", "198.51.100.7");
	/* A client from an ordinary port to a service on a high one. */
	sides_are(entry_of(IPPROTO_UDP, "198.51.100.7", 1024, "192.0.2.10", 51820, 0), ROLE_SERVER,
		  51820, "192.0.2.10", "198.51.100.7");
	sides_are(entry_of(IPPROTO_UDP, "192.0.2.10", 51820, "198.51.100.7", 51820, 0), ROLE_CLIENT,
		  51820, "192.0.2.10", "198.51.100.7");
}

Test(flow_sides, multicast_is_at_home_where_it_is_received)
{
	sides_are(entry_of(IPPROTO_UDP, "198.51.100.7", 5353, "224.0.0.251", 5353, 0), ROLE_SERVER,
		  5353, "224.0.0.251", "198.51.100.7");
	sides_are(entry_of(IPPROTO_UDP, "192.0.2.10", 5353, "224.0.0.251", 5353, 0), ROLE_CLIENT,
		  5353, "192.0.2.10", "224.0.0.251");
}

static struct census *census_of(unsigned by)
{
	inet_ranges locals = here();
	struct census *census = census_new(by, &locals, 32768, NULL);

	cr_assert(census);
	return census;
}

Test(census, counts_by_group_and_bond)
{
	struct census *census = census_of(CENSUS_DEFAULT);
	struct flow_entry entry;
	const struct census_group *web;

	for (unsigned i = 0; i < 10; i++) {
		entry = entry_of(IPPROTO_TCP, "198.51.100.7", (uint16_t)(40000 + i), "192.0.2.10",
				 80, i < 3 ? 0 : IPS_SEEN_REPLY);
		entry.tcp_state = i < 3 ? TCP_CONNTRACK_SYN_SENT : TCP_CONNTRACK_TIME_WAIT;
		if (i == 5)
			entry.status |= IPS_DST_NAT;
		if (i >= 5 && i < 7)
			entry.zone = 3;
		entry.bytes[0] = 100;
		entry.bytes[1] = 1;
		cr_assert(census_count(census, &entry));
	}
	entry = entry_of(IPPROTO_TCP, "198.51.100.7", 50000, "192.0.2.11", 80, IPS_SEEN_REPLY);
	entry.helper = entry.expected = true;
	cr_assert(census_count(census, &entry));
	census_sort(census);
	cr_assert_eq(census->entries, 11);
	cr_assert_eq(census->groups.n, 2);
	web = &census->groups.v[0];
	cr_expect_eq(web->entries, 10);
	cr_expect_eq(web->one_way, 3);
	cr_expect_eq(web->bound, 2);
	cr_expect_eq(web->bonds[0], 1);
	cr_expect_eq(web->bonds[3], 2);
	cr_expect_eq(web->bytes, 1010);
	cr_expect_eq(census_group_state(web), TCP_CONNTRACK_TIME_WAIT);
	cr_expect_eq(census->groups.v[1].bonds[1], 1);
	cr_expect_eq(census->groups.v[1].bonds[2], 1);
	cr_expect_eq(census->groups.v[1].bound, 1);
	cr_expect_eq(census->all.bound, 3);
	census_free(census);
}

Test(census, keeps_many_groups_apart)
{
	struct census *census = census_of(CENSUS_PROTOCOL | CENSUS_PEER);
	struct flow_entry entry = entry_of(IPPROTO_TCP, "10.0.0.0", 40000, "192.0.2.10", 80, 0);

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 70000; i++) {
			entry.original.source.byte[1] = (uint8_t)(i >> 16);
			entry.original.source.byte[2] = (uint8_t)(i >> 8);
			entry.original.source.byte[3] = (uint8_t)i;
			entry.original.source_port = (uint16_t)i;
			cr_assert(census_count(census, &entry));
		}
	cr_assert_eq(census->groups.n, 70000);
	for (unsigned i = 0; i < 70000; i++)
		cr_assert_eq(census->groups.v[i].entries, 2);
	census_free(census);
}

Test(census, reads_what_to_count_by)
{
	struct untrack_error err = ERROR_INIT;
	unsigned by;

	cr_assert(census_parse_by("port", &by, NULL));
	cr_assert_eq(by, CENSUS_PROTOCOL | CENSUS_PORT);
	cr_assert(census_parse_by("state,peer", &by, NULL));
	cr_assert_eq(by, CENSUS_STATE | CENSUS_PEER);
	cr_assert_not(census_parse_by("port,", &by, NULL));
	cr_assert_not(census_parse_by("ports", &by, &err));
	cr_assert_str_eq(err.message,
			 "cannot count by 'ports'; expected protocol, port, address, peer, "
			 "state, zone or role, several with commas; did you mean 'port'?");
	error_clear(&err);
}

Test(top, prints_groups_in_columns)
{
	struct census *census = census_of(CENSUS_DEFAULT);
	struct flow_entry entry;
	char *text;

	for (unsigned i = 0; i < 1200; i++) {
		entry = entry_of(IPPROTO_TCP, "198.51.100.7", (uint16_t)(40000 + i), "192.0.2.10",
				 80, IPS_SEEN_REPLY);
		entry.tcp_state = i < 1000 ? TCP_CONNTRACK_TIME_WAIT : TCP_CONNTRACK_ESTABLISHED;
		if (i < 212)
			entry.status |= IPS_SRC_NAT;
		cr_assert(census_count(census, &entry));
	}
	entry = entry_of(IPPROTO_ICMPV6, "2001:db8::7", 0, "2001:db8::10", 0, 0);
	cr_assert(census_count(census, &entry));
	census_sort(census);
	text = view_top_text(census, 0);
	cr_expect_str_eq(
		text,
		"1 201 entries in 2 groups, 1 one-way, 212 cannot be untracked\n"
		"\n"
		"entries   share  one-way  protocol  port  address       state           "
		"cannot be untracked\n"
		"  1 200  99.9 %           tcp         80  192.0.2.10    TIME_WAIT 83 %  212 nat\n"
		"      1   0.1 %        1  icmpv6          2001:db8::10  UNREPLIED\n");
	free(text);
	text = view_top_text(census, 1);
	cr_expect(strstr(text, "… and 1 more with 1 entries (0.1 %)\n"));
	free(text);
	text = view_top_json(census, 1);
	cr_expect_str_eq(
		text,
		"{\"entries\": 1201, \"one_way\": 1, \"untrackable\": {\"nat\": 212, \"helper\": "
		"0, "
		"\"expected\": 0, \"zone\": 0, \"offloaded\": 0}, \"untrackable_entries\": 212, "
		"\"bytes\": 0, \"packets\": 0, \"states\": {\"ESTABLISHED\": 200, \"TIME_WAIT\": "
		"1000, "
		"\"UNREPLIED\": 1}, \"group_count\": 2, \"groups\": [{\"protocol\": \"tcp\", "
		"\"port\": "
		"80, \"address\": \"192.0.2.10\", \"state\": \"TIME_WAIT\", \"entries\": 1200, "
		"\"one_way\": 0, \"percent\": 99.9167, \"untrackable\": {\"nat\": 212, \"helper\": "
		"0, "
		"\"expected\": 0, \"zone\": 0, \"offloaded\": 0}, \"untrackable_entries\": 212, "
		"\"bytes\": 0, \"packets\": 0, \"states\": {\"ESTABLISHED\": 200, \"TIME_WAIT\": "
		"1000}}]}");
	free(text);
	census_free(census);
}
