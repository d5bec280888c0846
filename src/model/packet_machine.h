/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of a rule, what a packet puts into them, and what is asked of them. Bytes that the
 * packet does not tell are unknown, and so is what depends on them. */
#pragma once

#include "model/packet.h"
#include "model/packet_set.h"

struct machine {
	const struct table *table;
	const struct packet *packet;
	uint32_t hook;
	bool mangled;	/* a rule may have written to the packet */
	bool templated; /* a rule may have given it a connection template, which notrack respects */
	struct partial_key registers; /* 16 of 4 bytes */
	unsigned ended;		      /* paths that left the base chain by accept */
	unsigned dropped;
	unsigned depth;
};

/* Registers are told by their numbers in expressions, NFT_REG_*. NULL stores unknown bytes. */
void machine_store(struct machine *m, uint32_t number, const void *bytes, size_t length);
struct partial_key machine_load(const struct machine *m, uint32_t number);
void machine_forget(struct machine *m); /* all registers */

/* The expressions of those names, by their data. */
void machine_meta(struct machine *m, struct span data);
void machine_payload(struct machine *m, struct span data);
void machine_bitwise(struct machine *m, struct span data);
void machine_byteorder(struct machine *m, struct span data);
enum ternary machine_cmp(const struct machine *m, struct span data);
enum ternary machine_range(const struct machine *m, struct span data);

enum ternary negate_if(bool negate, enum ternary answer);
