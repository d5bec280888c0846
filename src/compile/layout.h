/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a key is laid out: which fields a set or map concatenates, and in which order. */
#pragma once

#include "compile/boxes.h"
#include "compile/roles.h"

struct layout {
	uint8_t family; /* INET_ANY: no addresses in it */
	bool interval;	/* otherwise a hash */
	uint8_t n;
	uint8_t field[DIMENSIONS]; /* enum dimension */
};

const struct layout *class_layout(enum key_class class);
/* "4i", "p", … as names of maps have it. */
const char *class_name(enum key_class class);

bool layout_has(const struct layout *layout, enum dimension field);
/* In 32-bit registers; a field begins at its own. */
unsigned field_words(const struct layout *layout, enum dimension field);
/* Bytes of a key: a single field is as long as it is, concatenated ones are padded to 4. */
size_t layout_key_length(const struct layout *layout);
enum { KEY_MAX = 2 * ADDRESS_LENGTH + 4 + 4 + INTERFACE_LENGTH };
/* A key from box bounds (box.first or box.last), padded with zeros. */
void layout_key(const struct layout *layout, const uint8_t *bounds, uint8_t ret_key[KEY_MAX]);

/*
 * The kernel's interval concatenation goes on, field by field, with all elements that matched so
 * far: many elements that share a value in the first field make every packet slow. This chooses the
 * first field so that few do (the table's own order if that is good enough, so that layouts stay),
 * and where no order is, moves the worst boxes to `ret_rest`, with an order of their own. ret_rest
 * must be empty. False without memory.
 */
bool layout_order(boxes *all, struct layout *layout, boxes *ret_rest,
		  struct layout *ret_rest_layout);
