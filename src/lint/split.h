/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of walk.h: paths, and how a condition splits one. */
#pragma once

#include "lint/walk.h"

struct path_node {
	struct path path;
	struct path_node *next;
	bool merged; /* has become part of another one */
};

/* A list of paths on one walk, whose arena has them. */
struct paths {
	struct walk *walk;
	struct path_node *head;
	struct path_node *last;
	size_t n;
};

/* More are put together where that leaves them the same packets, or let go. */
#define PATHS_MAX 512
static inline size_t paths_max(const struct walk *walk)
{
	return walk->paths_max ? walk->paths_max : PATHS_MAX;
}

void paths_push(struct paths *paths, const struct path *path);
/* Out of a list, into another one: the path itself, no copy. */
struct path_node *paths_take(struct paths *paths);
void paths_put(struct paths *paths, struct path_node *node);
void paths_drop(struct paths *paths, struct path_node *node);
void paths_free(struct paths *paths);
#define autopaths __attribute__((cleanup(paths_free))) struct paths
#define paths_for_each(at, paths) for (struct path_node *at = (paths)->head; at; at = at->next)

/* merge.c: puts paths together that differ in one key only. Is there room now? */
bool paths_merge(struct paths *paths);

/* Takes ranges out of a key. False: no packet is left. */
bool path_refuse(struct walk *walk, struct path *path, enum key key, const struct ranges *ranges);

/* Splits by FACT_RANGES, FACT_BOXES, FACT_MASK or FACT_OPAQUE. */
void split(struct walk *walk, const struct path *path, const struct fact *fact, struct paths *yes,
	   struct paths *no);
/* By FACT_VERDICTS: calls fn for what each verdict takes. */
typedef void split_fn(void *arg, const struct path *path, const struct verdict *verdict);
void split_verdicts(struct walk *walk, const struct path *path, const struct fact *fact,
		    split_fn *fn, void *arg, struct paths *no);
