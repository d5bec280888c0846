/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack.h"
#include "kernel/sysctl.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#define ACCT "net.netfilter.nf_conntrack_acct"

static struct untrack_error err;

/* A namespace in which everything on lo is tracked and counted. */
static void set_up(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	cr_assert_eq(
		system("ip link set lo up && nft 'table inet t { chain o { "
		       "type filter hook output priority -300; udp dport 7 ct zone set 9; }; "
		       "chain i { type filter hook input priority 0; ct state new accept; }; }'"),
		0);
	cr_assert(sysctl_write(ACCT, 1, &err), "%s", err.message);
}

static void tear_down(void)
{
	error_clear(&err);
}

static void send_udp(int family, const char *to, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	autoclose int fd = socket(family, SOCK_DGRAM, 0);

	cr_assert_eq(inet_pton(family, to,
			       family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr),
		     1);
	cr_assert_eq(sendto(fd, "x", 1, 0,
			    family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			    family == AF_INET ? sizeof(v4) : sizeof(v6)),
		     1);
}

struct collected {
	struct flow_entry entry[16];
	int n;
	int stop_after; /* 0: never */
};

static bool collect(void *arg, const struct flow_entry *entry)
{
	struct collected *collected = arg;

	cr_assert_lt(collected->n, 16);
	collected->entry[collected->n++] = *entry;
	return collected->n != collected->stop_after;
}

static struct collected read_all(int stop_after)
{
	struct collected collected = {.stop_after = stop_after};

	cr_assert(conntrack_each(collect, &collected, &err), "%s", err.message);
	return collected;
}

static const struct flow_entry *find_port(const struct collected *collected, uint8_t protocol,
					  uint16_t port)
{
	for (int i = 0; i < collected->n; i++)
		if (collected->entry[i].protocol == protocol &&
		    collected->entry[i].original.destination_port == port)
			return &collected->entry[i];
	cr_assert(false, "no entry for port %d", port);
	return NULL;
}

static void assert_address(const struct inet_address *address, enum inet_family family,
			   const char *expected)
{
	struct inet_range range = {family, *address, *address};
	char text[INET_TEXT_MAX];

	cr_assert_str_eq(inet_format(&range, text), expected);
}

Test(conntrack, reads_entries, .init = set_up, .fini = tear_down)
{
	struct collected all;
	const struct flow_entry *entry;

	send_udp(AF_INET, "127.0.0.1", 4000);
	send_udp(AF_INET6, "::1", 4001);
	send_udp(AF_INET, "127.0.0.2", 7);
	all = read_all(0);
	entry = find_port(&all, IPPROTO_UDP, 4000);
	cr_assert_eq(entry->family, INET_V4);
	assert_address(&entry->original.source, INET_V4, "127.0.0.1");
	assert_address(&entry->reply.source, INET_V4, "127.0.0.1");
	cr_assert_eq(entry->reply.source_port, 4000);
	cr_assert_eq(entry->reply.destination_port, entry->original.source_port);
	cr_assert_eq(entry->packets[0], 1);
	cr_assert_eq(entry->bytes[0], 29);
	cr_assert_eq(entry->packets[1], 0);
	cr_assert_not(entry->helper);
	cr_assert_not(entry->expected);
	cr_assert_not(entry->status & IPS_SEEN_REPLY);
	cr_assert_eq(entry->zone, 0);
	entry = find_port(&all, IPPROTO_UDP, 4001);
	cr_assert_eq(entry->family, INET_V6);
	assert_address(&entry->original.destination, INET_V6, "::1");
	cr_assert_eq(find_port(&all, IPPROTO_UDP, 7)->zone, 9);
	assert_address(&find_port(&all, IPPROTO_UDP, 7)->original.destination, INET_V4,
		       "127.0.0.2");
	cr_assert_eq(read_all(1).n, 1);
}

Test(conntrack, reads_tcp_states, .init = set_up, .fini = tear_down)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(5000),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	autoclose int server = socket(AF_INET, SOCK_STREAM, 0);
	autoclose int client = socket(AF_INET, SOCK_STREAM, 0);
	struct collected all;

	cr_assert_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(server, 1), 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	all = read_all(0);
	cr_assert_eq(find_port(&all, IPPROTO_TCP, 5000)->tcp_state, TCP_CONNTRACK_ESTABLISHED);
	cr_assert(find_port(&all, IPPROTO_TCP, 5000)->status & IPS_ASSURED);
}

Test(conntrack, reads_icmp, .init = set_up, .fini = tear_down)
{
	static const uint8_t echo_request[] = {8, 0, 0xf7, 0xff, 0, 0, 0, 0};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	autoclose int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct collected all;

	cr_assert_eq(sendto(fd, echo_request, sizeof(echo_request), 0, (struct sockaddr *)&address,
			    sizeof(address)),
		     sizeof(echo_request));
	all = read_all(0);
	cr_assert_eq(all.n, 1);
	cr_assert_eq(all.entry[0].protocol, IPPROTO_ICMP);
	cr_assert_eq(all.entry[0].original.icmp_type, 8);
	cr_assert_eq(all.entry[0].reply.icmp_type, 0);
	cr_assert_eq(all.entry[0].original.destination_port, 0);
}

static bool is_port(void *arg, const struct flow_entry *entry)
{
	uint16_t *from_to = arg;

	return entry->original.destination_port >= from_to[0] &&
	       entry->original.destination_port <= from_to[1];
}

Test(conntrack, deletes_exactly, .init = set_up, .fini = tear_down)
{
	uint16_t range[] = {2001, 2600}, zoned[] = {7, 7}, none[] = {1, 6};
	struct conntrack_status status;
	uint64_t deleted = 77;
	struct collected left;

	for (uint16_t port = 2000; port <= 2601; port++)
		send_udp(AF_INET, "127.0.0.1", port);
	send_udp(AF_INET6, "::1", 2001);
	send_udp(AF_INET, "127.0.0.1", 7);
	cr_assert(conntrack_status(&status, &err), "%s", err.message);
	cr_assert_eq(status.count, 604);
	cr_assert_gt(status.max, 0);
	cr_assert_gt(status.buckets, 0);
	cr_assert(conntrack_delete_if(is_port, range, &deleted, &err), "%s", err.message);
	cr_assert_eq(deleted, 601);
	cr_assert(conntrack_delete_if(is_port, zoned, &deleted, &err), "%s", err.message);
	cr_assert_eq(deleted, 1);
	cr_assert(conntrack_delete_if(is_port, none, &deleted, &err), "%s", err.message);
	cr_assert_eq(deleted, 0);
	left = read_all(0);
	cr_assert_eq(left.n, 2);
	find_port(&left, IPPROTO_UDP, 2000);
	find_port(&left, IPPROTO_UDP, 2601);
}
