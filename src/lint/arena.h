/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is given back all at once. A walk over a ruleset makes many small, short-lived,
 * shared values; none of them has an owner but the arena. Once memory runs out `failed` stays set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *block;
	size_t size; /* of all blocks */
	bool failed;
};

/* Zeroed memory, aligned for any type; NULL (and failed) when there is none. */
void *arena_get(struct arena *arena, size_t size);
/* All of it is free again; a block is kept. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);
#define autoarena __attribute__((cleanup(arena_free))) struct arena
