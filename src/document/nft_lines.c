/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_lines.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/json_lines.h"
#include "document/nft_holes.h"
#include "document/nft_words.h"
#include "model/ruleset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FENCE "untrack: plain rules "

void nft_lines_free(struct nft_lines *lines)
{
	array_for_each(run, &lines->runs) {
		free(run->chain);
		free(run->table_name);
		free(run->chain_name);
	}
	array_free(&lines->runs);
	array_free(&lines->lines);
	array_free(&lines->pieces);
	array_for_each(text, &lines->judged) {
		buf_free(text);
	}
	array_free(&lines->judged);
	text_shapes_free(&lines->shapes);
	buf_free(&lines->rest);
	free(lines->text);
	*lines = (struct nft_lines){0};
}

/* ------------------------------------------------------------------ lines */

enum place { OUTSIDE, IN_TABLE, IN_CHAIN };

struct walk {
	struct nft_lines *lines;
	enum place place;
	unsigned inner; /* braces that are open inside of the place, of anything else */
	struct word family, table, chain;
	size_t copied;	  /* of the text to the rest */
	size_t chains;	  /* that were begun so far */
	bool run_is_open; /* the last run may go on */
};

/* Where what is said in the line ends: before blanks and a comment. NULL if a text is left open. */
static const char *content_end(const char *line, const char *end)
{
	bool quoted = false;
	const char *last = line;

	for (const char *at = line; at < end; at++) {
		if (!quoted && *at == '#')
			break;
		quoted ^= *at == '"';
		if (*at != ' ' && *at != '\t' && *at != '\r')
			last = at + 1;
	}
	return quoted ? NULL : last;
}

/* Follows the braces of a line. False if it closes more than is open inside of the place. */
static bool follow_braces(struct walk *walk, const char *at, const char *end)
{
	for (struct word word = word_next(&at, end); word.length; word = word_next(&at, end)) {
		if (word_is(word, "}") && !walk->inner--)
			return false;
		walk->inner += word_is(word, "{");
	}
	return true;
}

static bool is_only_brace(const char *at, const char *end)
{
	struct word word = word_next(&at, end), behind = word_next(&at, end);

	return word_is(word, "}") && (!behind.length || (word_is(behind, ";") && at == end));
}

/* Statements outside of tables that neither count rules nor bring others in. */
static bool is_harmless(const char *at, const char *end)
{
	struct word first = word_next(&at, end), second = word_next(&at, end);

	return word_is(first, "define") || word_is(first, "table") ||
	       (word_is(first, "flush") && word_is(second, "ruleset")) ||
	       ((word_is(first, "add") || word_is(first, "delete") || word_is(first, "destroy")) &&
		word_is(second, "table"));
}

static bool line_outside(struct walk *walk, const char *line, const char *end)
{
	static const struct word ip = {"ip", 2};
	const char *at = line;
	struct word words[5];

	for (size_t i = 0; i < 5; i++)
		words[i] = word_next(&at, end);
	if (word_is(words[0], "table") && word_is_identifier(words[1])) {
		bool short_form = word_is(words[2], "{") && !words[3].length;

		if (short_form ||
		    (word_is_identifier(words[2]) && word_is(words[3], "{") && !words[4].length)) {
			walk->family = short_form ? ip : words[1];
			walk->table = short_form ? words[1] : words[2];
			walk->place = IN_TABLE;
			return true;
		}
	}
	return is_harmless(line, end) && follow_braces(walk, line, end);
}

static bool line_in_table(struct walk *walk, const char *line, const char *end)
{
	const char *at = line;
	struct word first = word_next(&at, end), name = word_next(&at, end);
	struct word brace = word_next(&at, end), more = word_next(&at, end);

	if (word_is(first, "chain") && word_is_identifier(name) && word_is(brace, "{") &&
	    !more.length) {
		walk->chain = name;
		walk->place = IN_CHAIN;
		walk->chains++;
		walk->run_is_open = false;
		return true;
	}
	if (is_only_brace(line, end)) {
		walk->place = OUTSIDE;
		return true;
	}
	return follow_braces(walk, line, end);
}

