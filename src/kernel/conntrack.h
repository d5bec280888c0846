/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection table over ctnetlink, of the namespace that the calling thread is in. */
#pragma once

#include "base/error.h"
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

/* One entry of the connection table. */
struct flow_entry {
	enum inet_family family;
	uint8_t protocol;
	struct flow_tuple original;
	struct flow_tuple reply;
	uint32_t status;    /* IPS_* */
	uint16_t zone;
	uint8_t tcp_state;  /* TCP_CONNTRACK_*; 0 for others */
	bool helper;        /* has a helper */
	bool expected;      /* came of an expectation (IPS_EXPECTED, or has a master) */
	uint64_t packets[2]; /* where nf_conntrack_acct is on; [0] original, [1] reply */
	uint64_t bytes[2];
	const void *raw;    /* the kernel layer's own, for conntrack_delete() */
};

/* Calls fn for each entry, streaming. fn returns false to stop early (no error). */
typedef bool conntrack_fn(void *arg, const struct flow_entry *entry);
bool conntrack_each(conntrack_fn *fn, void *arg, struct untrack_error *err);

/* Deletes each entry for which fn says true. Entries that end meanwhile are no error. */
bool conntrack_delete_if(conntrack_fn *fn, void *arg, uint64_t *ret_deleted,
			 struct untrack_error *err);

struct conntrack_status {
	uint64_t count, max, buckets;
	uint64_t drop, early_drop, insert_failed; /* summed over the processors */
};
bool conntrack_status(struct conntrack_status *ret_status, struct untrack_error *err);
