/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boxes: products of intervals over what a rule can look at. A box on side D is about packets whose
 * destination is the service, on side S about those whose source is; `near` is the address on that
 * end, `far` the one on the other, and the port is that of the near end.
 */
#pragma once

#include "base/array.h"
#include "base/error.h"
#include "base/inet.h"

#include <stdbool.h>
#include <stdint.h>

enum dimension { DIM_NEAR, DIM_FAR, DIM_PORT, DIM_PROTOCOL, DIM_INTERFACE, DIMENSIONS };

enum {
	ADDRESS_LENGTH = 16,
	INTERFACE_LENGTH = 16,
	BOX_LENGTH = 2 * ADDRESS_LENGTH + 2 + 1 + INTERFACE_LENGTH,
};

/* Closed intervals, each bound in network byte order at its dimension's place (box_offset). With
 * INET_V4 only the first 4 bytes of an address count and the rest is zero; INET_ANY has no
 * addresses at all (both dimensions are zero). `owner` is whom the box is for; the algebra carries
 * it along. */
struct box {
	uint8_t first[BOX_LENGTH];
	uint8_t last[BOX_LENGTH];
	uint8_t family; /* enum inet_family */
	uint32_t owner;
};

typedef ARRAY(struct box) boxes;

size_t box_offset(enum dimension dimension);
/* In bytes; addresses are as long as the family's, and none for INET_ANY. */
size_t box_length(uint8_t family, enum dimension dimension);

/* Everything of that family. */
struct box box_any(uint8_t family, uint32_t owner);
void box_limit(struct box *box, enum dimension dimension, const void *first, const void *last);
void box_limit_port(struct box *box, uint16_t from, uint16_t to);
uint16_t box_first_port(const struct box *box);
uint16_t box_last_port(const struct box *box);
/* Do they meet in that dimension? Both must be of one family. */
bool box_meets(const struct box *a, const struct box *b, enum dimension dimension);
bool box_overlaps(const struct box *a, const struct box *b); /* in all of them */

/* Appends what of `from` is not in `what`: disjoint boxes, at most two a dimension. They must
 * overlap. False without memory. */
bool box_subtract(const struct box *from, const struct box *what, boxes *to);

/*
 * Makes boxes disjoint: each keeps what none before it covers. All are of one family. Interfaces
 * are never cut (a range of names that is no prefix cannot be written in nft): where two overlap
 * there, the one before must be the wider, which boxes_widest_interface_first() sees to.
 *
 * More than `spare` boxes beyond the original count is an error (ret_clash tells two that meet).
 */
struct clash {
	uint32_t owner[2];
};
enum boxes_result { BOXES_OK, BOXES_TOO_MANY, BOXES_MEMORY };
enum boxes_result boxes_disjoint(boxes *all, size_t spare, struct clash *ret_clash);

/* Stable: among equally wide ones the order stays. */
bool boxes_widest_interface_first(boxes *all);
