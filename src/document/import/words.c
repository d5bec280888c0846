/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/words.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

struct mark {
	size_t text, variable; /* offsets into storage; variable 0: none */
	bool quoted, operator;
};

struct splitter {
	const char *at, *end;
	bool shell;
	unsigned typography;
	struct buf storage; /* words with their NULs */
	ARRAY(struct mark) marks;
	bool open;	 /* a word has begun */
	size_t variable; /* of the open word */
	bool quoted;
	size_t begin;
	const char *why;
};

enum glyph { GLYPH_OTHER, GLYPH_DASH, GLYPH_QUOTE, GLYPH_SPACE, GLYPH_NOTHING };

/* What a page may have put in place of an ASCII character; *ret_length bytes. */
static enum glyph glyph(const char *at, const char *end, size_t *ret_length)
{
	size_t length = text_utf8_length(at, (size_t)(end - at));
	const unsigned char *u = (const unsigned char *)at;
	unsigned code = 0;

	*ret_length = length ? length : 1;
	if (length == 2)
		code = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
	else if (length == 3)
		code = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	if ((code >= 0x2010 && code <= 0x2015) || code == 0x2212 || code == 0xfe58 ||
	    code == 0xff0d)
		return GLYPH_DASH;
	if (code == 0x201c || code == 0x201d || code == 0x201e || code == 0x2018 ||
	    code == 0x2019 || code == 0xab || code == 0xbb || code == 0x2033)
		return GLYPH_QUOTE;
	if (code == 0xa0 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f || code == 0x3000)
		return GLYPH_SPACE;
	if (code == 0x200b || code == 0xfeff || code == 0xad)
		return GLYPH_NOTHING;
	return GLYPH_OTHER;
}

static void begin_word(struct splitter *s)
{
	if (s->open)
		return;
	s->open = true;
	s->quoted = false;
	s->variable = 0;
	s->begin = s->storage.len;
}

static void put(struct splitter *s, const char *bytes, size_t length)
{
	begin_word(s);
	buf_put(&s->storage, bytes, length);
}

static bool end_word(struct splitter *s, bool operator)
{
	struct mark mark = {s->begin, s->variable, s->quoted, operator};

	if (!s->open)
		return true;
	s->open = false;
	buf_zero(&s->storage, 1);
	return array_push(&s->marks, mark);
}

/* A run of dashes in front of a name, with one among them that is not ASCII: one letter is a short
 * option, a word a long one. */
static bool take_dashes(struct splitter *s)
{
	const char *at = s->at;
	bool strange = false;
	size_t length;

	while (at < s->end) {
		bool ascii = *at == '-';

		if (!ascii && glyph(at, s->end, &length) != GLYPH_DASH)
			break;
		strange |= !ascii;
		at += ascii ? 1 : length;
	}
	if (!strange)
		return false;
	s->typography |= TYPOGRAPHY_DASH;
	s->at = at;
	if (at < s->end && isalpha((unsigned char)*at) && at + 1 < s->end &&
	    (isalnum((unsigned char)at[1]) || at[1] == '-'))
		put(s, "--", 2);
	else
		put(s, "-", 1);
	return true;
}

/* `$NAME`, `${NAME}`, `$(…)` and backticks: what a shell would put there is not known. */
static void take_variable(struct splitter *s)
{
	const char *from = s->at++;
	size_t offset;

	if (*from == '$' && s->at < s->end && (*s->at == '{' || *s->at == '(')) {
		char close = *s->at == '{' ? '}' : ')';

		while (s->at < s->end && *s->at != close)
			s->at++;
		s->at += s->at < s->end;
	} else if (*from == '`') {
		while (s->at < s->end && *s->at != '`')
			s->at++;
		s->at += s->at < s->end;
	} else {
		while (s->at < s->end &&
		       (isalnum((unsigned char)*s->at) || strchr("_@*#?", *s->at)))
			s->at++;
	}
	put(s, from, (size_t)(s->at - from));
	offset = s->storage.len - (size_t)(s->at - from);
	if (!s->variable)
		s->variable = offset + 1;
}

static bool is_variable(const struct splitter *s)
{
	return s->shell && (*s->at == '`' ||
			    (*s->at == '$' && s->at + 1 < s->end &&
			     (isalnum((unsigned char)s->at[1]) || strchr("_{(@*#?", s->at[1]))));
}

