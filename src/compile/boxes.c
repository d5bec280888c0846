/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/boxes.h"

#include <string.h>

static const struct {
	uint8_t offset;
	uint8_t length;
} places[DIMENSIONS] = {
	[DIM_NEAR] = {0, ADDRESS_LENGTH},
	[DIM_FAR] = {ADDRESS_LENGTH, ADDRESS_LENGTH},
	[DIM_PORT] = {2 * ADDRESS_LENGTH, 2},
	[DIM_PROTOCOL] = {2 * ADDRESS_LENGTH + 2, 1},
	[DIM_INTERFACE] = {2 * ADDRESS_LENGTH + 3, INTERFACE_LENGTH},
};

size_t box_offset(enum dimension dimension)
{
	return places[dimension].offset;
}

size_t box_length(uint8_t family, enum dimension dimension)
{
	if (dimension == DIM_NEAR || dimension == DIM_FAR)
		return family == INET_ANY ? 0 : inet_length(family);
	return places[dimension].length;
}

struct box box_any(uint8_t family, uint32_t owner)
{
	struct box box = {.family = family, .owner = owner};

	for (enum dimension d = 0; d < DIMENSIONS; d++)
		memset(box.last + box_offset(d), 0xff, box_length(family, d));
	return box;
}

void box_limit(struct box *box, enum dimension dimension, const void *first, const void *last)
{
	memcpy(box->first + box_offset(dimension), first, box_length(box->family, dimension));
	memcpy(box->last + box_offset(dimension), last, box_length(box->family, dimension));
}

void box_limit_port(struct box *box, uint16_t from, uint16_t to)
{
	uint8_t first[2] = {(uint8_t)(from >> 8), (uint8_t)from};
	uint8_t last[2] = {(uint8_t)(to >> 8), (uint8_t)to};

	box_limit(box, DIM_PORT, first, last);
}

static uint16_t port_at(const uint8_t *bounds)
{
	const uint8_t *at = bounds + places[DIM_PORT].offset;

	return (uint16_t)(at[0] << 8 | at[1]);
}

uint16_t box_first_port(const struct box *box)
{
	return port_at(box->first);
}

uint16_t box_last_port(const struct box *box)
{
	return port_at(box->last);
}

bool box_meets(const struct box *a, const struct box *b, enum dimension dimension)
{
	size_t offset = box_offset(dimension), length = box_length(a->family, dimension);

	return memcmp(a->first + offset, b->last + offset, length) <= 0 &&
	       memcmp(b->first + offset, a->last + offset, length) <= 0;
}

bool box_overlaps(const struct box *a, const struct box *b)
{
	return box_meets(a, b, DIM_PORT) && box_meets(a, b, DIM_NEAR) && box_meets(a, b, DIM_FAR) &&
	       box_meets(a, b, DIM_PROTOCOL) && box_meets(a, b, DIM_INTERFACE);
}

/* to = from + 1 and to = from - 1, as big-endian numbers that do not overflow here. */
static void successor(uint8_t *to, const uint8_t *from, size_t length)
{
	memcpy(to, from, length);
	while (length-- > 0 && !++to[length])
		;
}

static void predecessor(uint8_t *to, const uint8_t *from, size_t length)
{
	memcpy(to, from, length);
	while (length-- > 0 && !to[length]--)
		;
}

bool box_subtract(const struct box *from, const struct box *what, boxes *to)
{
	static const enum dimension order[] = {DIM_PROTOCOL, DIM_PORT, DIM_NEAR, DIM_FAR,
					       DIM_INTERFACE};
	struct box rest = *from;

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		size_t length = box_length(from->family, order[i]), at = box_offset(order[i]);

		if (memcmp(rest.first + at, what->first + at, length) < 0) {
			struct box below = rest;

			predecessor(below.last + at, what->first + at, length);
			if (!array_push(to, below))
				return false;
			memcpy(rest.first + at, what->first + at, length);
		}
		if (memcmp(rest.last + at, what->last + at, length) > 0) {
			struct box above = rest;

			successor(above.first + at, what->last + at, length);
			if (!array_push(to, above))
				return false;
			memcpy(rest.last + at, what->last + at, length);
		}
	}
	return true;
}
