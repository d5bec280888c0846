/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that differ in nothing but values which stand in them byte for byte: an address or the
 * bytes that a prefix has of it, a port, what was counted, a comment. Where they stand is learnt from samples of the
 * kernel's own making, of which the first shows the places and all others must come out when their
 * values are put there; whoever fails has no shape, and is compiled.
 *
 * It is sound as what libnftables makes of such a value, compared by == or !=, does not depend on
 * the value: it loads a field and compares it with these bytes (netlink_linearize.c:
 * netlink_gen_cmp), and it is the words around the value that decide which field, how many bytes,
 * and in which order. What a rule has counted it hands on as it is, or leaves out where it is 0,
 * which is what the kernel then begins with and lists.
 */
#pragma once

#include "base/buf.h"
#include "model/ruleset.h"

enum { SHAPE_VALUES = 8, SHAPE_SAMPLES = 4, SHAPE_VALUE_MAX = 16 };

enum value_kind { VALUE_ADDRESS, VALUE_PORT, VALUE_COUNTER, VALUE_COMMENT };

struct shape_value {
	enum value_kind kind;
	uint8_t size;	/* bytes that it has in all: 4, 16, 2, 8; none of a comment */
	uint8_t prefix; /* bits of an address that count */
	uint8_t bytes[SHAPE_VALUE_MAX]; /* bits beyond the prefix are zero */
	const char *comment;		/* borrowed, of `length`, not ended by a NUL */
	size_t length;
};

struct rule_shape;

/* samples[i] was made of values[i * count], …: NULL if they show no shape, or without memory.
 * Comments in values must stay. */
struct rule_shape *rule_shape_learn(struct rule *const samples[SHAPE_SAMPLES],
				    const struct shape_value *values, size_t count);
void rule_shape_free(struct rule_shape *shape);

/* A rule of that shape (rule->shape), with its table and chain as in the samples. NULL without
 * memory. */
struct rule *rule_shape_make(const struct rule_shape *shape, const struct shape_value *values);

/* A sample, and the values it was made of. */
const struct rule *rule_shape_sample(const struct rule_shape *shape, size_t i);
size_t rule_shape_count(const struct rule_shape *shape);
const struct shape_value *rule_shape_sample_values(const struct rule_shape *shape, size_t i);
/* The i-th value of a rule of that shape. */
struct shape_value rule_shape_value(const struct rule *rule, size_t i);

/* As nft and its JSON write it. */
void shape_value_put(const struct shape_value *value, struct buf *out);