/* Behind an opening quote. typographic: any of the bent ones closes it. */
static bool take_quoted(struct splitter *s, char quote, bool typographic)
{
	size_t length;

	begin_word(s);
	s->quoted = true;
	while (s->at < s->end) {
		if (typographic && glyph(s->at, s->end, &length) == GLYPH_QUOTE) {
			s->at += length;
			return true;
		}
		if (*s->at == quote) {
			s->at++;
			return true;
		}
		if (quote == '"' && *s->at == '\\' && s->at + 1 < s->end &&
		    (!s->shell || strchr("\\\"$`", s->at[1]))) {
			put(s, s->at + 1, 1);
			s->at += 2;
		} else if (quote == '"' && is_variable(s)) {
			take_variable(s);
		} else {
			put(s, s->at++, 1);
		}
	}
	s->why = "a quote is not closed";
	return false;
}

static bool take_operator(struct splitter *s)
{
	static const char *const operators[] = {"&&", "||", ";;", ">>", "&>", ">&", "2>&1", "2>>",
						"2>", ";",  "&",  "|",	">",  "<",  "(",    ")"};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t length = strlen(operators[i]);

		if ((size_t)(s->end - s->at) < length || memcmp(s->at, operators[i], length) ||
		    (s->open && operators[i][0] == '2'))
			continue;
		if (!end_word(s, false))
			return false;
		put(s, s->at, length);
		s->at += length;
		return end_word(s, true);
	}
	return true;
}

static bool step(struct splitter *s)
{
	size_t length;
	const char *before = s->at;

	if (*s->at == ' ' || *s->at == '\t' || *s->at == '\r') {
		s->at++;
		return end_word(s, false);
	}
	if (s->shell && *s->at == '#' && !s->open) {
		s->at = s->end;
		return true;
	}
	if (*s->at == '"' || (s->shell && *s->at == '\'')) {
		s->at++;
		return take_quoted(s, *before, false);
	}
	if (is_variable(s)) {
		take_variable(s);
		return true;
	}
	if (s->shell && *s->at == '\\' && s->at + 1 < s->end) {
		put(s, s->at + 1, 1);
		s->at += 2;
		return true;
	}
	if (s->shell && strchr("&|;<>()2", *s->at)) {
		if (!take_operator(s))
			return false;
		if (s->at != before)
			return true;
	}
	if (!s->open && take_dashes(s))
		return true;
	switch (glyph(s->at, s->end, &length)) {
	case GLYPH_DASH:
		s->typography |= TYPOGRAPHY_DASH;
		put(s, "-", 1);
		break;
	case GLYPH_QUOTE:
		s->typography |= TYPOGRAPHY_QUOTE;
		s->at += length;
		return take_quoted(s, '"', true);
	case GLYPH_SPACE:
		s->typography |= TYPOGRAPHY_SPACE;
		s->at += length;
		return end_word(s, false);
	case GLYPH_NOTHING:
		s->typography |= TYPOGRAPHY_SPACE;
		break;
	case GLYPH_OTHER:
		put(s, s->at, length);
		break;
	}
	s->at += length;
	return true;
}

static bool collect(struct splitter *s, struct words *ret_words)
{
	struct words words = {0};

	if (s->storage.failed || !array_reserve(&words.w, s->marks.n + 1))
		return false;
	words.storage = buf_steal_text(&s->storage);
	if (!words.storage) {
		array_free(&words.w);
		return false;
	}
	array_for_each(mark, &s->marks)
		words.w.v[words.w.n++] = (struct word){
			.text = words.storage + mark->text,
			.quoted = mark->quoted,
			.operator= mark->operator,
			.variable = mark->variable ? words.storage + mark->variable - 1 : NULL,
		};
	*ret_words = words;
	return true;
}

bool words_split(const char *line, size_t length, bool shell, struct words *ret_words,
		 unsigned *ret_typography, const char **ret_why)
{
	struct splitter s = {.at = line, .end = line + length, .shell = shell};
	bool ok = true;

	while (ok && s.at < s.end)
		ok = step(&s);
	ok = ok && end_word(&s, false) && collect(&s, ret_words);
	*ret_typography = s.typography;
	*ret_why = s.why;
	buf_free(&s.storage);
	array_free(&s.marks);
	return ok;
}

void words_free(struct words *words)
{
	array_free(&words->w);
	free(words->storage);
	words->storage = NULL;
}
