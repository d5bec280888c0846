/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a DOCUMENT of the contract: files, a directory, or standard input ("-"), told by content. */
#pragma once

#include "base/array.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/policy.h"

enum document_kind { DOCUMENT_POLICY, DOCUMENT_JSON, DOCUMENT_TEXT };

/* Long lists that were taken out of the text: document/lift.h. */
struct long_list;
typedef ARRAY(struct long_list) long_lists;

/* One file as it was read. */
struct source {
	char *name; /* for messages: the path, or "stdin" */
	struct buf text;
	bool standard_input;
};
typedef ARRAY(struct source) source_list;

struct document {
	enum document_kind kind;
	source_list sources;   /* in order */
	struct policy *policy; /* DOCUMENT_POLICY only */
	long_lists lists;      /* that were taken out of the sources' texts */
};

/* At most this many bytes a document. */
#define DOCUMENT_MAX (64u << 20)

/* Several files, or a directory's files in order of their names, are one document. All must be of one
 * kind; a policy is exactly one file. Policies are read and judged here; the other kinds are only
 * read (JSON: its syntax and keys are judged too). NULL with the error set. */
struct document *document_read(const char *const *paths, size_t count, struct untrack_error *err);
/* The same, with long lists of elements apart from the text (document/lift.h). */
struct document *document_read_apart(const char *const *paths, size_t count,
				     struct untrack_error *err);
/* Reads it again with its lists in the text; NULL without an error where that cannot be, since it came
 * from standard input. */
struct document *document_read_whole(const struct document *document, struct untrack_error *err);
void document_free(struct document *document);

/* Names and words of a document for history: its file names, joined by ", ". Owned by the caller. */
char *document_name(const struct document *document);
