/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two sequences have in common, where few edits lead from one to the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDITS_MAX = 32 }; /* entries that are only in one of them, in all */

#define NO_PARTNER SIZE_MAX

/* Is entry i of the first like entry j of the second? */
typedef bool edits_same_fn(void *arg, size_t i, size_t j);

/* Pairs as many entries as can be paired in the order of both: pair[i] is the entry of the second (m of
 * them) that is like entry i of the first (n of them), or NO_PARTNER. False, with pair as it was, where
 * there are too many edits. */
bool edits_pair(size_t n, size_t m, edits_same_fn *same, void *arg, size_t *pair);
