/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of the test's own: `Test(x, y, .init = scratch_begin, .fini = scratch_end)`. */
#pragma once

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_root[64], scratch_state[80], scratch_run[80];

static inline void scratch_begin(void)
{
	snprintf(scratch_root, sizeof(scratch_root), "/tmp/untrack-test-XXXXXX");
	cr_assert_not_null(mkdtemp(scratch_root));
	snprintf(scratch_state, sizeof(scratch_state), "%s/state", scratch_root);
	snprintf(scratch_run, sizeof(scratch_run), "%s/run", scratch_root);
}

static inline int scratch_remove(const char *path, const struct stat *st, int type,
				 struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void scratch_end(void)
{
	nftw(scratch_root, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of something beneath the scratch directory; good until the next call. */
static inline const char *scratch_path(const char *beneath)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch_root, beneath);
	return path;
}
