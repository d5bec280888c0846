/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the objects of a long list by name: a hash of names to places in the list, made at the first
 * search and carried on when objects were appended since. Objects begin with their name.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct name_index {
	uint32_t *slots; /* place + 1; 0: free */
	size_t room;	 /* of slots, a power of two */
	size_t count;	 /* places 0 .. count - 1 are in it */
};

void name_index_free(struct name_index *index);

/*
 * The places of objects with that name, in the order of the list: *cursor is 0 for the first, and goes
 * on with each call. SIZE_MAX at the end. Short lists, and all lists without memory for more, are
 * searched through.
 */
size_t name_index_next(struct name_index *index, void *const *objects, size_t n, const char *name,
		       size_t *cursor);
