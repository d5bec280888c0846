/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool print_text(const char *text, struct untrack_error *err)
{
	/* A reader that went away is an error like a full disk, not a death without a word. */
	signal(SIGPIPE, SIG_IGN);
	errno = 0;
	if (fputs(text, stdout) < 0 || fflush(stdout))
		return error_errno(err, errno, "standard output");
	return true;
}

static bool wants_color(const struct invocation *in)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (in->color != COLOR_AUTO)
		return in->color == COLOR_ALWAYS;
	return !(no_color && *no_color) && !(terminal && !strcmp(terminal, "dumb")) &&
	       isatty(STDOUT_FILENO);
}

/* The process is about to end. To take a large result apart before takes as long as to put it together did,
 * and nobody would have its memory. */
static void leave_to_the_end(struct untrack_result *result)
{
	static struct untrack_result *left; /* or a leak would be seen */

	untrack_result_free(left);
	left = result;
}

bool print_result(const struct invocation *in, struct untrack_result *result, bool changes,
		  int *ret_status, struct untrack_error *err)
{
	int status;
	bool printed;

	if (!result)
		return false;
	for (size_t i = 0; in->verbosity >= 0 && untrack_result_warning(result, i); i++)
		fprintf(stderr, "untrack: %s\n", untrack_result_warning(result, i));
	status = untrack_result_status(result);
	printed = in->json ? print_text(untrack_result_json(result), err) && print_text("\n", err)
			   : print_text(untrack_result_text(result, wants_color(in)), err);
	leave_to_the_end(result);
	if (!printed) {
		err->changed = changes;
		if (changes)
			error_prefix(err, "the command was carried out, but not reported");
		return false;
	}
	*ret_status = status;
	return true;
}

void print_error(const struct invocation *in, bool misuse, const struct untrack_error *err)
{
	autofree char *json = in->json ? untrack_error_json(err) : NULL;
	autofree char *text = NULL;

	if (json && print_text(json, NULL) && print_text("\n", NULL))
		return;
	text = untrack_error_text(err);
	/* A message about a document begins with the document's name, others with ours. */
	fprintf(stderr, "%s%s", err->file ? "" : "untrack: ", text ? text : "out of memory\n");
	if (misuse)
		fprintf(stderr, "`untrack %s%s--help` tells what is possible\n",
			in->command ? in->command->name : "", in->command ? " " : "");
}

void print_note(const struct invocation *in, const char *format, ...)
{
	va_list ap;

	if (in->verbosity < 1)
		return;
	fputs("untrack: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}
