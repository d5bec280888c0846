/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_shapes.h"

#include "base/cleanup.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

void text_shapes_free(struct text_shapes *shapes)
{
	array_for_each(key, &shapes->keys) {
		free(*key);
	}
	array_free(&shapes->keys);
	array_free(&shapes->all);
	array_free(&shapes->table);
	array_free(&shapes->values);
	buf_free(&shapes->key);
}

/* ------------------------------------------------------------------ shapes */

/* A comment is the last value, wherever it stands. */
static void place_holes(struct text_shape *shape, const struct holes *holes)
{
	shape->hole_count = holes->n;
	for (size_t i = 0; i < holes->n; i++) {
		const struct hole *hole = &holes->v[i];

		shape->holes[i].mark = hole->mark;
		shape->holes[i].prefix = hole->value.prefix;
		if (hole->mark != MARK_COMMENT && hole->mark != MARK_HANDLE)
			shape->holes[i].value = (uint8_t)shape->value_count++;
	}
	for (size_t i = 0; i < holes->n; i++)
		if (holes->v[i].mark == MARK_COMMENT)
			shape->holes[i].value = (uint8_t)shape->value_count++;
}

/* The line with marks, and where they are in it. */
static bool write_key(struct buf *key, const char *line, const char *end, const struct holes *holes,
		      struct text_shape *shape)
{
	const char *copied = line;

	key->len = 0;
	for (size_t i = 0; i < holes->n; i++) {
		buf_put(key, copied, (size_t)(holes->v[i].start - copied));
		shape->holes[i].at = key->len;
		buf_putc(key, (char)holes->v[i].mark);
		copied = holes->v[i].start + holes->v[i].length;
	}
	buf_put(key, copied, (size_t)(end - copied));
	return !key->failed;
}

static size_t hash(struct span key, size_t place)
{
	return hash_place(hash_bytes(HASH_BEGIN + place, key.data, key.len));
}

static uint32_t *slot(struct text_shapes *shapes, struct span key, size_t place)
{
	size_t size = shapes->table.n - 1, at = hash(key, place) & size;

	for (;; at = (at + 1) & size) {
		uint32_t index = shapes->table.v[at];

		if (!index || (shapes->all.v[index - 1].place == place &&
			       span_equal(shapes->all.v[index - 1].key, key)))
			return &shapes->table.v[at];
	}
}

static bool make_room(struct text_shapes *shapes)
{
	size_t size = shapes->table.n ? shapes->table.n * 2 : 256;

	if (shapes->all.n < shapes->table.n / 2)
		return true;
	array_free(&shapes->table);
	if (!array_reserve(&shapes->table, size))
		return false;
	shapes->table.n = size;
	memset(shapes->table.v, 0, size * sizeof(*shapes->table.v));
	for (size_t i = 0; i < shapes->all.n; i++)
		*slot(shapes, shapes->all.v[i].key, shapes->all.v[i].place) = (uint32_t)i + 1;
	return true;
}

/* The shape with that key, or made as one. SIZE_MAX without memory. */
static size_t find_or_add(struct text_shapes *shapes, struct text_shape *made, bool *ret_new)
{
	uint32_t *found = slot(shapes, made->key, made->place);
	char *key;

	*ret_new = !*found;
	if (*found)
		return *found - 1;
	key = malloc(made->key.len + 1);
	if (!key || !array_push(&shapes->keys, key)) {
		free(key);
		return SIZE_MAX;
	}
	memcpy(key, made->key.data, made->key.len);
	made->key.data = (const uint8_t *)key;
	if (!array_push(&shapes->all, *made))
		return SIZE_MAX;
	*found = (uint32_t)shapes->all.n;
	return shapes->all.n - 1;
}

size_t text_shapes_add(struct text_shapes *shapes, const char *line, const char *end,
		       const struct holes *holes, size_t place, bool *ret_new)
{
	struct text_shape made = {.place = place};
	size_t first = shapes->values.n, shape;

	place_holes(&made, holes);
	if (!write_key(&shapes->key, line, end, holes, &made) || !make_room(shapes) ||
	    !array_reserve(&shapes->values, first + made.value_count))
		return SIZE_MAX;
	made.key = buf_span(&shapes->key);
	shape = find_or_add(shapes, &made, ret_new);
	if (shape == SIZE_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i < holes->n; i++)
		if (holes->v[i].mark != MARK_HANDLE)
			shapes->values.v[first + made.holes[i].value] = holes->v[i].value;
	shapes->values.n += made.value_count;
	return shape;
}

const char *text_shapes_meet(struct text_shapes *shapes, size_t index, const char *at,
			     const char *end)
{
	const struct text_shape *shape = &shapes->all.v[index];
	struct shape_value values[SHAPE_VALUES], value;
	size_t from = 0, first = shapes->values.n;

	for (size_t i = 0; i <= shape->hole_count; i++) {
		const struct shape_hole *hole = i < shape->hole_count ? &shape->holes[i] : NULL;
		size_t length = (hole ? hole->at : shape->key.len) - from;

		if ((size_t)(end - at) < length || memcmp(at, shape->key.data + from, length) != 0)
			return NULL;
		at += length;
		from += length + 1;
		length = hole ? value_read(hole->mark, hole->prefix, at, end, &value) : 0;
		if (hole && !length)
			return NULL;
		at += length;
		if (hole && hole->mark != MARK_HANDLE)
			values[hole->value] = value;
	}
	if (!array_reserve(&shapes->values, first + shape->value_count))
		return NULL;
	for (size_t i = 0; i < shape->value_count; i++)
		shapes->values.v[shapes->values.n++] = values[i];
	return at;
}

/* ------------------------------------------------------------------ samples */

bool text_shape_sample(const struct text_shape *shape, size_t sample, shape_values *ret_values,
		       struct buf *ret_text)
{
	size_t first = ret_values->n, from = 0;

	if (!array_reserve(ret_values, first + shape->value_count))
		return false;
	ret_values->n += shape->value_count;
	for (size_t i = 0; i < shape->hole_count; i++) {
		const struct shape_hole *hole = &shape->holes[i];
		struct shape_value value;

		buf_put(ret_text, shape->key.data + from, hole->at - from);
		if (hole->mark == MARK_HANDLE) {
			buf_putc(ret_text, '1');
		} else {
			value = value_sample(sample, hole->value, hole->mark, hole->prefix);
			ret_values->v[first + hole->value] = value;
			shape_value_put(&value, ret_text);
		}
		from = hole->at + 1;
	}
	buf_put(ret_text, shape->key.data + from, shape->key.len - from);
	return !ret_text->failed;
}
