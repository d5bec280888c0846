/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service looks at in each direction, sorted by the kind of key that it needs. */
#pragma once

#include "compile/boxes.h"
#include "compile/match.h"
#include "model/policy.h"

/* In the order in which a side looks them up. */
enum key_class {
	CLASS_4I, /* address and interface together, or an interface that no hash can hold */
	CLASS_6I,
	CLASS_I, /* interface and exact ports */
	CLASS_4, /* exact addresses and ports */
	CLASS_6,
	CLASS_4X, /* prefixes, peers */
	CLASS_6X,
	CLASS_P, /* exact ports alone */
	CLASS_R, /* wide port ranges alone */
	CLASS_N, /* protocols without ports, alone */
	CLASSES
};

enum side { SIDE_D, SIDE_S };
enum hook { HOOK_PREROUTING, HOOK_OUTPUT, HOOKS };

struct direction {
	enum hook hook;
	enum side side;
	bool near_is_peers; /* the end with the service's port is that of `peers` */
};
/* The two directions of a role. */
const struct direction *role_directions(enum policy_role role);

/* Boxes of a hash class may still hold a range of ports, which then stands for as many keys. */
struct buckets {
	boxes of[CLASSES];
};
void buckets_free(struct buckets *buckets);
#define autobuckets autoclean(buckets_free) struct buckets

struct box_order {
	const struct match *match;
	bool near_is_peers;
	bool any_interface;   /* whatever interfaces the match names */
	uint8_t table_family; /* NFPROTO_*: which addresses there can be */
	bool expand_ports;    /* ranges of up to 2 000 ports may become hash keys */
	uint32_t owner;
};
/* Appends a match's boxes in one direction. */
bool add_boxes(const struct box_order *order, struct buckets *to);

/* Is the table's family one that has those addresses? */
bool table_has_family(uint8_t table_family, uint8_t inet_family);

/* Would the boxes be so many that the service gets sets of its own? */
bool match_is_long(const struct match *match);
