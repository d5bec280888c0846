/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values that a rule's shape leaves open (model/rule_shape.h): where they stand in a rule's text,
 * and what they are. They are in their plainest form, so that no more than one meaning can be theirs.
 */
#pragma once

#include "base/buf.h"
#include "model/rule_shape.h"

/* What a value is; a shape's text has this character in its place. */
enum mark {
	MARK_NONE,
	MARK_IPV4,
	MARK_IPV6,
	MARK_PORT,
	MARK_COUNTER, /* packets or bytes that a rule has counted */
	MARK_COMMENT, /* between its quotes */
	MARK_HANDLE,  /* means nothing: it is of the ruleset that was listed */
	MARKS
};
#define MARKS_RESERVED "\1\2\3\4\5\6" /* cannot be in a text that is taken apart */

enum { HOLES_MAX = SHAPE_VALUES + 1 }; /* one may be a handle */

struct hole {
	const char *start;
	size_t length;
	enum mark mark;
	struct shape_value value; /* none of a handle */
};

/* In the order of the text. */
struct holes {
	struct hole v[HOLES_MAX];
	size_t n, values;
	bool comment; /* there is one */
};

/* Reads such a value; prefix: how many bits of an address count. Its length in text; 0: there is none. */
size_t value_read(enum mark mark, unsigned prefix, const char *at, const char *end,
		  struct shape_value *ret_value);
/* A value for a sample of a shape: the number-th of its values. */
struct shape_value value_sample(size_t sample, size_t number, enum mark mark, unsigned prefix);

/* Decimal, without a leading zero. Its length in text; 0: there is none, or it is too large. */
size_t decimal_read(const char *at, const char *end, uint64_t most, uint64_t *ret_number);

/* Adds the text as a hole if it is such a value as a whole, and there is room. */
bool holes_add(struct holes *holes, enum mark mark, unsigned prefix, const char *start,
	       size_t length);
