/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet, sent for real in a namespace that is all ours, and what nf_tables tells of it
 * (nftrace). The packet is traced where a rule sets `meta nftrace`; that rule is the caller's.
 */
#pragma once

#include "base/array.h"
#include "base/namespace.h"
#include "model/flow_entry.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct probe {
	enum inet_family family;
	uint8_t protocol;
	struct flow_tuple tuple;
	uint8_t tcp_flags;		 /* 0: SYN */
	uint32_t sequence, acknowledged; /* of TCP */
	uint32_t mark;			 /* that it has from the start */
	bool from_here;			 /* sent by a socket; otherwise it comes in on device */
	char device[IF_NAMESIZE];
	char peer[IF_NAMESIZE]; /* of a veth pair with the device: where it is put in */
	bool fresh;		/* the connection table is emptied before */
};

/* One message of NFT_MSG_TRACE. */
struct probe_step {
	uint8_t family; /* of the table */
	char *table;
	char *chain;
	uint64_t handle; /* of the rule; 0: the chain's policy or end */
	uint32_t type;	 /* NFT_TRACETYPE_* */
	int32_t verdict; /* of a rule, or the policy */
	char *target;	 /* jump and goto, or NULL */
	uint32_t oif;
};

struct probe_result {
	ARRAY(struct probe_step) steps;
	bool sent; /* otherwise errno_value says why not */
	int errno_value;
	bool entry; /* there is an entry of the connection table for it; answer is its reply */
	struct flow_tuple answer;
};
void probe_result_free(struct probe_result *result);
#define autoprobe __attribute__((cleanup(probe_result_free))) struct probe_result

bool probe_send(const struct netns *ns, const struct probe *probe, struct probe_result *ret_result,
		struct untrack_error *err);
