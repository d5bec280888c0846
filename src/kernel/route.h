/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a namespace would send a packet. */
#pragma once

#include "base/error.h"
#include "base/inet.h"
#include "base/namespace.h"

#include <net/if.h>
#include <stdbool.h>

struct route {
	bool local;		  /* it is an address of its own */
	char device[IF_NAMESIZE]; /* empty: there is no route */
};
bool route_find(const struct netns *ns, enum inet_family family, const struct inet_address *address,
		struct route *ret_route, struct untrack_error *err);
