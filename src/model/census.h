/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts entries of the connection table by groups. Memory grows with the groups, not with the
 * entries.
 */
#pragma once

#include "base/error.h"
#include "model/flow_sides.h"

#include <stdbool.h>
#include <stdint.h>

/* What entries of one group have in common: bits. */
enum census_field {
	CENSUS_PROTOCOL = 1,
	CENSUS_PORT = 2,
	CENSUS_ADDRESS = 4,
	CENSUS_PEER = 8,
	CENSUS_STATE = 16,
	CENSUS_ZONE = 32,
	CENSUS_ROLE = 64,
	CENSUS_SERVING = 128, /* `address` is that of the side that serves */
};
#define CENSUS_DEFAULT (CENSUS_PROTOCOL | CENSUS_PORT | CENSUS_ADDRESS)

/* Fields that are not counted by are zero. No padding: it is hashed and compared as bytes. */
struct census_key {
	struct inet_address address;
	struct inet_address peer;
	uint16_t port;
	uint16_t zone;
	uint8_t protocol;
	uint8_t family; /* enum inet_family, where there is an address */
	uint8_t state;
	uint8_t role; /* enum policy_role */
};

struct census_group {
	struct census_key key;
	uint64_t entries;
	uint64_t one_way; /* [UNREPLIED] */
	uint64_t bytes;	  /* both directions, where nf_conntrack_acct is on */
	uint64_t packets;
	uint64_t bound; /* with at least one bond: they cannot be untracked */
	uint64_t bonds[BOND_KINDS];
	uint32_t states[FLOW_STATES];
};

struct census {
	unsigned by; /* CENSUS_* */
	inet_ranges locals;
	uint16_t ephemeral_from;
	uint64_t entries;
	ARRAY(struct census_group) groups; /* in order of appearance until census_sort() */
	uint32_t *slots;		   /* hash table: 0, or the group's index + 1 */
	size_t slot_count;		   /* a power of two */
	struct census_group all;
};

/* by: CENSUS_*; takes over the addresses in *locals. NULL without memory. */
struct census *census_new(unsigned by, inet_ranges *locals, uint16_t ephemeral_from,
			  struct untrack_error *err);
void census_free(struct census *census);

/* Counts one more. False without memory. Not after census_sort(). */
bool census_count(struct census *census, const struct flow_entry *entry);

/* Largest first, equal ones by key. */
void census_sort(struct census *census);

/* The state that most of the group's entries are in. */
unsigned census_group_state(const struct census_group *group);

/* Reads "port", "address,state", …: names of fields, with commas. The protocol belongs to ports. */
bool census_parse_by(const char *text, unsigned *ret_by, struct untrack_error *err);
