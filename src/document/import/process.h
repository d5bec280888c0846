/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the iptables and ipset packages, run in a network namespace. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/namespace.h"

struct process_result {
	int status; /* its exit status; 128 and more: ended by a signal */
	struct buf output, errors;
};
void process_result_free(struct process_result *result);
#define autoprocess __attribute__((cleanup(process_result_free))) struct process_result

/* The program's path: in PATH, or in the sbin directory beside one that is there. Owned; NULL: it
 * is not installed. */
char *process_find(const char *name);

/* Runs it to its end with that input. False only where it could not be run. */
bool process_run(const struct netns *ns, const char *path, const char *const *argv,
		 const struct buf *input, struct process_result *ret_result,
		 struct untrack_error *err);
