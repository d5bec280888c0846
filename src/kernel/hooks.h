/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in a packet's way beside nf_tables' rules: registered hooks, legacy tables, qdiscs.
 * Of the namespace that the calling thread is in. */
#pragma once

#include "base/array.h"
#include "base/attr.h"
#include "base/error.h"
#include "model/policy.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* A function that the kernel calls for packets (linux/netfilter/nfnetlink_hook.h, from 5.14 on
 * where NETFILTER_NETLINK_HOOK is built). */
struct registered_hook {
	uint8_t family; /* NFPROTO_IPV4, _IPV6, _BRIDGE, _ARP, _NETDEV */
	uint32_t hook;
	int32_t priority;
	char device[IF_NAMESIZE]; /* NFPROTO_NETDEV */
	char *function;		  /* "ipv4_conntrack_in", or NULL */
	char *module;		  /* "nf_conntrack", or NULL */
	uint8_t table_family;	  /* of a chain of nf_tables; otherwise 0 */
	char *table;
	char *chain;
};
typedef ARRAY(struct registered_hook) registered_hooks;

/* All of them, in the order in which they are called. *ret_available is false, and the list empty,
 * where the kernel does not tell. */
bool kernel_hooks(registered_hooks *ret_list, bool *ret_available, struct untrack_error *err);
void registered_hooks_free(registered_hooks *list);
/* One answer; false without memory. */
bool registered_hook_decode(uint8_t family, struct span attrs, struct registered_hook *ret_hook);

/* Tables of legacy iptables that are loaded: "raw", "nat", … family: NFPROTO_IPV4, _IPV6, _ARP. */
bool kernel_legacy_tables(uint8_t family, texts *ret_names, struct untrack_error *err);

/* A device and what is attached to it before and behind netfilter. */
struct device {
	uint32_t index;
	char name[IF_NAMESIZE];
	bool xdp;
	bool tc_ingress; /* a qdisc clsact or ingress */
	bool tc_egress;	 /* clsact */
};
typedef ARRAY(struct device) devices;
bool kernel_devices(devices *ret_devices, struct untrack_error *err);
