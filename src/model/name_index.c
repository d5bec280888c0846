/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/name_index.h"

#include "base/hash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 32 };

void name_index_free(struct name_index *index)
{
	free(index->slots);
	*index = (struct name_index){0};
}

static const char *name_at(void *const *objects, size_t place)
{
	return *(char *const *)objects[place];
}

static size_t hash(const char *name)
{
	return hash_place(hash_bytes(HASH_BEGIN, name, strlen(name)));
}

/* Behind all of the same name, since nothing is ever taken out. */
static void insert(struct name_index *index, void *const *objects, size_t place)
{
	size_t at = hash(name_at(objects, place));

	while (index->slots[at &= index->room - 1])
		at++;
	index->slots[at] = (uint32_t)(place + 1);
}

/* Brings it up to the list. At most half of the slots are taken. */
static bool carry_on(struct name_index *index, void *const *objects, size_t n)
{
	if (index->count > n || index->room < 2 * n) {
		size_t room = 4 * SHORT;

		while (room < 3 * n)
			room *= 2;
		name_index_free(index);
		index->slots = calloc(room, sizeof(*index->slots));
		if (!index->slots)
			return false;
		index->room = room;
	}
	for (; index->count < n; index->count++)
		insert(index, objects, index->count);
	return true;
}

static size_t search(void *const *objects, size_t n, const char *name, size_t *cursor)
{
	while (*cursor < n) {
		size_t place = (*cursor)++;

		if (!strcmp(name_at(objects, place), name))
			return place;
	}
	return SIZE_MAX;
}

size_t name_index_next(struct name_index *index, void *const *objects, size_t n, const char *name,
		       size_t *cursor)
{
	size_t begin;

	if (n < SHORT || n >= UINT32_MAX / 4 || !carry_on(index, objects, n))
		return search(objects, n, name, cursor);
	for (begin = hash(name);; (*cursor)++) {
		uint32_t entry = index->slots[(begin + *cursor) & (index->room - 1)];

		if (!entry)
			return SIZE_MAX;
		if (!strcmp(name_at(objects, entry - 1), name)) {
			(*cursor)++;
			return entry - 1;
		}
	}
}
