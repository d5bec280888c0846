/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet's path through this host: what stands at each hook, in the order in which it is met. */
#pragma once

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "model/policy.h"

#include <stdbool.h>
#include <stdint.h>

/* Who goes that way. */
enum path_lane { LANE_IP, LANE_BRIDGE, LANE_ARP, LANES };

enum path_hook {
	PATH_INGRESS,
	PATH_PREROUTING,
	PATH_INPUT,
	PATH_FORWARD,
	PATH_OUTPUT,
	PATH_POSTROUTING,
	PATH_EGRESS,
	PATH_HOOKS
};

enum stage_kind {
	STAGE_XDP,
	STAGE_QDISC,	  /* tc: clsact or ingress qdisc */
	STAGE_DEFRAGMENT, /* fragments become packets: ports can be seen */
	STAGE_TRACK,	  /* the packet is looked up, or becomes a new entry not yet in the table */
	STAGE_NAT,	  /* chains inside have `inside_nat` and follow it */
	STAGE_CONFIRM,	  /* the new entry goes into the table */
	STAGE_CHAIN,	  /* a base chain of nf_tables */
	STAGE_LEGACY,	  /* a table of iptables-legacy */
	STAGE_OTHER,	  /* some other function that the kernel told us of */
};

enum stage_activity {
	STAGE_OFF,     /* its place is here, but nothing is there */
	STAGE_UNKNOWN, /* legacy tables may have turned it on */
	STAGE_ON,
};

#define STAGE_IP 1u
#define STAGE_IP6 2u

struct stage {
	enum stage_kind kind;
	enum stage_activity activity;
	int32_t priority;  /* without meaning for STAGE_XDP and STAGE_QDISC */
	int32_t place;	   /* the priority by which the kernel calls it: inside NAT, that of NAT */
	uint32_t turn;	   /* orders those of equal place */
	unsigned families; /* STAGE_IP | STAGE_IP6 in LANE_IP, otherwise 0 */
	bool inside_nat;   /* runs when NAT does, for the first packet of a connection; its own
			    * priority   orders it there */
	uint8_t family;	   /* NFPROTO_*: of the table, for STAGE_CHAIN and STAGE_LEGACY */
	char *table;
	char *chain;
	char *type;    /* "filter", "nat", "route" */
	char *devices; /* "eth0, eth1", or NULL */
	char *what;    /* STAGE_OTHER: the function, with its module */
	bool drop;     /* the chain's policy */
	bool dormant;  /* its table sleeps: it is not called */
	size_t rules;
	unsigned traits; /* enum tracking_trait, of all rules that a packet may come to from here */
	texts services;	 /* of a policy: they become untracked here */
};

struct path {
	ARRAY(struct stage) hooks[LANES][PATH_HOOKS];
	enum stage_activity tracking[2]; /* [0] IPv4, [1] IPv6 */
	bool from_kernel; /* the kernel itself told what is registered; otherwise inferred from
			     rules */
};

void stage_clear(struct stage *stage); /* frees what it holds */
void path_free(struct path *path);
DEFINE_AUTOCLEAN(struct path, path_free)

const char *path_hook_name(enum path_hook hook); /* "prerouting" */
const char *path_lane_name(enum path_lane lane); /* "ip" */
/* Where a hook of that family (NFPROTO_*; NF_INET_*, NF_NETDEV_*, …) stands. False if nowhere here.
 */
bool path_place(uint8_t family, uint32_t number, enum path_lane *ret_lane,
		enum path_hook *ret_hook);

/* Does `notrack` in the stage work? It does before tracking sees the packet, and only where that
 * happens: in vain in other hooks and from priority -200 on. */
enum untracks { UNTRACKS_NOT, UNTRACKS, UNTRACKS_IN_VAIN };
enum untracks stage_untracks(enum path_hook hook, const struct stage *stage);
