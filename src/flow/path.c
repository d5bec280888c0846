/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/path.h"

#include "base/cleanup.h"
#include "flow/stages.h"

#include <stdlib.h>

bool stage_add(struct path *path, enum path_lane lane, enum path_hook hook, struct stage *stage,
	       struct untrack_error *err)
{
	if (array_push(&path->hooks[lane][hook], *stage)) {
		*stage = (struct stage){0};
		return true;
	}
	stage_clear(stage);
	return error_memory(err);
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int compare_stages(const void *a, const void *b)
{
	const struct stage *left = a, *right = b;

	if (left->place != right->place)
		return ORDER(left->place, right->place);
	/* What runs inside NAT comes behind it, by priorities of its own. */
	if (left->inside_nat != right->inside_nat)
		return left->inside_nat - right->inside_nat;
	if (left->inside_nat && left->priority != right->priority)
		return ORDER(left->priority, right->priority);
	return ORDER(left->turn, right->turn);
}

static void sort_stages(struct path *path)
{
	for (int lane = 0; lane < LANES; lane++)
		for (int hook = 0; hook < PATH_HOOKS; hook++)
			if (path->hooks[lane][hook].n)
				qsort(path->hooks[lane][hook].v, path->hooks[lane][hook].n,
				      sizeof(struct stage), compare_stages);
}

struct path *path_build(const struct path_sources *sources, struct untrack_error *err)
{
	autoclean(path_free_p) struct path *path = calloc(1, sizeof(*path));

	if (!path) {
		error_memory(err);
		return NULL;
	}
	if (!stages_of_chains(path, sources->ruleset, err) ||
	    !stages_of_legacy(path, sources, err) || !stages_of_kernel(path, sources, err))
		return NULL;
	if (sources->hooks && !stages_registered(path, sources->hooks, err))
		return NULL;
	sort_stages(path);
	return steal_pointer(&path);
}
