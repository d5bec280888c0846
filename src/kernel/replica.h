/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What decides where packets of a host go, beside its rules: interfaces, addresses, routes, routing
 * rules, and the sysctls of forwarding and source validation. Taken as the kernel dumps it, and put
 * into an empty namespace, whose interfaces are stand-ins with the same names and indexes.
 */
#pragma once

#include "base/buf.h"
#include "kernel/mirror.h"

#include <stdbool.h>

struct replica {
	interfaces devices;
	struct buf messages; /* of rtnetlink, to be sent in that order */
	struct buf sysctls;  /* paths and values, each with its NUL */
};
void replica_free(struct replica *replica);
#define autoreplica __attribute__((cleanup(replica_free))) struct replica

/* Of the namespace that the calling thread is in. */
bool replica_take(struct replica *ret_replica, struct untrack_error *err);

/* Builds it in the namespace, which must be empty. What the kernel does not take there (a route by
 * an object that is not mirrored) is left out. */
bool replica_build(const struct netns *ns, const struct replica *replica,
		   struct untrack_error *err);

/* Adds a route of last resort for both families, by the device of that index. */
bool replica_add_default(struct replica *replica, unsigned index, struct untrack_error *err);

/* The peer of the device at that index of replica->devices: what is sent there comes in on it. */
void replica_peer_name(size_t device, char ret_name[IF_NAMESIZE]);
