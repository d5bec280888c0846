/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft text taken apart into lines that are one plain rule each, and all the rest. A plain rule means the
 * same wherever it stands in its chain, as long as the rest stays: it has no variables, no anonymous
 * sets, and no names that are looked up outside of the document. What is in doubt is no plain rule.
 */
#pragma once

#include "base/array.h"
#include "document/document.h"
#include "document/nft_shapes.h"

struct rule_line {
	const char *text; /* inside nft_lines.text; not ended by a NUL */
	size_t length;
	size_t run;
	size_t shape;  /* in nft_lines.shapes.all */
	size_t values; /* where its values begin in nft_lines.shapes.values */
};

/* Plain rules of one chain with nothing but blank lines and comments between them. */
struct rule_run {
	char *chain; /* "ip filter input" */
	uint8_t family;
	char *table_name, *chain_name;
	size_t first, count; /* of lines */
	size_t begin, end;   /* of the text */
};

struct nft_lines {
	char *text; /* all files, one behind the other */
	size_t length;
	struct buf rest; /* the text with each run taken out */
	ARRAY(struct rule_line) lines;
	ARRAY(struct rule_run) runs;
	struct text_shapes shapes;
};

void nft_lines_free(struct nft_lines *lines);
#define autolines __attribute__((cleanup(nft_lines_free))) struct nft_lines

/* False, without an error, if the text is not of a form that can be taken apart for certain. */
bool nft_lines_read(const struct document *document, struct nft_lines *ret_lines);

/* A document without the lines that are known (one bool each): in place of each run it has two rules
 * that do nothing, and between them samples of the shapes that are used and met here first, then those of
 * its lines that are not known. NULL without memory. */
struct document *nft_lines_reduce(const struct nft_lines *lines, const bool *known);

/* Which run's first (is_end false) or last rule bears that comment? False if none. */
bool nft_lines_fence(const char *comment, size_t *ret_run, bool *ret_is_end);
