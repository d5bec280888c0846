/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/flow_sides.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define PRIVILEGED_PORTS 1024

bool inet_ranges_contain(const inet_ranges *ranges, enum inet_family family,
			 const struct inet_address *address)
{
	size_t from = 0, to = ranges->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const struct inet_range *range = &ranges->v[middle];

		if (range->family > family ||
		    (range->family == family && inet_compare(&range->first, address, family) > 0))
			to = middle;
		else if (range->family < family || inet_compare(&range->last, address, family) < 0)
			from = middle + 1;
		else
			return true;
	}
	return false;
}

/* Multicast and the limited broadcast: whoever receives them is at home there. */
static bool is_group(enum inet_family family, const struct inet_address *address)
{
	if (family == INET_V6)
		return address->byte[0] == 0xff;
	return (address->byte[0] & 0xf0) == 0xe0 ||
	       memcmp(address->byte, "\xff\xff\xff\xff", 4) == 0;
}

static bool is_reply(const struct flow_entry *entry, bool from_here, uint16_t ephemeral_from)
{
	uint16_t source = entry->original.source_port;
	uint16_t lowest = from_here ? ephemeral_from : PRIVILEGED_PORTS;

	return !(entry->status & IPS_SEEN_REPLY) && source && source < lowest &&
	       entry->original.destination_port >= ephemeral_from;
}

struct flow_sides flow_sides(const struct flow_entry *entry, const inet_ranges *locals,
			     uint16_t ephemeral_from)
{
	const struct flow_tuple *tuple = &entry->original;
	bool from_here = inet_ranges_contain(locals, entry->family, &tuple->source);
	bool to_here = inet_ranges_contain(locals, entry->family, &tuple->destination) ||
		       (!from_here && is_group(entry->family, &tuple->destination));
	bool reversed = is_reply(entry, from_here, ephemeral_from);
	const struct inet_address *serves = reversed ? &tuple->source : &tuple->destination;
	const struct inet_address *asks = reversed ? &tuple->destination : &tuple->source;
	bool serves_here = reversed ? from_here : to_here;
	bool asks_here = reversed ? to_here : from_here;
	enum policy_role role = serves_here ? ROLE_SERVER : asks_here ? ROLE_CLIENT : ROLE_FORWARD;

	return (struct flow_sides){
		.role = role,
		.port = reversed ? tuple->source_port : tuple->destination_port,
		.address = role == ROLE_CLIENT ? asks : serves,
		.peer = role == ROLE_CLIENT ? serves : asks,
		.reversed = reversed,
	};
}

unsigned flow_bonds(const struct flow_entry *entry)
{
	unsigned bonds = 0;

	if (entry->status & IPS_NAT_MASK)
		bonds |= BOND_NAT;
	if (entry->helper)
		bonds |= BOND_HELPER;
	if (entry->expected)
		bonds |= BOND_EXPECTED;
	if (entry->zone)
		bonds |= BOND_ZONE;
	if (entry->status & (IPS_OFFLOAD | IPS_HW_OFFLOAD))
		bonds |= BOND_OFFLOADED;
	return bonds;
}

const char *bond_name(unsigned index)
{
	static const char *const names[BOND_KINDS] = {"nat", "helper", "expected", "zone",
						      "offloaded"};

	return names[index];
}

unsigned flow_state(const struct flow_entry *entry)
{
	if (entry->protocol == IPPROTO_TCP && entry->tcp_state < TCP_CONNTRACK_MAX)
		return entry->tcp_state;
	if (!(entry->status & IPS_SEEN_REPLY))
		return FLOW_STATE_UNREPLIED;
	return entry->status & IPS_ASSURED ? FLOW_STATE_ASSURED : FLOW_STATE_REPLIED;
}

const char *flow_state_name(unsigned state)
{
	static const char *const names[FLOW_STATES] = {
		[TCP_CONNTRACK_NONE] = "NONE",	       [TCP_CONNTRACK_SYN_SENT] = "SYN_SENT",
		[TCP_CONNTRACK_SYN_RECV] = "SYN_RECV", [TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED",
		[TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT", [TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_CONNTRACK_LAST_ACK] = "LAST_ACK", [TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT",
		[TCP_CONNTRACK_CLOSE] = "CLOSE",       [TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2",
		[FLOW_STATE_UNREPLIED] = "UNREPLIED",  [FLOW_STATE_REPLIED] = "REPLIED",
		[FLOW_STATE_ASSURED] = "ASSURED",
	};

	return state < FLOW_STATES ? names[state] : "?";
}

const char *protocol_text(uint8_t protocol, char room[4])
{
	switch (protocol) {
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case 33:
		return "dccp";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_UDPLITE:
		return "udplite";
	default:
		snprintf(room, 4, "%u", (unsigned)protocol);
		return room;
	}
}
