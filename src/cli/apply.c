/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* This program itself, for the guard: it must be found again after a change of directory. */
static bool own_path(char ret_path[PATH_MAX], struct untrack_error *err)
{
	ssize_t length = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);

	if (length < 0)
		return error_errno(err, errno, "/proc/self/exe");
	ret_path[length] = '\0';
	return true;
}

bool run_apply(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	struct untrack_apply_options options = in->apply;
	autoclean(untrack_document_free_p) struct untrack_document *document = NULL;
	autoclean(untrack_free_p) struct untrack *untrack = NULL;
	char program[PATH_MAX], namespace[PATH_MAX];
	const char *guard[] = {program, "guard", NULL, NULL, NULL};

	if (!own_path(program, err))
		return false;
	if (in->context.netns) {
		/* The guard works elsewhere: a relative path would mean another file there. */
		bool absolute =
			strchr(in->context.netns, '/') && realpath(in->context.netns, namespace);

		guard[2] = "--netns";
		guard[3] = absolute ? namespace : in->context.netns;
	}
	options.guard = guard;
	document = read_documents(in, in->operands, in->operand_count, err);
	if (!document)
		return false;
	untrack = untrack_new(&in->context, err);
	if (!untrack)
		return false;
	return print_result(in, untrack_apply(untrack, document, &options, err), !options.dry_run,
			    ret_status, err);
}

bool run_guard(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = untrack_new(&in->context, err);

	*ret_status = 0;
	return untrack && untrack_guard(untrack, err);
}
