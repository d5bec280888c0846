/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/json_lines.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/json_rule.h"

#include <stdlib.h>
#include <string.h>

#define BEGINNING "{\"nftables\": ["
#define ENDING "]}"

enum { MARK_SYMBOL = 1 };

enum {
	WORTHWHILE = 200, /* plain rules; of fewer the whole is parsed as fast */
	RECENT = 4,	  /* shapes that a rule may have, most likely */
};

/* Where rules are, and which run of theirs is open; SIZE_MAX: none. */
struct place {
	struct json_string family, table, chain;
	size_t run;
};

struct scan {
	struct nft_lines *lines;
	struct cursor c;
	ARRAY(struct place) places;
	struct text_shapes names; /* of the places */
	struct text_shapes forms; /* of rules, with marks for symbols too */
	struct buf form;	  /* what is looked for among these */
	size_t recent[RECENT];	  /* the last is the latest; SIZE_MAX: none */
};

/* ------------------------------------------------------------------ lines */

/* Which of the texts that were asked for this one is, as they are counted from 0. SIZE_MAX without memory. */
static size_t number_of(struct text_shapes *known, const struct buf *text, bool *ret_new)
{
	static const struct holes none;

	return text->failed ? SIZE_MAX
			    : text_shapes_add(known, buf_text(text), buf_text(text) + text->len,
					      &none, 0, ret_new);
}

/* The place of a rule: its index. SIZE_MAX without memory. */
static size_t find_place(struct scan *scan, const struct json_rule *rule)
{
	const struct json_string names[] = {rule->family, rule->table, rule->chain};
	struct place fresh = {rule->family, rule->table, rule->chain, SIZE_MAX};
	bool is_new = false;
	size_t place;

	scan->form.len = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		buf_put(&scan->form, names[i].start, names[i].length);
		buf_zero(&scan->form, 1);
	}
	place = number_of(&scan->names, &scan->form, &is_new);
	return is_new && !array_push(&scan->places, fresh) ? SIZE_MAX : place;
}

static bool add_piece(struct scan *scan, const char *begin, size_t line)
{
	struct json_piece piece = {.text = begin,
				   .length = (size_t)(scan->c.at - begin),
				   .source = scan->c.source,
				   .line = line};

	return array_push(&scan->lines->pieces, piece);
}

static struct word word_of(struct json_string string)
{
	return (struct word){string.start, string.length};
}

/* The command from there to here, a rule of that shape whose values were put behind the others. */
static bool add_line(struct scan *scan, const char *begin, size_t index)
{
	struct nft_lines *lines = scan->lines;
	struct text_shape *shape = &lines->shapes.all.v[index];
	struct place *place = &scan->places.v[shape->place];
	struct rule_line line = {.text = begin,
				 .length = (size_t)(scan->c.at - begin),
				 .shape = index,
				 .values = lines->shapes.values.n - shape->value_count};

	if (place->run == SIZE_MAX) {
		if (!nft_lines_open_run(lines, word_of(place->family), word_of(place->table),
					word_of(place->chain)))
			return false;
		place->run = lines->runs.n - 1;
	}
	line.run = place->run;
	shape->run = shape->lines++ ? shape->run : line.run;
	lines->runs.v[line.run].count++;
	return array_push(&lines->lines, line) && add_piece(scan, begin, lines->lines.n - 1);
}

static void note_recent(struct scan *scan, size_t shape)
{
	size_t i = 0;

	while (i < RECENT - 1 && scan->recent[i] != shape)
		i++;
	for (; i < RECENT - 1; i++)
		scan->recent[i] = scan->recent[i + 1];
	scan->recent[RECENT - 1] = shape;
}

/* A rule of a shape that was met lately: its bytes alone tell that. */
static bool meet_recent(struct scan *scan, size_t *ret_shape)
{
	for (size_t i = RECENT; i-- > 0;) {
		const char *end = scan->recent[i] == SIZE_MAX
					  ? NULL
					  : text_shapes_meet(&scan->lines->shapes, scan->recent[i],
							     scan->c.at, scan->c.end);

		if (end) {
			scan->c.at = end;
			*ret_shape = scan->recent[i];
			return true;
		}
	}
	return false;
}

