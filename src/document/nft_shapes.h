/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain rules of one chain that differ in values alone (model/rule_shape.h). Values are: an address
 * or prefix behind `ip saddr`, `ip daddr` and the same of ip6; a port behind `sport` or `dport`; a
 * comment at the end. They are in their plainest form, with nothing around them that could be taken
 * for a part of an expression. All else is the rule's shape.
 */
#pragma once

#include "base/array.h"
#include "base/attr.h"
#include "document/nft_words.h"
#include "model/rule_shape.h"

typedef ARRAY(struct shape_value) shape_values;

struct text_shape {
	struct span key; /* the rule with a mark for each value; borrowed of `keys` */
	size_t place;	 /* the chain it is in, as the caller counts them */
	bool plain;	 /* is_plain_rule() */
	size_t lines;	 /* of that shape */
	size_t run;	 /* the caller's, of the first line */
	bool used;	 /* samples of it are compiled instead of its lines */
};

#define TEXT_SHAPES_RESERVED "\1\2\3\4" /* cannot be in the text */

struct text_shapes {
	ARRAY(struct text_shape) all;
	ARRAY(char *) keys;
	ARRAY(uint32_t) table; /* by hash: index in all, + 1 */
	shape_values values;   /* of all lines, in order */
	struct buf key;	       /* of the last line */
};

void text_shapes_free(struct text_shapes *shapes);

/* The line's shape (an index in `all`), and its values behind those that are there. SIZE_MAX
 * without memory. */
size_t text_shapes_add(struct text_shapes *shapes, const char *line, const char *end, size_t place);

/* Rules of that shape to learn from: their values (as many each as the shape has), and their text.
 */
bool text_shape_samples(const struct text_shape *shape, shape_values *ret_values,
			struct buf *ret_text);
