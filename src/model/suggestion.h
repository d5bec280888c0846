/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which services a policy should name, from what fills the connection table. */
#pragma once

#include "model/census.h"

#include <stdbool.h>
#include <stdint.h>

/* What the census for a suggestion counts by. */
#define SUGGESTION_BY (CENSUS_PROTOCOL | CENSUS_PORT | CENSUS_ROLE | CENSUS_SERVING)

struct suggestion_options {
	unsigned cover; /* stop when that many per cent of all entries would be freed */
	unsigned max_services;
	bool forwarding;	 /* the host routes packets: services must name their addresses */
	const uint16_t *managed; /* ports by which this host is managed, beside 22 */
	size_t managed_n;
};

struct suggested_service {
	char *name;
	enum policy_role role;
	protocols protocols;
	uint16_t port; /* 0: protocols without ports */
	/* Of the side that serves: `peers` of a client, `addresses` of the others. Empty: any. */
	inet_ranges addresses;
	uint64_t entries; /* that it would free */
	uint64_t all;	  /* of its protocol and port, those that stay included */
	bool accept;
};

/* What would have been large enough, but is not safe. */
struct refused_service {
	enum policy_role role;
	uint8_t protocol;
	uint16_t port;
	uint64_t entries;
	char *why;
};

struct suggestion {
	uint64_t entries; /* in the table */
	uint64_t freed;
	ARRAY(struct suggested_service) services;
	ARRAY(struct refused_service) refused;
	texts accept_in; /* "inet filter input" */
};

/* The census must be by SUGGESTION_BY; its groups are put in another order. NULL with the error
 * set. */
struct suggestion *suggestion_make(struct census *census, const struct suggestion_options *options,
				   struct untrack_error *err);
void suggestion_free(struct suggestion *suggestion);

/* Moves a service to those that are refused; why is copied. */
bool suggestion_refuse(struct suggestion *suggestion, size_t index, const char *why,
		       struct untrack_error *err);

/* The helper that the kernel has for that port (net/netfilter/nf_conntrack_*.c): "ftp"; or NULL. */
const char *helper_of_port(uint8_t protocol, uint16_t port);