static char *word_copy(struct word word)
{
	return strndup(word.start, word.length);
}

bool nft_lines_open_run(struct nft_lines *lines, struct word family, struct word table,
			struct word chain)
{
	struct rule_run run = {.first = lines->lines.n};
	autofree char *name = word_copy(family);

	run.table_name = word_copy(table);
	run.chain_name = word_copy(chain);
	run.family = name ? family_parse(name) : 0;
	if (!run.family || !run.table_name || !run.chain_name ||
	    asprintf(&run.chain, "%s %s %s", name, run.table_name, run.chain_name) < 0)
		run.chain = NULL;
	if (run.chain && array_push(&lines->runs, run))
		return true;
	free(run.chain);
	free(run.table_name);
	free(run.chain_name);
	return false;
}

static bool open_run(struct walk *walk, size_t begin)
{
	struct nft_lines *lines = walk->lines;

	if (!nft_lines_open_run(lines, walk->family, walk->table, walk->chain))
		return false;
	lines->runs.v[lines->runs.n - 1].begin = begin;
	buf_put(&lines->rest, lines->text + walk->copied, begin - walk->copied);
	buf_puts(&lines->rest, "#" FENCE "\n");
	walk->run_is_open = true;
	return true;
}

/* next: where the line behind it begins */
static bool line_in_chain(struct walk *walk, const char *line, const char *end, const char *next)
{
	struct nft_lines *lines = walk->lines;
	struct rule_line plain = {
		.text = line, .length = (size_t)(end - line), .values = lines->shapes.values.n};
	struct text_shape *shape;
	struct holes holes;
	bool is_new;

	nft_holes_find(line, end, &holes);
	plain.shape = text_shapes_add(&lines->shapes, line, end, &holes, walk->chains, &is_new);
	if (plain.shape == SIZE_MAX)
		return false;
	shape = &lines->shapes.all.v[plain.shape];
	if (is_new)
		shape->plain = is_plain_rule(line, end, &shape->sets);
	if (shape->plain) {
		if (!walk->run_is_open && !open_run(walk, (size_t)(line - lines->text)))
			return false;
		plain.run = lines->runs.n - 1;
		shape->run = shape->lines++ ? shape->run : plain.run;
		if (!array_push(&lines->lines, plain))
			return false;
		lines->runs.v[plain.run].count++;
		lines->runs.v[plain.run].end = walk->copied = (size_t)(next - lines->text);
		return true;
	}
	lines->shapes.values.n = plain.values;
	walk->run_is_open = false;
	if (is_only_brace(line, end)) {
		walk->place = IN_TABLE;
		return true;
	}
	return follow_braces(walk, line, end);
}

static bool take_line(struct walk *walk, const char *line, const char *end, const char *next)
{
	const char *content = content_end(line, end);

	while (content && line < content && (*line == ' ' || *line == '\t'))
		line++;
	if (!content || memchr(line, '\\', (size_t)(content - line)))
		return false;
	if (line == content)
		return true;
	if (walk->inner)
		return follow_braces(walk, line, content);
	switch (walk->place) {
	case OUTSIDE:
		return line_outside(walk, line, content);
	case IN_TABLE:
		return line_in_table(walk, line, content);
	case IN_CHAIN:
	default:
		return line_in_chain(walk, line, content, next);
	}
}