/* Is a rule of a new shape the first of its form? Then it stands for all of that form. */
static bool is_first_of_form(struct scan *scan, const char *begin, const struct json_rule *rule,
			     bool *ret_first)
{
	struct buf *form = &scan->form;

	form->len = 0;
	for (size_t i = 0; i < rule->symbol_count; i++) {
		buf_put(form, begin, (size_t)(rule->symbols[i].start - begin));
		buf_putc(form, MARK_SYMBOL);
		begin = rule->symbols[i].start + rule->symbols[i].length;
	}
	buf_put(form, begin, (size_t)(scan->c.at - begin));
	return number_of(&scan->forms, form, ret_first) != SIZE_MAX;
}

/* The command from there to here is a rule. */
static bool add_rule(struct scan *scan, const char *begin, const struct json_rule *rule)
{
	struct nft_lines *lines = scan->lines;
	size_t place = find_place(scan, rule), shape;
	bool is_new, is_first = false;

	if (place == SIZE_MAX)
		return false;
	if (!rule->plain) {
		scan->places.v[place].run = SIZE_MAX;
		return add_piece(scan, begin, SIZE_MAX);
	}
	for (const char *at = begin; at < scan->c.at; at++)
		if (*at && strchr(MARKS_RESERVED, *at))
			return false;
	shape = text_shapes_add(&lines->shapes, begin, scan->c.at, &rule->holes, place, &is_new);
	if (shape == SIZE_MAX || (is_new && !is_first_of_form(scan, begin, rule, &is_first)))
		return false;
	lines->shapes.all.v[shape].plain = true;
	lines->shapes.all.v[shape].judged |= is_first;
	lines->shapes.all.v[shape].sets = rule->sets;
	note_recent(scan, shape);
	return add_line(scan, begin, shape);
}

/* ------------------------------------------------------------------ commands */

/* Of what a set without a type of its own is, its rules tell (nft_unsaid.h). */
static bool is_told_by_rules(struct json_string kind, const char *begin, const char *end)
{
	return (json_is(kind, "set") || json_is(kind, "map")) &&
	       (memchr(begin, '\\', (size_t)(end - begin)) ||
		text_mentions(begin, (size_t)(end - begin), "integer") ||
		text_mentions(begin, (size_t)(end - begin), "string"));
}

/* Rules that are inserted, or have an index, tell their places by what is there before them. */
static bool read_command(struct scan *scan)
{
	struct cursor *c = &scan->c;
	struct json_rule rule;
	struct json_string key;
	bool wrapped, is_rule;
	const char *begin;
	size_t shape;

	json_cursor_skip_space(c);
	begin = c->at;
	if (meet_recent(scan, &shape)) {
		note_recent(scan, shape);
		return add_line(scan, begin, shape);
	}
	if (!json_take(c, '{') || !json_take_key(c, &key) || json_is(key, "insert"))
		return false;
	wrapped = json_is(key, "add") || json_is(key, "create");
	if (wrapped && (!json_take(c, '{') || !json_take_key(c, &key)))
		return false;
	is_rule = json_is(key, "rule");
	if (!(is_rule ? json_rule_read(c, &rule) : json_cursor_skip_value(c)) ||
	    !json_take(c, '}') || (wrapped && !json_take(c, '}')))
		return false;
	if (is_rule)
		return add_rule(scan, begin, &rule);
	return !is_told_by_rules(key, begin, c->at) && add_piece(scan, begin, SIZE_MAX);
}

