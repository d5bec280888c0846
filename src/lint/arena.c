/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10)

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

void *arena_get(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block = arena->block;
	size_t want = BLOCK_SIZE;
	void *found;

	if (arena->failed || size > SIZE_MAX - sizeof(*block) - align) {
		arena->failed = true;
		return NULL;
	}
	size = (size + align - 1) & ~(align - 1);
	if (!block || block->size - block->used < size) {
		if (want < size)
			want = size;
		block = calloc(1, sizeof(*block) + want);
		if (!block) {
			arena->failed = true;
			return NULL;
		}
		block->size = want;
		block->next = arena->block;
		arena->block = block;
		arena->size += want;
	}
	found = block->data + block->used;
	block->used += size;
	return found;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->block;

	if (!kept)
		return;
	arena->block = kept->next;
	arena_free(arena);
	memset(kept->data, 0, kept->used);
	kept->used = 0;
	kept->next = NULL;
	*arena = (struct arena){.block = kept, .size = kept->size};
}

void arena_free(struct arena *arena)
{
	while (arena->block) {
		struct arena_block *next = arena->block->next;

		free(arena->block);
		arena->block = next;
	}
	*arena = (struct arena){0};
}
