/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/rule_shape.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

struct rule_shape {
	struct buf attrs; /* of the first sample, without its comment */
	size_t count;
	struct place {
		size_t at; /* in attrs */
		size_t bytes;
	} places[SHAPE_VALUES];
	struct rule *samples[SHAPE_SAMPLES];
	struct shape_value values[SHAPE_SAMPLES * SHAPE_VALUES]; /* count for each sample */
};

void rule_shape_free(struct rule_shape *shape)
{
	if (!shape)
		return;
	for (size_t i = 0; i < SHAPE_SAMPLES; i++)
		rule_free(shape->samples[i]);
	buf_free(&shape->attrs);
	free(shape);
}

DEFINE_AUTOCLEAN(struct rule, rule_free)

/* Bytes of it that a rule may have: whole ones of a prefix are compared alone, others under a mask.
 */
static size_t bytes_of(const struct shape_value *value)
{
	return value->kind == VALUE_ADDRESS && value->prefix % 8 == 0 ? value->prefix / 8
								      : value->size;
}

/* What rules have beside a handle, a place, and a comment if `comment`. */
static bool keep(const struct attr *attr, bool comment)
{
	return attr->type == NFTA_RULE_TABLE || attr->type == NFTA_RULE_CHAIN ||
	       attr->type == NFTA_RULE_EXPRESSIONS ||
	       (attr->type == NFTA_RULE_USERDATA && !comment);
}

static void copy_kept(struct buf *to, const struct rule *rule, bool comment)
{
	attr_for_each(item, buf_span(&rule->attrs)) {
		if (keep(&item, comment))
			attr_put(to, item.type, item.body.data, item.body.len);
	}
}

/* ------------------------------------------------------------------ making */

static void put_value_comment(struct buf *attrs, const struct shape_value *value)
{
	char text[128] = ""; /* of at most 127 bytes, as nft takes it */

	memcpy(text, value->comment,
	       value->length < sizeof(text) ? value->length : sizeof(text) - 1);
	put_comment(attrs, NFTA_RULE_USERDATA, text);
}

struct rule *rule_shape_make(const struct rule_shape *shape, const struct shape_value *values)
{
	autoclean(rule_free_p) struct rule *rule = rule_new();
	size_t size = shape->attrs.len;

	if (!rule)
		return NULL;
	for (size_t i = 0; i < shape->count; i++)
		size += values[i].kind == VALUE_COMMENT ? 8 + values[i].length : 0;
	buf_reserve_exactly(&rule->attrs, size + NLA_ALIGNTO);
	buf_put(&rule->attrs, shape->attrs.data, shape->attrs.len);
	for (size_t i = 0; i < shape->count && !rule->attrs.failed; i++) {
		if (values[i].kind == VALUE_COMMENT)
			put_value_comment(&rule->attrs, &values[i]);
		else
			memcpy(rule->attrs.data + shape->places[i].at, values[i].bytes,
			       shape->places[i].bytes);
	}
	if (rule->attrs.failed)
		return NULL;
	rule->shape = shape;
	return steal_pointer(&rule);
}

/* ------------------------------------------------------------------ learning */

/* Where the value stands in all samples alike. False if it is nowhere, or in two places. */
static bool find_place(struct place *place, const struct buf kept[SHAPE_SAMPLES],
		       const struct shape_value *values, size_t count)
{
	size_t bytes = bytes_of(values), found = 0;

	for (size_t at = 0; at + bytes <= kept[0].len; at++) {
		size_t agree = 0;

		while (agree < SHAPE_SAMPLES &&
		       !memcmp(kept[agree].data + at, values[agree * count].bytes, bytes))
			agree++;
		if (agree == SHAPE_SAMPLES) {
			*place = (struct place){at, bytes};
			found++;
		}
	}
	return found == 1;
}

static bool overlap(const struct place *a, const struct place *b)
{
	return a->bytes && b->bytes && a->at < b->at + b->bytes && b->at < a->at + a->bytes;
}

