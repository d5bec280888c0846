/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/json_syntax.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#define PATH_DEPTH 16 /* beyond that a path says "/…" */

enum want {
	WANT_VALUE,
	WANT_VALUE_OR_END,
	WANT_KEY,
	WANT_KEY_OR_END,
	WANT_COLON,
	WANT_COMMA,
	WANT_NOTHING
};

struct frame {
	bool is_object;
	size_t index;
	struct json_text key; /* with its quotes; data NULL: none yet */
};

struct walk {
	struct json_text text;
	enum want want;
	ARRAY(struct frame) frames;
	size_t at, end;	     /* the token */
	const char *wrong;   /* what is wrong with the token; NULL: nothing */
	const char *instead; /* what was expected, if `want` does not tell */
	bool no_memory;
};

static void walk_free(struct walk *walk)
{
	array_free(&walk->frames);
}

static const char *expected(const struct walk *walk)
{
	bool in_object = walk->frames.n && walk->frames.v[walk->frames.n - 1].is_object;

	switch (walk->want) {
	case WANT_VALUE:
		return "a value";
	case WANT_VALUE_OR_END:
		return "a value or ']'";
	case WANT_KEY:
		return "a key in double quotes";
	case WANT_KEY_OR_END:
		return "a key in double quotes or '}'";
	case WANT_COLON:
		return "':' behind the key";
	case WANT_COMMA:
		return in_object ? "',' or '}'" : "',' or ']'";
	case WANT_NOTHING:
		break;
	}
	return "the end of the document";
}

/* What is wrong with the token, and what was expected in place of what the state expects. */
static void wrong(struct walk *walk, const char *what, const char *instead)
{
	walk->wrong = what;
	walk->instead = instead;
}

static void wrong_escape(struct walk *walk)
{
	wrong(walk, "bad escape in a string",
	      "\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX (surrogates in pairs)");
}

static void take_escape(struct walk *walk, const char *at, const char *end)
{
	if (at + 1 >= end || !at[1] || !strchr("\"\\/bfnrtu", at[1])) {
		wrong_escape(walk);
		return;
	}
	if (at[1] != 'u')
		return;
	for (int i = 2; i < 6; i++) {
		if (at + i >= end || !isxdigit((unsigned char)at[i])) {
			wrong_escape(walk);
			return;
		}
	}
	if (!memcmp(at + 2, "0000", 4))
		wrong(walk, "NUL in a string", "text without \\u0000");
}

static void take_string(struct walk *walk)
{
	const char *at = walk->text.data + walk->at + 1, *end = walk->text.data + walk->text.length;

	for (; at < end && *at != '"' && !walk->wrong; at++) {
		if ((unsigned char)*at < 0x20)
			wrong(walk, "control character in a string",
			      "it written as \\n, \\t or \\uXXXX");
		else if (*at == '\\')
			take_escape(walk, at++, end);
	}
	if (at >= end && !walk->wrong)
		wrong(walk, "the text ends in a string", "'\"' at its end");
	walk->end = (size_t)((at < end ? at + (*at == '"') : end) - walk->text.data);
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && isdigit((unsigned char)*at))
		at++;
	return at;
}

/* RFC 8259: -? (0|[1-9][0-9]*) (.[0-9]+)? ([eE][+-]?[0-9]+)? */
static bool is_number(const char *at, const char *end)
{
	const char *digits;

	at += at < end && *at == '-';
	digits = at;
	at = skip_digits(at, end);
	if (at == digits || (*digits == '0' && at > digits + 1))
		return false;
	if (at < end && *at == '.') {
		digits = ++at;
		at = skip_digits(at, end);
		if (at == digits)
			return false;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		at += at < end && (*at == '+' || *at == '-');
		digits = at;
		at = skip_digits(at, end);
		if (at == digits)
			return false;
	}
	return at == end;
}

static void take_word(struct walk *walk)
{
	const char *begin = walk->text.data + walk->at, *at = begin;
	const char *end = walk->text.data + walk->text.length;
	size_t length;

	while (at < end && !strchr(" \t\r\n,:[]{}\"", *at))
		at++;
	length = (size_t)(at - begin);
	walk->end = walk->at + length;
	if ((length == 4 && (!memcmp(begin, "true", 4) || !memcmp(begin, "null", 4))) ||
	    (length == 5 && !memcmp(begin, "false", 5)) || is_number(begin, at))
		return;
	walk->wrong = isdigit((unsigned char)*begin) || strchr("+-.", *begin) ? "not a JSON number"
									      : "syntax error";
}

static void push(struct walk *walk, bool is_object)
{
	if (!array_push(&walk->frames, (struct frame){.is_object = is_object}))
		walk->no_memory = true;
	walk->want = is_object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
}

