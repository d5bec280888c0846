/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules are two directions of one service. */
#pragma once

#include "document/import/lift_rule.h"

/* A service in the making: one role, one set of addresses and peers, protocols and ports. */
struct lift_service {
	enum policy_role role;
	bool keep; /* of keep_tracked instead */
	enum inet_family family;
	protocols protocols;
	port_ranges ports;
	inet_ranges addresses, peers;
	char *interface;
	size_t rule;	/* the first rule that it came from */
	bool completed; /* a direction was added by --complete */
};
typedef ARRAY(struct lift_service) lift_services;

typedef ARRAY(struct lift_rule) lift_rules;

/* Finds the services and marks rules that are wholly in them as lifted. candidate[i]: rule i may be
 * lifted. complete: one direction is enough. False without memory. */
bool lift_pair(lift_rules *rules, const bool *candidate, bool complete,
	       lift_services *ret_services);
void lift_services_free(lift_services *services);
