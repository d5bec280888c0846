/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[ERROR_NONE] = "none",	       [ERROR_USAGE] = "usage",
	[ERROR_DOCUMENT] = "document", [ERROR_PERMISSION] = "permission",
	[ERROR_KERNEL] = "kernel",     [ERROR_CONFLICT] = "conflict",
	[ERROR_LINT] = "lint",	       [ERROR_CHANGED] = "changed",
	[ERROR_SYSTEM] = "system",
};

const char *error_code_name(enum error_code code)
{
	return names[code];
}

int error_code_status(enum error_code code)
{
	return code == ERROR_CHANGED ? 3 : 2;
}

static void __attribute__((format(printf, 3, 0)))
set_va(struct untrack_error *err, enum error_code code, const char *format, va_list ap)
{
	err->code = code;
	if (vasprintf(&err->message, format, ap) < 0)
		err->message = NULL;
}

static bool may_set(const struct untrack_error *err)
{
	return err && err->code == ERROR_NONE;
}

bool error_set(struct untrack_error *err, enum error_code code, const char *format, ...)
{
	va_list ap;

	if (!may_set(err))
		return false;
	va_start(ap, format);
	set_va(err, code, format, ap);
	va_end(ap);
	return false;
}

bool error_at(struct untrack_error *err, enum error_code code, const char *file, unsigned line,
	      unsigned column, const char *path, const char *format, ...)
{
	va_list ap;

	if (!may_set(err))
		return false;
	va_start(ap, format);
	set_va(err, code, format, ap);
	va_end(ap);
	err->file = file ? strdup(file) : NULL;
	err->path = path ? strdup(path) : NULL;
	err->line = line;
	err->column = column;
	return false;
}

bool error_errno(struct untrack_error *err, int errno_value, const char *format, ...)
{
	bool denied = errno_value == EPERM || errno_value == EACCES;
	autofree char *what = NULL;
	va_list ap;

	if (!may_set(err))
		return false;
	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	return error_set(err, denied ? ERROR_PERMISSION : ERROR_SYSTEM, "%s: %s",
			 what ? what : "error", strerror(errno_value));
}

bool error_memory(struct untrack_error *err)
{
	if (may_set(err))
		err->code = ERROR_SYSTEM; /* no message: there may be no memory for one */
	return false;
}

void error_prefix(struct untrack_error *err, const char *format, ...)
{
	autofree char *prefix = NULL;
	char *message;
	va_list ap;

	if (!error_is_set(err))
		return;
	va_start(ap, format);
	if (vasprintf(&prefix, format, ap) < 0)
		prefix = NULL;
	va_end(ap);
	if (!prefix ||
	    asprintf(&message, "%s: %s", prefix, err->message ? err->message : "out of memory") < 0)
		return;
	free(err->message);
	err->message = message;
}

void error_clear(struct untrack_error *err)
{
	free(err->message);
	free(err->file);
	free(err->path);
	*err = ERROR_INIT;
}

void error_move(struct untrack_error *to, struct untrack_error *from)
{
	if (may_set(to)) {
		*to = *from;
		*from = ERROR_INIT;
	} else {
		error_clear(from);
	}
}
