/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the live ruleset in a thread of its own while a long document is compiled, as both take
 * their time. What was read stands for what is there if nobody has committed since: then reading
 * again would give the same, but for what the kernel moves by itself, and of that it is as old as
 * compiling took.
 */
#pragma once

#include "api/context.h"
#include "model/ruleset.h"

struct ahead;

/* NULL, without an error, where it is not worthwhile or does not work. Tables that the document
 * seems to name are read as deep as READ_BOUNDED, or all of them. */
struct ahead *ahead_start(struct untrack *untrack, const struct document *document, bool all);
void ahead_free(struct ahead *ahead);

/* Once: the ruleset, if it is what kernel_read() would give now, or NULL. */
struct ruleset *ahead_take(struct ahead *ahead, struct kernel *kernel, read_depth_fn *depth,
			   void *arg);