static bool find_places(struct rule_shape *shape, const struct buf kept[SHAPE_SAMPLES],
			const struct shape_value *values)
{
	for (size_t i = 1; i < SHAPE_SAMPLES; i++)
		if (kept[i].len != kept[0].len)
			return false;
	for (size_t i = 0; i < shape->count; i++) {
		if (values[i].kind != VALUE_COMMENT &&
		    !find_place(&shape->places[i], kept, values + i, shape->count))
			return false;
		for (size_t j = 0; j < i; j++)
			if (overlap(&shape->places[i], &shape->places[j]))
				return false;
	}
	return true;
}

/* Do all samples come out as they are? */
static bool proves(const struct rule_shape *shape, struct rule *const samples[SHAPE_SAMPLES])
{
	bool same = true;

	for (size_t i = 0; same && i < SHAPE_SAMPLES; i++) {
		autobuf whole = {0};

		copy_kept(&whole, samples[i], false);
		same = !whole.failed &&
		       span_equal(buf_span(&whole), buf_span(&shape->samples[i]->attrs));
	}
	return same;
}

static bool make_samples(struct rule_shape *shape, const struct shape_value *values)
{
	for (size_t i = 0; i < SHAPE_SAMPLES * shape->count; i++)
		shape->values[i] = values[i];
	for (size_t i = 0; i < SHAPE_SAMPLES; i++) {
		shape->samples[i] = rule_shape_make(shape, values + i * shape->count);
		if (!shape->samples[i])
			return false;
	}
	return true;
}

struct rule_shape *rule_shape_learn(struct rule *const samples[SHAPE_SAMPLES],
				    const struct shape_value *values, size_t count)
{
	struct rule_shape *shape = count <= SHAPE_VALUES ? calloc(1, sizeof(*shape)) : NULL;
	struct buf kept[SHAPE_SAMPLES] = {0};
	bool comment = count && values[count - 1].kind == VALUE_COMMENT, ok = shape;

	for (size_t i = 0; ok && i < SHAPE_SAMPLES; i++) {
		copy_kept(&kept[i], samples[i], comment);
		ok = !kept[i].failed && kept[i].len;
	}
	if (ok) {
		shape->count = count;
		buf_put(&shape->attrs, kept[0].data, kept[0].len);
		ok = !shape->attrs.failed && find_places(shape, kept, values) &&
		     make_samples(shape, values) && proves(shape, samples);
	}
	for (size_t i = 0; i < SHAPE_SAMPLES; i++)
		buf_free(&kept[i]);
	if (ok)
		return shape;
	rule_shape_free(shape);
	return NULL;
}

/* ------------------------------------------------------------------ looking */

const struct rule *rule_shape_sample(const struct rule_shape *shape, size_t i)
{
	return shape->samples[i];
}

size_t rule_shape_count(const struct rule_shape *shape)
{
	return shape->count;
}

const struct shape_value *rule_shape_sample_values(const struct rule_shape *shape, size_t i)
{
	return shape->values + i * shape->count;
}

struct shape_value rule_shape_value(const struct rule *rule, size_t i)
{
	struct shape_value value = rule->shape->values[i];
	const struct place *place = &rule->shape->places[i];

	memset(value.bytes, 0, sizeof(value.bytes));
	if (value.kind == VALUE_COMMENT) {
		value.comment = rule_comment(rule);
		value.length = value.comment ? strlen(value.comment) : 0;
	} else {
		memcpy(value.bytes, rule->attrs.data + place->at, place->bytes);
	}
	return value;
}

static uint64_t number_of(const struct shape_value *value)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < value->size; i++)
		number = number << 8 | value->bytes[i];
	return number;
}

void shape_value_put(const struct shape_value *value, struct buf *out)
{
	char address[INET6_ADDRSTRLEN];

	if (value->kind == VALUE_COMMENT)
		buf_put(out, value->comment, value->length);
	else if (value->kind == VALUE_ADDRESS)
		buf_puts(out, inet_ntop(value->size == 4 ? AF_INET : AF_INET6, value->bytes,
					address, sizeof(address)));
	else
		buf_printf(out, "%" PRIu64, number_of(value));
}