bool nft_lines_read(const struct document *document, struct nft_lines *ret_lines)
{
	autolines lines = {0};
	struct walk walk = {.lines = &lines};
	autobuf all = {0};

	if (document->kind != DOCUMENT_TEXT)
		return false;
	array_for_each(source, &document->sources) {
		buf_put(&all, source->text.data, source->text.len);
		buf_putc(&all, '\n');
	}
	lines.length = all.len;
	lines.text = buf_steal_text(&all);
	if (!lines.text || strlen(lines.text) != lines.length ||
	    nft_lines_has_fence(lines.text, lines.length) || strpbrk(lines.text, MARKS_RESERVED) ||
	    text_mentions(lines.text, lines.length, "include"))
		return false;
	for (char *line = lines.text, *end; *line; line = end + 1) {
		end = strchr(line, '\n'); /* there is one behind each file */
		if (!take_line(&walk, line, end, end + 1))
			return false;
	}
	buf_put(&lines.rest, lines.text + walk.copied, lines.length - walk.copied);
	if (lines.rest.failed || walk.place != OUTSIDE || walk.inner)
		return false;
	*ret_lines = lines;
	lines = (struct nft_lines){0};
	return true;
}

/* ------------------------------------------------------------------ the reduced document */

bool nft_lines_has_fence(const char *text, size_t length)
{
	return memmem(text, length, FENCE, strlen(FENCE));
}

void nft_lines_put_fence(struct buf *text, size_t run, bool is_end)
{
	buf_printf(text, FENCE "%zu %s", run, is_end ? "end" : "begin");
}

static void put_fence_rule(struct buf *text, size_t run, bool is_end)
{
	buf_puts(text, "continue comment \"");
	nft_lines_put_fence(text, run, is_end);
	buf_puts(text, "\"\n");
}

bool nft_lines_fence(const char *comment, size_t *ret_run, bool *ret_is_end)
{
	char which[8];

	if (!comment || strncmp(comment, FENCE, strlen(FENCE)) != 0 ||
	    sscanf(comment + strlen(FENCE), "%zu %7s", ret_run, which) != 2)
		return false;
	*ret_is_end = !strcmp(which, "end");
	return true;
}

bool nft_lines_is_run(const struct nft_lines *lines, size_t run, const struct table *table,
		      const struct chain *chain)
{
	const struct rule_run *one = &lines->runs.v[run];

	return one->family == table->family && !strcmp(one->table_name, table->name) &&
	       !strcmp(one->chain_name, chain->name);
}

void nft_lines_put_samples(const struct nft_lines *lines, size_t run, const char *between,
			   struct buf *text)
{
	shape_values values = {0};

	array_for_each(shape, &lines->shapes.all) {
		for (size_t i = 0; i < SHAPE_SAMPLES && shape->used && shape->run == run; i++) {
			text->failed |= !text_shape_sample(shape, i, &values, text);
			buf_puts(text, between);
		}
	}
	array_free(&values);
}

static void write_reduced(const struct nft_lines *lines, const bool *left_out, bool samples,
			  struct buf *text)
{
	size_t copied = 0;

	for (size_t r = 0; r < lines->runs.n; r++) {
		const struct rule_run *run = &lines->runs.v[r];

		buf_put(text, lines->text + copied, run->begin - copied);
		put_fence_rule(text, r, false);
		if (samples)
			nft_lines_put_samples(lines, r, "\n", text);
		for (size_t i = run->first; i < run->first + run->count; i++) {
			if (left_out[i])
				continue;
			buf_put(text, lines->lines.v[i].text, lines->lines.v[i].length);
			buf_putc(text, '\n');
		}
		put_fence_rule(text, r, true);
		copied = run->end;
	}
	buf_put(text, lines->text + copied, lines->length - copied);
}

static struct document *reduce_text(const struct nft_lines *lines, const bool *left_out,
				    bool samples)
{
	struct document *document = calloc(1, sizeof(*document));
	struct source source = {.name = strdup("stdin")};

	write_reduced(lines, left_out, samples, &source.text);
	if (document && source.name && !source.text.failed &&
	    array_push(&document->sources, source)) {
		document->kind = DOCUMENT_TEXT;
		return document;
	}
	free(source.name);
	buf_free(&source.text);
	document_free(document);
	return NULL;
}

struct document *nft_lines_reduce(const struct nft_lines *lines, const bool *left_out, bool samples)
{
	return lines->text ? reduce_text(lines, left_out, samples)
			   : json_lines_reduce(lines, left_out, samples);
}
