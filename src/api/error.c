/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include "view/error.h"

#include <stdlib.h>
#include <untrack.h>

struct untrack_error *untrack_error_new(void)
{
	return calloc(1, sizeof(struct untrack_error));
}

void untrack_error_free(struct untrack_error *error)
{
	if (!error)
		return;
	error_clear(error);
	free(error);
}

void untrack_error_reset(struct untrack_error *error)
{
	error_clear(error);
}

const char *untrack_error_code(const struct untrack_error *error)
{
	return error_code_name(error->code);
}

int untrack_error_status(const struct untrack_error *error)
{
	return error_code_status(error->code);
}

const char *untrack_error_message(const struct untrack_error *error)
{
	return error->message ? error->message : "out of memory";
}

const char *untrack_error_file(const struct untrack_error *error)
{
	return error->file;
}

const char *untrack_error_path(const struct untrack_error *error)
{
	return error->path;
}

unsigned untrack_error_line(const struct untrack_error *error)
{
	return error->line;
}

unsigned untrack_error_column(const struct untrack_error *error)
{
	return error->column;
}

bool untrack_error_changed(const struct untrack_error *error)
{
	return error->changed;
}

char *untrack_error_text(const struct untrack_error *error)
{
	return view_error_text(error);
}

char *untrack_error_json(const struct untrack_error *error)
{
	return view_error_json(error);
}
