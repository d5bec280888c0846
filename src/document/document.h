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

/* JSON taken apart: document/json_lines.h. */
struct nft_lines;

/* One file as it was read; or a part of one, where nft text includes others: these are sources of their
 * own, between the parts of the text around them. */
struct source {
	char *name; /* for messages: the path, or "stdin" */
	struct buf text;
	bool standard_input;
	bool inner;    /* neither a file that was named, nor its beginning */
	unsigned line; /* of the file, that the text begins with; counted from 0 */
};

typedef ARRAY(struct source) source_list;

/* What was found for the include lines of a text. */
struct inclusions {
	texts files;
	texts directories; /* that wildcards were looked up in */
	bool relative;	   /* to the working directory */
	bool elsewhere;	   /* what wildcards find depends on more than these directories */
};
void inclusions_free(struct inclusions *inclusions);

struct document {
	enum document_kind kind;
	source_list sources;   /* in order */
	struct policy *policy; /* DOCUMENT_POLICY only */
	long_lists lists;      /* that were taken out of the sources' texts */
	bool apart; /* the texts are not as in the files: lists are missing, or included files are in
		       them */
	struct inclusions inclusions; /* of the included files that are in them */
	struct nft_lines *rules;      /* of JSON with many rules; or NULL */
};

/* At most this many bytes a document. */
#define DOCUMENT_MAX (64u << 20)

/* Several files, or a directory's files in order of their names, are one document. All must be of one
 * kind; a policy is exactly one file. Policies are read and judged here; the other kinds are only
 * read (JSON: its syntax and keys are judged too). NULL with the error set. */
struct document *document_read(const char *const *paths, size_t count, struct untrack_error *err);
/* The same, with long lists of elements apart from the text (document/lift.h), and with what nft text
 * includes in it, where it is certain what that is. */
struct document *document_read_apart(const char *const *paths, size_t count,
				     struct untrack_error *err);
/* Reads it again as it is in its files; NULL without an error where that cannot be, since it came
 * from standard input. */
struct document *document_read_whole(const struct document *document, struct untrack_error *err);
/* The text of a source, JSON in which one rule may stand for many alike: for what asks about no rules. */
const struct buf *document_brief_text(const struct document *document, size_t source);
void document_free(struct document *document);

/* Names and words of a document for history: its file names, joined by ", ". Owned by the caller. */
char *document_name(const struct document *document);
