/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule as a box of packets and what is done with them, read from libnftables JSON. */
#pragma once

#include "document/import/rules.h"

#include <jansson.h>

enum lift_kind {
	LIFT_NOTRACK,
	LIFT_KEEP,  /* ends the chain for its packets: they stay tracked */
	LIFT_OTHER, /* anything else; it must go on seeing its packets */
};

struct lift_rule {
	struct place place;
	bool output;
	enum lift_kind kind;
	/* The box. Empty lists mean any. */
	enum inet_family family; /* INET_ANY: both */
	protocols protocols;
	port_ranges sports, dports;
	inet_ranges sources, destinations;
	char *interface; /* -i in prerouting, -o in output; "eth*"; or NULL */
	bool exact;	 /* the box is the whole of its matches; otherwise they are more narrow */
	bool names;	 /* it names a set, an object or a chain, which a policy's rules cannot */
	json_t *expr;	 /* its statements, without counters */
	char *comment;	 /* or NULL */
	bool lifted;
};

/* Reads the statements (borrowed). family: of its table, INET_ANY for inet. False without memory.
 */
bool lift_rule_read(struct lift_rule *rule, const json_t *expr, enum inet_family family);
void lift_rule_free(struct lift_rule *rule);
/* Can a packet be in both? */
bool lift_rules_meet(const struct lift_rule *a, const struct lift_rule *b);
