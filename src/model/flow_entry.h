/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry of the connection table, as data. */
#pragma once

#include "base/inet.h"

#include <stdbool.h>
#include <stdint.h>

struct flow_tuple {
	struct inet_address source;
	struct inet_address destination;
	uint16_t source_port; /* host order; 0 where the protocol has none */
	uint16_t destination_port;
	uint8_t icmp_type; /* icmp and icmpv6 */
	uint8_t icmp_code;
};

struct flow_entry {
	enum inet_family family;
	uint8_t protocol;
	struct flow_tuple original;
	struct flow_tuple reply;
	uint32_t status; /* IPS_* */
	uint16_t zone;
	uint8_t tcp_state;   /* TCP_CONNTRACK_*; 0 for others */
	bool helper;	     /* has a helper */
	bool expected;	     /* came of an expectation (IPS_EXPECTED, or has a master) */
	uint64_t packets[2]; /* where nf_conntrack_acct is on; [0] original, [1] reply */
	uint64_t bytes[2];
	const void *raw; /* the kernel layer's own, for conntrack_delete_if() */
};

/* A visitor of entries; returns false to stop early (no error). */
typedef bool flow_entry_fn(void *arg, const struct flow_entry *entry);
