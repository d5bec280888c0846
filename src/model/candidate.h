/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the connection table could do without: its groups, put together as services would be. */
#pragma once

#include "model/suggestion.h"

/* A service that names more addresses than this is no suggestion that anyone reads. */
#define ADDRESSES_MAX 64

/* All groups of one role, protocol and port. */
struct candidate {
	enum policy_role role;
	uint8_t protocol;
	uint16_t port;
	uint64_t entries;
	uint64_t bound;
	uint64_t bonds[BOND_KINDS];
	uint64_t safe;	       /* entries of addresses where none is bound */
	uint64_t group;	       /* entries to multicast and broadcast addresses */
	bool others;	       /* the same port is forwarded, or bound at some address */
	inet_ranges addresses; /* the safe ones, each alone … */
	bool too_many;	       /* … but not all of them */
};

struct weighing {
	struct census *census;
	const struct suggestion_options *options;
	ARRAY(struct candidate) candidates;
};

/* Fills in the candidates, the largest first. False without memory. */
bool weigh(struct weighing *weighing);
void weighing_free(struct weighing *weighing);
