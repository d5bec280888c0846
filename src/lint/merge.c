/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths that differ in one key only are one path, with the values of all of them: the same packets,
 * of which the same holds. Rulesets that take (address, port) after (address, port) leave a path
 * for each address, but no more kinds of them than there are ports.
 */
#include "lint/split.h"

#include <stdlib.h>

/* Of one walk; those that won little count more. */
#define MERGES_MAX 64
#define FUTILE 16

static bool same(const struct ranges *a, const struct ranges *b)
{
	return a == b || (a && b && ranges_equal(a, b));
}

static bool same_but(const struct path *a, const struct path *b, enum key key)
{
	if (a->assumed != b->assumed || a->untracked != b->untracked ||
	    a->template_by != b->template_by || a->template_what != b->template_what ||
	    a->nat_by != b->nat_by || a->nat != b->nat || a->decisions != b->decisions ||
	    !same(a->oif, b->oif) || !same(a->mark, b->mark))
		return false;
	for (unsigned k = 0; k < KEYS; k++)
		if (k != key && !same(a->key[k], b->key[k]))
			return false;
	return true;
}

bool path_is_same(const struct path *a, const struct path *b)
{
	return same_but(a, b, KEYS);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15u;
}

/* Intervals that are looked at for a hash. */
#define HASHED 16

static uint64_t hash_ranges(const struct ranges *a)
{
	uint64_t hash;

	if (!a || !a->n)
		return a ? 2 : 1;
	hash = mix(a->n, (uint64_t)a->last ^ (uint64_t)(a->last >> 64));
	for (size_t i = 0; i < a->run[0].n && i < HASHED; i++) {
		const struct interval *at = &a->run[0].v[i];

		hash = mix(hash, (uint64_t)at->first ^ (uint64_t)(at->first >> 64));
		hash = mix(hash, (uint64_t)at->last ^ (uint64_t)(at->last >> 64)) ^ hash >> 29;
	}
	return hash;
}

/* Of all keys but one, and of what has been decided. */
static uint64_t hash_path(const struct path *path, enum key but)
{
	uint64_t hash = (uintptr_t)path->decisions;

	for (unsigned k = 0; k < KEYS; k++)
		if (k != but)
			hash = mix(hash, hash_ranges(path->key[k]));
	return hash;
}

struct entry {
	uint64_t hash;
	size_t place;
	struct path_node *node;
};

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* All that are like the first become part of it. */
static void merge_alike(struct paths *paths, struct entry *v, size_t n, enum key key)
{
	struct path *into = &v[0].node->path;
	const struct ranges *values[PATHS_MAX] = {into->key[key]}, *all = NULL;
	bool any = !into->key[key];
	size_t count = 1;

	for (size_t i = 1; i < n; i++) {
		const struct path *path = &v[i].node->path;

		if (v[i].node->merged || into->untracked_by != path->untracked_by ||
		    !same_but(into, path, key))
			continue;
		v[i].node->merged = true;
		any = any || !path->key[key];
		values[count++] = path->key[key];
	}
	if (!any && count > 1)
		all = ranges_or(&paths->walk->arena, values, count);
	if (count > 1 && (any || all))
		into->key[key] = all;
}

/* Have all paths the same values of that key? Then it parts none of them. */
static bool is_shared(const struct paths *paths, enum key key)
{
	paths_for_each(at, paths)
		if (!same(at->path.key[key], paths->head->path.key[key]))
			return false;
	return true;
}

static void merge_by(struct paths *paths, enum key key)
{
	struct entry v[PATHS_MAX];
	struct paths left = {.walk = paths->walk};
	struct path_node *node;
	size_t n = 0;

	paths_for_each(at, paths) {
		v[n] = (struct entry){hash_path(&at->path, key), n, at};
		n++;
	}
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && v[end].hash == v[i].hash;)
			end++;
		for (size_t j = i; j + 1 < end; j++)
			if (!v[j].node->merged)
				merge_alike(paths, v + j, end - j, key);
	}
	while ((node = paths_take(paths))) {
		if (node->merged)
			paths_drop(paths, node);
		else
			paths_put(&left, node);
	}
	*paths = left;
}

bool paths_merge(struct paths *paths)
{
	struct walk *walk = paths->walk;

	if (walk->merges >= MERGES_MAX)
		return false;
	for (unsigned key = 0; key < KEYS; key++)
		if (!is_shared(paths, key))
			merge_by(paths, key);
	walk->merges += paths->n > paths_max(walk) / 2 ? FUTILE : 1;
	return paths->n < paths_max(walk);
}
