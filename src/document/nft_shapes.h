/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain rules of one chain that differ in values alone (model/rule_shape.h): which rules of a
 * document are of one shape, whatever language they are written in.
 */
#pragma once

#include "base/array.h"
#include "base/attr.h"
#include "document/nft_values.h"

typedef ARRAY(struct shape_value) shape_values;

/* Where a shape's text has a mark. */
struct shape_hole {
	enum mark mark;
	uint8_t prefix; /* of an address */
	uint8_t value;	/* which of the values stands there; none for a handle */
	size_t at;	/* in the text */
};

struct text_shape {
	struct span key; /* the rule with a mark for each value; borrowed of `keys` */
	size_t place;	 /* the chain it is in, as the caller counts them */
	struct shape_hole holes[HOLES_MAX];
	size_t hole_count, value_count;
	bool plain; /* the caller's: its rules mean the same wherever they stand in the chain */
	bool sets;  /* the caller's: they have anonymous sets */
	bool judged; /* the caller's: of its rules the first is judged, and none of another shape for it */
	size_t lines; /* of that shape */
	size_t run;   /* the caller's, of the first line */
	bool used;    /* samples of it are compiled instead of its lines */
};

struct text_shapes {
	ARRAY(struct text_shape) all;
	ARRAY(char *) keys;
	ARRAY(uint32_t) table; /* by hash: index in all, + 1 */
	shape_values values;   /* of all lines, in order */
	struct buf key;	       /* of the last line */
};

void text_shapes_free(struct text_shapes *shapes);

/* The shape of a rule with these holes (an index in `all`; *ret_new: it was not known), and its
 * values behind those that are there: a comment is the last. SIZE_MAX without memory. */
size_t text_shapes_add(struct text_shapes *shapes, const char *line, const char *end,
		       const struct holes *holes, size_t place, bool *ret_new);

/* Does a rule of that shape begin here? Then its values are put behind those that are there, and where
 * it ends is returned. NULL, with nothing changed: no, or without memory. */
const char *text_shapes_meet(struct text_shapes *shapes, size_t shape, const char *at,
			     const char *end);

/* A rule of that shape to learn from, the sample-th of SHAPE_SAMPLES: its text, and its values. */
bool text_shape_sample(const struct text_shape *shape, size_t sample, shape_values *ret_values,
		       struct buf *ret_text);