static bool read_commands(struct scan *scan)
{
	struct cursor *c = &scan->c;
	struct json_string key;

	if (!json_take(c, '{') || !json_take_key(c, &key) || !json_is(key, "nftables") ||
	    !json_take(c, '['))
		return false;
	if (!json_take(c, ']')) {
		do {
			if (!read_command(scan))
				return false;
		} while (json_take(c, ','));
		if (!json_take(c, ']'))
			return false;
	}
	if (!json_take(c, '}'))
		return false;
	json_cursor_skip_space(c);
	return c->at == c->end;
}

static bool read_sources(struct scan *scan, const struct document *document)
{
	for (size_t i = 0; i < document->sources.n; i++) {
		const struct buf *text = &document->sources.v[i].text;
		const char *begin = buf_text(text);

		scan->c = (struct cursor){
			.text = begin, .at = begin, .end = begin + text->len, .source = i};
		scan->lines->length += text->len;
		if (!read_commands(scan) || nft_lines_has_fence(begin, text->len))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ what is left */

/* The lines of each run one behind the other, in the order of the document. */
static bool sort_lines(struct nft_lines *lines)
{
	autofree size_t *next = calloc(lines->runs.n + 1, sizeof(*next));
	struct rule_line *sorted = calloc(lines->lines.n + 1, sizeof(*sorted));
	size_t first = 0;

	if (!next || !sorted) {
		free(sorted);
		return false;
	}
	for (size_t r = 0; r < lines->runs.n; r++) {
		lines->runs.v[r].first = next[r] = first;
		first += lines->runs.v[r].count;
	}
	array_for_each(piece, &lines->pieces) {
		const struct rule_line *line;

		if (piece->line == SIZE_MAX)
			continue;
		line = &lines->lines.v[piece->line];
		piece->line = next[line->run]++;
		sorted[piece->line] = *line;
	}
	free(lines->lines.v);
	lines->lines.v = sorted;
	lines->lines.capacity = lines->lines.n;
	return true;
}

static void put_command(struct buf *text, const struct json_piece *piece)
{
	if (text->len > strlen(BEGINNING))
		buf_puts(text, ",\n");
	buf_put(text, piece->text, piece->length);
}

/* Texts of JSON, one for each source, that are to be filled. */
static void begin_texts(size_t count, struct buf *bufs)
{
	for (size_t i = 0; i < count; i++)
		buf_puts(&bufs[i], BEGINNING);
}

static bool end_texts(size_t count, struct buf *bufs)
{
	bool ok = true;

	for (size_t i = 0; i < count; i++) {
		buf_puts(&bufs[i], ENDING);
		ok &= !bufs[i].failed;
	}
	return ok;
}

/* The first lines of shapes that are judged, and all that is no line. */
static bool write_judged(struct nft_lines *lines)
{
	autofree bool *met = calloc(lines->shapes.all.n + 1, sizeof(*met));
	size_t count = lines->document->sources.n;

	if (!met || !array_reserve(&lines->judged, count))
		return false;
	memset(lines->judged.v, 0, count * sizeof(*lines->judged.v));
	lines->judged.n = count;
	begin_texts(count, lines->judged.v);
	array_for_each(piece, &lines->pieces) {
		size_t shape =
			piece->line == SIZE_MAX ? SIZE_MAX : lines->lines.v[piece->line].shape;

		if (shape == SIZE_MAX || (!met[shape] && lines->shapes.all.v[shape].judged))
			put_command(&lines->judged.v[piece->source], piece);
		if (shape != SIZE_MAX)
			met[shape] = true;
	}
	return end_texts(count, lines->judged.v);
}

static bool is_first_of_run(const struct nft_lines *lines, const struct json_piece *piece)
{
	return piece->line != SIZE_MAX &&
	       lines->runs.v[lines->lines.v[piece->line].run].first == piece->line;
}

static bool write_rest(struct nft_lines *lines)
{
	array_for_each(piece, &lines->pieces) {
		if (is_first_of_run(lines, piece))
			nft_lines_put_fence(&lines->rest, lines->lines.v[piece->line].run, false);
		else if (piece->line == SIZE_MAX)
			buf_put(&lines->rest, piece->text, piece->length);
		else
			continue;
		buf_printf(&lines->rest, "\n%zu\n", piece->source);
	}
	return !lines->rest.failed;
}

bool json_lines_read(const struct document *document, struct nft_lines *ret_lines)
{
	autolines lines = {.document = document};
	struct scan scan = {.lines = &lines};
	bool ok;

	for (size_t i = 0; i < RECENT; i++)
		scan.recent[i] = SIZE_MAX;
	ok = read_sources(&scan, document) && lines.lines.n >= WORTHWHILE && sort_lines(&lines) &&
	     write_judged(&lines) && write_rest(&lines);
	array_free(&scan.places);
	text_shapes_free(&scan.names);
	text_shapes_free(&scan.forms);
	buf_free(&scan.form);
	if (!ok)
		return false;
	*ret_lines = lines;
	lines = (struct nft_lines){0};
	return true;
}

/* ------------------------------------------------------------------ the reduced document */

static void put_fence_rule(struct buf *text, const struct rule_run *run, size_t number, bool is_end)
{
	buf_printf(text,
		   "{\"add\": {\"rule\": {\"family\": \"%s\", \"table\": \"%s\", "
		   "\"chain\": \"%s\", \"expr\": [{\"continue\": null}], \"comment\": \"",
		   family_name(run->family), run->table_name, run->chain_name);
	nft_lines_put_fence(text, number, is_end);
	buf_puts(text, "\"}}}");
}

/* In the place of a run its two rules that do nothing, and between them samples of shapes and what is
 * not left out. */
static void put_run(const struct nft_lines *lines, size_t number, const bool *left_out,
		    bool samples, struct buf *text)
{
	const struct rule_run *run = &lines->runs.v[number];

	if (text->len > strlen(BEGINNING))
		buf_puts(text, ",\n");
	put_fence_rule(text, run, number, false);
	buf_puts(text, ",\n");
	if (samples)
		nft_lines_put_samples(lines, number, ",\n", text);
	for (size_t i = run->first; i < run->first + run->count; i++) {
		if (left_out[i])
			continue;
		buf_put(text, lines->lines.v[i].text, lines->lines.v[i].length);
		buf_puts(text, ",\n");
	}
	put_fence_rule(text, run, number, true);
}

static bool write_reduced(const struct nft_lines *lines, const bool *left_out, bool samples,
			  struct buf *bufs)
{
	begin_texts(lines->document->sources.n, bufs);
	array_for_each(piece, &lines->pieces) {
		if (is_first_of_run(lines, piece))
			put_run(lines, lines->lines.v[piece->line].run, left_out, samples,
				&bufs[piece->source]);
		else if (piece->line == SIZE_MAX)
			put_command(&bufs[piece->source], piece);
	}
	return end_texts(lines->document->sources.n, bufs);
}

static bool add_source(struct document *document, const char *name, struct buf *text)
{
	struct source source = {.name = strdup(name)};

	if (!source.name || !array_push(&document->sources, source)) {
		free(source.name);
		return false;
	}
	document->sources.v[document->sources.n - 1].text = *text;
	*text = (struct buf){0};
	return true;
}

struct document *json_lines_reduce(const struct nft_lines *lines, const bool *left_out,
				   bool samples)
{
	size_t count = lines->document->sources.n;
	struct document *document = calloc(1, sizeof(*document));
	struct buf *bufs = calloc(count, sizeof(*bufs));
	bool ok = document && bufs && write_reduced(lines, left_out, samples, bufs);

	for (size_t i = 0; ok && i < count; i++)
		ok = add_source(document, lines->document->sources.v[i].name, &bufs[i]);
	for (size_t i = 0; bufs && i < count; i++)
		buf_free(&bufs[i]);
	free(bufs);
	if (ok) {
		document->kind = DOCUMENT_JSON;
		return document;
	}
	document_free(document);
	return NULL;
}
