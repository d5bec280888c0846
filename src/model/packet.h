/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Would a ruleset take a packet off tracking? Interprets the kernel's expressions over a packet's
 * addresses, ports and interface, for chains that hold nothing else than what policies compile to
 * and simple hand-written notrack rules. Used to find connection entries that are now kept out, or
 * were until now.
 */
#pragma once

#include "base/inet.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

struct packet {
	enum inet_family family;
	uint8_t protocol;
	struct inet_address source;
	struct inet_address destination;
	uint16_t source_port; /* host order */
	uint16_t destination_port;
	uint8_t icmp_type, icmp_code;
	const char *interface;	  /* incoming or outgoing; NULL: unknown */
	uint32_t interface_index; /* 0: unknown */
};

enum packet_answer { PACKET_TRACKED, PACKET_UNTRACKED, PACKET_UNKNOWN };

/* What the chain at that hook (NF_INET_PRE_ROUTING or NF_INET_LOCAL_OUT) of the table does with the
 * packet. PACKET_UNKNOWN when it depends on something the packet does not tell (an unknown
 * interface, a mark, …). */
enum packet_answer packet_evaluate(const struct table *table, uint32_t hook,
				   const struct packet *packet);
