/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/lift_words.h"

#include <string.h>

bool lift_is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_-./:*@$", c));
}

bool word_is_any(struct word word, const char *const *list)
{
	for (; *list; list++)
		if (word_is(word, *list))
			return true;
	return false;
}

bool word_ends_statement(struct word word)
{
	return !word.length || word_is(word, "\n") || word_is(word, ";");
}

/* ------------------------------------------------------------------ variables */

bool word_is_variable(struct word word)
{
	for (size_t i = 1; i < word.length; i++)
		if (strchr(":*@$", word.start[i]))
			return false;
	return word.length > 1 && *word.start == '$';
}

/* A word with a $ in it. */
static void note_mention(struct cursor *c, struct word word)
{
	struct lift_variable *variable;

	if (!word_is_variable(word))
		c->lift->unclear = true;
	else if ((variable = lift_find_variable(c->lift, word.start + 1, word.length - 1)))
		variable->mentions++;
}

/* The name behind `define`, `redefine` or `undefine`. */
static void note_definition(struct cursor *c, struct word word)
{
	struct lift_variable *variable = lift_find_variable(c->lift, word.start, word.length);

	if (variable)
		variable->definitions++;
}

/* ------------------------------------------------------------------ reading on */

static bool enter_next_source(struct cursor *c)
{
	struct cursor next;

	if (c->source + 1 == c->lift->count)
		return false;
	next = lift_cursor(c->lift, c->source + 1);
	c->text = next.text;
	c->at = next.at;
	c->end = next.end;
	c->source++;
	return true;
}

/* Passes a word, up to its end. */
static struct word read_word(struct cursor *c)
{
	const char *start = c->at;
	bool names = false; /* a variable */

	if (c->at < c->end && *c->at == '"') {
		const char *end = memchr(c->at + 1, '"', (size_t)(c->end - c->at - 1));

		c->at = end ? end + 1 : c->end;
	} else {
		for (; c->at < c->end && lift_is_word_byte(*c->at); c->at++)
			names |= *c->at == '$';
		if (c->at == start && c->at < c->end)
			c->at++;
	}
	if (names)
		note_mention(c, (struct word){start, (size_t)(c->at - start)});
	return (struct word){start, (size_t)(c->at - start)};
}

struct word lift_next_in(struct cursor *c, bool lines)
{
	static const char *const redefining[] = {"define", "redefine", "undefine", NULL};
	static const struct word line_end = {"\n", 1};
	struct word word;

	lift_skip_blanks(c, lines);
	while (c->at == c->end && enter_next_source(c)) {
		if (lines) { /* there is one behind each source */
			c->ended = true;
			return line_end;
		}
		lift_skip_blanks(c, false);
	}
	word = read_word(c);
	if (c->redefines)
		note_definition(c, word);
	c->redefines = word_is_any(word, redefining);
	c->ended = word_ends_statement(word);
	return word;
}

struct word lift_next(struct cursor *c)
{
	return lift_next_in(c, true);
}

void lift_skip_block(struct cursor *c)
{
	for (unsigned depth = 1; depth;) {
		struct word word = lift_next_in(c, false);

		if (!word.length) {
			c->lift->given_up = true;
			return;
		}
		depth += word_is(word, "{");
		depth -= word_is(word, "}");
	}
}

void lift_skip_statement(struct cursor *c)
{
	for (;;) {
		struct cursor before = *c;
		struct word word = lift_next(c);

		if (word_is(word, "}")) {
			*c = before;
			return;
		}
		if (word_ends_statement(word))
			return;
		if (word_is(word, "{"))
			lift_skip_block(c);
	}
}
