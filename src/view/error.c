/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/error.h"

#include "base/buf.h"

#include <jansson.h>

static const char *error_message(const struct untrack_error *error)
{
	return error->message ? error->message : "out of memory";
}

char *view_error_text(const struct untrack_error *error)
{
	struct buf out = {0};

	if (error->file) {
		buf_printf(&out, "%s:", error->file);
		if (error->line)
			buf_printf(&out, "%u:%u:", error->line, error->column);
		buf_putc(&out, ' ');
	}
	buf_puts(&out, "error: ");
	if (error->path && *error->path)
		buf_printf(&out, "%s: ", error->path);
	buf_printf(&out, "%s\n", error_message(error));
	if (!error->changed)
		buf_puts(&out, "nothing was changed\n");
	return buf_steal_text(&out);
}

char *view_error_json(const struct untrack_error *error)
{
	json_t *body = json_pack("{s:{s:s, s:s, s:s?, s:o, s:o, s:s?, s:b}}", "error", "code",
				 error_code_name(error->code), "message", error_message(error),
				 "file", error->file, "line",
				 error->line ? json_integer(error->line) : json_null(), "column",
				 error->line ? json_integer(error->column) : json_null(), "path",
				 error->path, "changed", error->changed);
	char *text = body ? json_dumps(body, 0) : NULL;

	json_decref(body);
	return text;
}