static void value_ended(struct walk *walk)
{
	walk->want = walk->frames.n ? WANT_COMMA : WANT_NOTHING;
}

/* Punctuation; what does not fit where it stands is wrong. */
static void take_mark(struct walk *walk, char c)
{
	struct frame *top = walk->frames.n ? &walk->frames.v[walk->frames.n - 1] : NULL;
	enum want want = walk->want;

	walk->end = walk->at + 1;
	if ((c == '{' || c == '[') && (want == WANT_VALUE || want == WANT_VALUE_OR_END)) {
		push(walk, c == '{');
	} else if (c == ':' && want == WANT_COLON) {
		walk->want = WANT_VALUE;
	} else if (top && c == ',' && want == WANT_COMMA) {
		top->index++;
		top->key.data = NULL;
		walk->want = top->is_object ? WANT_KEY : WANT_VALUE;
	} else if (top && c == (top->is_object ? '}' : ']') &&
		   (want == WANT_COMMA || want == WANT_KEY_OR_END || want == WANT_VALUE_OR_END)) {
		walk->frames.n--;
		value_ended(walk);
	} else {
		walk->wrong = "syntax error";
	}
}

/* A string or a word. */
static void take_scalar(struct walk *walk, bool is_string)
{
	enum want want = walk->want;

	if (is_string)
		take_string(walk);
	else
		take_word(walk);
	if (walk->wrong)
		return;
	if (want == WANT_VALUE || want == WANT_VALUE_OR_END) {
		value_ended(walk);
	} else if (is_string && (want == WANT_KEY || want == WANT_KEY_OR_END)) {
		walk->frames.v[walk->frames.n - 1].key =
			(struct json_text){walk->text.data + walk->at, walk->end - walk->at};
		walk->want = WANT_COLON;
	} else {
		walk->wrong = want == WANT_NOTHING ? "trailing text" : "syntax error";
	}
}

/* Walks up to the token that reaches `stop`, or to the first that is wrong. */
static void walk_to(struct walk *walk, size_t stop)
{
	do {
		char c;

		walk->at = json_skip_space(walk->text, walk->end);
		if (walk->at >= walk->text.length) {
			walk->end = walk->at;
			if (walk->want != WANT_NOTHING)
				walk->wrong = "the text ends early";
			return;
		}
		c = walk->text.data[walk->at];
		if (strchr("{}[],:", c))
			take_mark(walk, c);
		else
			take_scalar(walk, c == '"');
		if (walk->wrong && walk->want == WANT_NOTHING)
			walk->wrong = "trailing text";
	} while (!walk->wrong && !walk->no_memory && walk->end < stop);
}

void json_path_add(struct buf *path, const char *key)
{
	buf_putc(path, '/');
	for (; *key; key++) {
		if (*key == '~' || *key == '/')
			buf_puts(path, *key == '~' ? "~0" : "~1");
		else if ((unsigned char)*key < 0x20 || *key == 0x7f)
			buf_printf(path, "\\u%04x", (unsigned)*key);
		else
			buf_putc(path, *key);
	}
}

static void add_key(struct buf *path, struct json_text key)
{
	json_t *string = json_loadb(key.data, key.length, JSON_DECODE_ANY, NULL);

	json_path_add(path, string ? json_string_value(string) : "?");
	json_decref(string);
}

/* A list's element counts while it, not what follows it, is meant. */
static void write_path(const struct walk *walk, struct buf *path)
{
	if (walk->frames.n < 2 && walk->want != WANT_VALUE && walk->want != WANT_COLON)
		buf_putc(path, '/');
	for (size_t i = 0; i < walk->frames.n; i++) {
		const struct frame *frame = &walk->frames.v[i];
		bool last = i + 1 == walk->frames.n;

		if (i == PATH_DEPTH) {
			buf_puts(path, "/…");
			return;
		}
		if (frame->key.data && !(last && walk->want == WANT_COMMA))
			add_key(path, frame->key);
		else if (!frame->is_object && !(last && walk->want == WANT_COMMA))
			buf_printf(path, "/%zu", frame->index);
	}
}

static const char *hint(const struct walk *walk, char first)
{
	if (first == '\'')
		return "; strings stand in double quotes";
	if (first == '/' || first == '#')
		return "; JSON has no comments";
	if ((first == '}' && walk->want == WANT_KEY) || (first == ']' && walk->want == WANT_VALUE))
		return "; the comma before it is one too many";
	return "";
}

