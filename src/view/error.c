/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/error.h"

#include "base/buf.h"
#include "base/text.h"

#include <jansson.h>

static const char *error_message(const struct untrack_error *error)
{
	return error->message ? error->message : "out of memory";
}

char *view_error_text(const struct untrack_error *error)
{
	struct buf out = {0};

	if (error->file) {
		text_put(&out, error->file);
		buf_putc(&out, ':');
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

/* As it is, or with broken UTF-8 as \xNN: names of files may be any bytes. */
static json_t *any_text(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();
	autobuf shown = {0};

	if (value)
		return value;
	text_put(&shown, text);
	return json_string(buf_text(&shown));
}

char *view_error_json(const struct untrack_error *error)
{
	json_t *body = json_pack("{s:{s:s, s:o, s:o, s:o, s:o, s:o, s:b}}", "error", "code",
				 error_code_name(error->code), "message",
				 any_text(error_message(error)), "file", any_text(error->file),
				 "line", error->line ? json_integer(error->line) : json_null(),
				 "column", error->line ? json_integer(error->column) : json_null(),
				 "path", any_text(error->path), "changed", error->changed);
	char *text = body ? json_dumps(body, 0) : NULL;

	json_decref(body);
	return text;
}
