/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ruleset taken apart into lines that are one plain rule each, and all the rest; of JSON a line is a
 * command (json_lines.h). A plain rule means the same wherever it stands in its chain, as long as the
 * rest stays: it has no variables, and no names that are looked up outside of the document; its anonymous sets
 * are its own. What is in doubt is no plain rule.
 */
#pragma once

#include "base/array.h"
#include "document/document.h"
#include "document/nft_shapes.h"
#include "document/nft_words.h"
#include "model/ruleset.h"

struct rule_line {
	const char *text; /* inside the document's; not ended by a NUL */
	size_t length;
	size_t run;
	size_t shape;  /* in nft_lines.shapes.all */
	size_t values; /* where its values begin in nft_lines.shapes.values */
};

/* Plain rules of one chain with no other rules of it between them; in text nothing else either. */
struct rule_run {
	char *chain; /* "ip filter input" */
	uint8_t family;
	char *table_name, *chain_name;
	size_t first, count; /* of lines */
	size_t begin, end;   /* of text */
};

/* A command of JSON. */
struct json_piece {
	const char *text;
	size_t length;
	size_t source;
	size_t line; /* SIZE_MAX: it is none */
};

struct nft_lines {
	char *text;    /* all files of nft text, one behind the other; of JSON NULL */
	size_t length; /* of all files */
	const struct document *document; /* of JSON, with its commands in order */
	ARRAY(struct json_piece) pieces;
	ARRAY(struct buf) judged; /* json_lines.h */
	struct buf rest;	  /* all but the runs */
	ARRAY(struct rule_line) lines;
	ARRAY(struct rule_run) runs;
	struct text_shapes shapes;
};

void nft_lines_free(struct nft_lines *lines);
#define autolines __attribute__((cleanup(nft_lines_free))) struct nft_lines

/* Of nft text. False, without an error, if it is not of a form that can be taken apart for certain. */
bool nft_lines_read(const struct document *document, struct nft_lines *ret_lines);

/* A document without the lines that are left out (one bool each): in place of each run it has two rules
 * that do nothing, and between them, if asked for, samples of the shapes that are used and met here first, then
 * those of its lines that are not left out. NULL without memory. */
struct document *nft_lines_reduce(const struct nft_lines *lines, const bool *left_out,
				  bool samples);
/* Is the chain the one that the run is in? */
bool nft_lines_is_run(const struct nft_lines *lines, size_t run, const struct table *table,
		      const struct chain *chain);

/* Opens a run, which begins with the next line and is one more in the rest. */
bool nft_lines_open_run(struct nft_lines *lines, struct word family, struct word table,
			struct word chain);
/* Does it hold what stands for runs? */
bool nft_lines_has_fence(const char *text, size_t length);
/* The comment of a run's first or last rule, and samples of the shapes that are met in it first. */
void nft_lines_put_fence(struct buf *text, size_t run, bool is_end);
void nft_lines_put_samples(const struct nft_lines *lines, size_t run, const char *between,
			   struct buf *text);
/* Which run's first (is_end false) or last rule bears that comment? False if none. */
bool nft_lines_fence(const char *comment, size_t *ret_run, bool *ret_is_end);