static void suggest(const struct walk *walk, const char *shown, char out[TEXT_SHOWN_MAX + 32])
{
	static const char *const words[] = {"true", "false", "null"};
	const char *meant = text_suggest(shown, words, 3, sizeof(*words));

	out[0] = 0;
	if (walk->want != WANT_VALUE && walk->want != WANT_VALUE_OR_END)
		return;
	if (!strcasecmp(shown, "none") || !strcasecmp(shown, "nil"))
		meant = "null";
	if (meant)
		snprintf(out, TEXT_SHOWN_MAX + 32, "; did you mean %s?", meant);
	else if (isalpha((unsigned char)*shown))
		snprintf(out, TEXT_SHOWN_MAX + 32, "; did you mean \"%s\"?", shown);
}

/* The walk found it. */
static bool refuse_token(const char *file, const struct walk *walk, const char *path,
			 struct untrack_error *err)
{
	struct json_place place = json_place(walk->text, JSON_START, walk->at);
	const char *token = walk->text.data + walk->at;
	char shown[TEXT_SHOWN_MAX], meant[TEXT_SHOWN_MAX + 32];

	if (walk->at == walk->end)
		return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
				"%s; expected %s", walk->wrong, expected(walk));
	text_show(token, walk->end - walk->at, shown);
	if (walk->instead)
		return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
				"%s, got '%s'; expected %s", walk->wrong, shown, walk->instead);
	suggest(walk, shown, meant);
	return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
			"%s, got '%s'; expected %s%s%s", walk->wrong, shown, expected(walk),
			hint(walk, *token), meant);
}

/* The line where the duplicate key stood first. */
static unsigned first_line(const struct walk *walk)
{
	const struct frame *frame = &walk->frames.v[walk->frames.n - 1];
	json_t *key = json_loadb(frame->key.data, frame->key.length, JSON_DECODE_ANY, NULL);
	struct walk search = {.text = walk->text};
	size_t depth = walk->frames.n, at = walk->at;
	unsigned line = 0;

	/* The last key of that name at that depth before it is in the same object. */
	while (key && !search.no_memory && search.end < walk->at) {
		walk_to(&search, 0);
		if (search.want == WANT_COLON && search.frames.n == depth && search.at < walk->at &&
		    json_string_is(walk->text, search.at, json_string_value(key)))
			at = search.at;
	}
	line = json_place(walk->text, JSON_START, at).line;
	walk_free(&search);
	json_decref(key);
	return line;
}

/* jansson alone saw it. */
static bool refuse_other(const char *file, const struct walk *walk, const json_error_t *jansson,
			 const char *path, struct untrack_error *err)
{
	struct json_place place = json_place(walk->text, JSON_START, walk->at);
	char shown[TEXT_SHOWN_MAX];
	enum json_error_code code = json_error_code(jansson);

	text_show(walk->text.data + walk->at, walk->end - walk->at, shown);
	if (code == json_error_out_of_memory)
		return error_memory(err);
	if (code == json_error_duplicate_key)
		return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
				"duplicate key, got '%s' again; expected it once, and it stands in "
				"line %u already",
				shown, first_line(walk));
	if (code == json_error_stack_overflow)
		return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
				"nested too deep, got '%s'; expected at most 2048 levels", shown);
	if (code == json_error_numeric_overflow)
		return error_at(
			err, ERROR_DOCUMENT, file, place.line, place.column, path,
			"number out of range, got '%s'; expected an integer of 64 bits or a "
			"double",
			shown);
	return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
			"not JSON (%s), got '%s'; expected what RFC 8259 allows", jansson->text,
			shown);
}

char *json_path_at(struct json_text text, size_t offset)
{
	autoclean(walk_free) struct walk walk = {.text = text};
	autobuf path = {0};

	walk_to(&walk, offset + 1);
	if (!walk.wrong && walk.want == WANT_COMMA)
		walk.want = WANT_VALUE;
	write_path(&walk, &path);
	return walk.no_memory ? NULL : buf_steal_text(&path);
}

bool json_explain(const char *file, struct json_text text, const json_error_t *jansson,
		  struct untrack_error *err)
{
	autoclean(walk_free) struct walk walk = {.text = text};
	enum json_error_code code = json_error_code(jansson);
	autobuf path = {0};

	/* What is missing is behind the last token. */
	walk_to(&walk, code == json_error_premature_end_of_input ? text.length + 1
								 : (size_t)jansson->position);
	if (!walk.wrong && walk.want == WANT_COMMA)
		walk.want = WANT_VALUE; /* what was read is meant, not what follows */
	if (!walk.wrong && code == json_error_invalid_syntax && text.data[walk.at] == '"')
		wrong_escape(&walk); /* half of a surrogate pair */
	write_path(&walk, &path);
	if (walk.no_memory || !buf_ok(&path, err))
		return error_memory(err);
	if (walk.wrong)
		return refuse_token(file, &walk, buf_text(&path), err);
	return refuse_other(file, &walk, jansson, buf_text(&path), err);
}
