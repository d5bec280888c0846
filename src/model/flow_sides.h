/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who serves whom in an entry of the connection table, and what keeps it from being untracked. */
#pragma once

#include "model/flow_entry.h"
#include "model/policy.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What of an entry is the service's and what is its peer's, in the words of policies: a rule for
 * `role`, `port`, `address` and `peer` would keep the entry out.
 *   server   address is this host's, it serves on port
 *   client   address is this host's, peer serves on port
 *   forward  neither is this host's; address serves on port
 */
struct flow_sides {
	enum policy_role role;
	uint16_t port; /* of the side that serves; 0 where the protocol has none */
	const struct inet_address *address;
	const struct inet_address *peer;
	bool reversed; /* the entry was made by the side that serves: a reply that nothing expected
			*/
};

/*
 * locals are this host's addresses, sorted and merged (inet_merge()); ephemeral_from is the first
 * port that it gives to clients (net.ipv4.ip_local_port_range).
 *
 * The original destination serves, except in a [UNREPLIED] entry that shows a reply, which is what
 * one direction leaves behind when only the other one is untracked: from a port no client would
 * have (below 1024, or for this host's own packets below ephemeral_from) to one that clients have.
 */
struct flow_sides flow_sides(const struct flow_entry *entry, const inet_ranges *locals,
			     uint16_t ephemeral_from);

bool inet_ranges_contain(const inet_ranges *ranges, enum inet_family family,
			 const struct inet_address *address);

/* Why an entry must stay tracked: bits. */
enum flow_bond {
	BOND_NAT = 1,	   /* its addresses are translated */
	BOND_HELPER = 2,   /* a helper reads along */
	BOND_EXPECTED = 4, /* a helper announced it */
	BOND_ZONE =
		8, /* not in the default zone: a template was attached before notrack could be */
	BOND_OFFLOADED = 16, /* in a flowtable: its packets do not meet the rules */
};
#define BOND_KINDS 5
unsigned flow_bonds(const struct flow_entry *entry);
/* "nat", "helper", "expected", "zone", "offloaded" */
const char *bond_name(unsigned index);

/* States as conntrack(8) has them: TCP's own, and for the others how far they got. */
enum { FLOW_STATE_UNREPLIED = 10, FLOW_STATE_REPLIED, FLOW_STATE_ASSURED, FLOW_STATES };
unsigned flow_state(const struct flow_entry *entry);
const char *flow_state_name(unsigned state);

/* "tcp", "icmpv6", or the number in `room`. */
const char *protocol_text(uint8_t protocol, char room[4]);
