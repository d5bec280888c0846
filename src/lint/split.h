/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of walk.h: paths, and how a condition splits one. */
#pragma once

#include "lint/walk.h"

struct paths {
	ARRAY(struct path) list;
};

/* More are let go. */
#define PATHS_MAX 512

void paths_push(struct walk *walk, struct paths *paths, const struct path *path);
void paths_free(struct paths *paths);
#define autopaths __attribute__((cleanup(paths_free))) struct paths

/* Splits by FACT_RANGES, FACT_BOXES, FACT_MASK or FACT_OPAQUE. */
void split(struct walk *walk, const struct path *path, const struct fact *fact, struct paths *yes,
	   struct paths *no);
/* By FACT_VERDICTS: calls fn for what each verdict takes. */
typedef void split_fn(void *arg, const struct path *path, const struct verdict *verdict);
void split_verdicts(struct walk *walk, const struct path *path, const struct fact *fact,
		    split_fn *fn, void *arg, struct paths *no);
