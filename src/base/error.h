/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one error object. A function that can fail returns false, NULL or -1 and takes a
 * `struct untrack_error *err` as its last parameter. The first error wins: setting a second one is
 * ignored, so a caller may go on and still report the cause. Nothing here prints or exits.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum error_code {
	ERROR_NONE = 0,
	ERROR_USAGE,	  /* the caller asked for something that does not exist */
	ERROR_DOCUMENT,	  /* a document cannot be read or means nothing */
	ERROR_PERMISSION, /* no right to do it */
	ERROR_KERNEL,	  /* the kernel refused */
	ERROR_CONFLICT,	  /* what is there forbids it: a foreign table, an armed rollback, a lock */
	ERROR_LINT,	  /* findings of level error */
	ERROR_CHANGED,	  /* the ruleset changed underneath and went on changing */
	ERROR_SYSTEM,	  /* files, memory, processes */
};

struct untrack_error {
	enum error_code code;
	char *message;	 /* owned; may have several lines */
	char *file;	 /* owned, or NULL */
	char *path;	 /* owned JSON path ("/services/0/ports/2"), or NULL */
	unsigned line;	 /* 1-based; 0 is unknown */
	unsigned column; /* 1-based, in bytes; 0 is unknown */
	bool changed;	 /* something had been changed when it struck */
};

/* The word for a code in JSON ("document", "kernel", …). */
const char *error_code_name(enum error_code code);

/* Exit status of a code as the contract has it: 2, or 3 for ERROR_CHANGED. */
int error_code_status(enum error_code code);

/* Sets the error unless one is set. Always returns false, for `return error_set(…)`. err may be
 * NULL (the caller does not want to know). */
bool error_set(struct untrack_error *err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Likewise, with the place in a document. file and path are copied and may be NULL. */
bool error_at(struct untrack_error *err, enum error_code code, const char *file, unsigned line,
	      unsigned column, const char *path, const char *format, ...)
	__attribute__((format(printf, 7, 8)));

/* Likewise, with ": strerror(errno_value)" behind; EPERM and EACCES become ERROR_PERMISSION. */
bool error_errno(struct untrack_error *err, int errno_value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Out of memory. */
bool error_memory(struct untrack_error *err);

static inline bool error_is_set(const struct untrack_error *err)
{
	return err && err->code != ERROR_NONE;
}

/* Puts "format: " in front of the message of an error that is set. */
void error_prefix(struct untrack_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Frees what it holds and makes it unset again. The object itself is the caller's. */
void error_clear(struct untrack_error *err);

/* Moves from into to (to must be unset), from is unset afterwards. */
void error_move(struct untrack_error *to, struct untrack_error *from);

#define ERROR_INIT ((struct untrack_error){0})
#define autoerror __attribute__((cleanup(error_clear))) struct untrack_error
