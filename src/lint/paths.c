/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths: lists of them, and what a key of one is demanded to be. */
#include "lint/split.h"

/* --- lists ------------------------------------------------------------------------------------ */

static struct path_node *get_node(struct walk *walk)
{
	struct path_node *node = walk->spare;

	if (!node)
		return arena_get(&walk->arena, sizeof(*node));
	walk->spare = node->next;
	return node;
}

void paths_drop(struct paths *paths, struct path_node *node)
{
	node->next = paths->walk->spare;
	paths->walk->spare = node;
}

void paths_put(struct paths *paths, struct path_node *node)
{
	struct walk *walk = paths->walk;

	if (walk->wants && !walk->wants(walk, &node->path)) {
		paths_drop(paths, node);
		return;
	}
	if (paths->last && path_is_same(&paths->last->path, &node->path)) {
		paths_drop(paths, node);
		return;
	}
	if (paths->n >= paths_max(walk) && !paths_merge(paths)) {
		walk->truncated = true;
		paths_drop(paths, node);
		return;
	}
	node->next = NULL;
	if (paths->last)
		paths->last->next = node;
	else
		paths->head = node;
	paths->last = node;
	paths->n++;
}

void paths_push(struct paths *paths, const struct path *path)
{
	struct path_node *node = get_node(paths->walk);

	if (!node)
		return;
	node->path = *path;
	node->merged = false;
	paths_put(paths, node);
}

struct path_node *paths_take(struct paths *paths)
{
	struct path_node *node = paths->head;

	if (!node)
		return NULL;
	paths->head = node->next;
	if (!paths->head)
		paths->last = NULL;
	paths->n--;
	return node;
}

void paths_free(struct paths *paths)
{
	if (paths->last) {
		paths->last->next = paths->walk->spare;
		paths->walk->spare = paths->head;
	}
	paths->head = paths->last = NULL;
	paths->n = 0;
}

/* --- keys ------------------------------------------------------------------------------------- */

const struct ranges *path_values(struct walk *walk, const struct path *path, enum key key)
{
	return path->key[key] ? path->key[key] : key_domain(&walk->arena, &walk->domains, key);
}

static struct made *find_made(struct walk *walk, const struct ranges *a, const struct ranges *b)
{
	struct made *made = &walk->made[((uintptr_t)a / 16 * 31 + (uintptr_t)b / 16) % MADE_MAX];

	if (made->a != a || made->b != b)
		*made = (struct made){.a = a, .b = b};
	return made;
}

bool path_demand(struct walk *walk, struct path *path, enum key key, const struct ranges *ranges)
{
	const struct ranges *values = path_values(walk, path, key);
	struct made *made;

	if (!values || !ranges)
		return false;
	made = find_made(walk, values, ranges);
	if (!made->both)
		made->both = ranges_and(&walk->arena, values, ranges);
	if (!made->both || !made->both->n)
		return false;
	path->key[key] = made->both;
	return true;
}

bool path_demand_one(struct walk *walk, struct path *path, enum key key, number value)
{
	return path_demand(walk, path, key, ranges_one(&walk->arena, value, value));
}

bool path_refuse(struct walk *walk, struct path *path, enum key key, const struct ranges *ranges)
{
	const struct ranges *values = path_values(walk, path, key);
	struct made *made;

	if (!values || !ranges)
		return false;
	made = find_made(walk, values, ranges);
	if (!made->rest)
		made->rest = ranges_without(&walk->arena, values, ranges);
	if (!made->rest || !made->rest->n)
		return false;
	path->key[key] = made->rest;
	return true;
}

bool path_refuse_one(struct walk *walk, struct path *path, enum key key, number value)
{
	return path_refuse(walk, path, key, ranges_one(&walk->arena, value, value));
}
