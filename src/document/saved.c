/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/saved.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "document/document.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct document, document_free)

void saved_free(struct saved *saved)
{
	array_for_each(name, &saved->devices) {
		free(*name);
	}
	array_free(&saved->devices);
	free(saved->text);
	*saved = (struct saved){0};
}

/* --- words ------------------------------------------------------------------------------------ */

struct rewriting {
	const char *at;
	struct buf out;
	struct saved *saved;
	bool failed;
};

struct word {
	const char *start;
	size_t length; /* 0: at the end */
	bool quoted;   /* start and length are what is between the quotes */
};

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-/@*\\", c));
}

/* The next word or single character from `at` on, behind blanks and comments. */
static struct word peek(const char *at)
{
	struct word word = {.start = at};

	for (;; word.start++) {
		if (*word.start == '#')
			word.start += strcspn(word.start, "\n");
		if (*word.start != ' ' && *word.start != '\t' && *word.start != '\n')
			break;
	}
	if (*word.start == '"') {
		word.quoted = true;
		word.start++;
		word.length = strcspn(word.start, "\"");
		return word;
	}
	while (is_name(word.start[word.length]))
		word.length++;
	if (!word.length && *word.start)
		word.length = 1;
	return word;
}

static const char *behind(const struct word *word)
{
	const char *end = word->start + word->length;

	return word->quoted && *end ? end + 1 : end;
}

static bool is(const struct word *word, const char *text)
{
	return !word->quoted && word->length == strlen(text) &&
	       !strncmp(word->start, text, word->length);
}

/* Copies as it stands, up to there. */
static void copy_to(struct rewriting *r, const char *end)
{
	buf_put(&r->out, r->at, (size_t)(end - r->at));
	r->at = end;
}

/* --- devices ---------------------------------------------------------------------------------- */

static void add_device(struct rewriting *r, const struct word *word)
{
	char *name = strndup(word->start, word->length);
	bool known = name && !strcmp(name, "lo");

	array_for_each(other, &r->saved->devices) {
		known = known || (name && !strcmp(*other, name));
	}
	if (name && !known && array_push(&r->saved->devices, name))
		return;
	r->failed = r->failed || !known;
	free(name);
}

static bool is_operator(const struct word *word)
{
	return is(word, "=") || is(word, "!") || is(word, "{") || is(word, ",");
}

/* Behind iif, oif, device, devices: a name, or several in braces. Numbers are no names. */
static void collect_devices(struct rewriting *r, const char *at)
{
	bool braces = false;

	for (;;) {
		struct word word = peek(at);

		if (!word.length || is(&word, "}"))
			return;
		braces = braces || is(&word, "{");
		at = behind(&word);
		if (is_operator(&word))
			continue;
		if (word.quoted || isalpha((unsigned char)*word.start))
			add_device(r, &word);
		if (!braces)
			return;
		/* Ranges of numbers, and verdicts behind a colon, hold no names. */
		word = peek(at);
		if (!is(&word, ","))
			return;
	}
}

/* --- what is stood in for --------------------------------------------------------------------- */

/* flow add @NAME, flow offload @NAME */
static bool replace_flow(struct rewriting *r, const struct word *first)
{
	struct word verb = peek(behind(first)), table;

	if (!is(first, "flow") || (!is(&verb, "add") && !is(&verb, "offload")))
		return false;
	table = peek(behind(&verb));
	if (!table.length || *table.start != '@')
		return false;
	copy_to(r, first->start);
	buf_puts(&r->out, "log prefix \"" SAVED_STAND_IN "flow add\"");
	r->at = behind(&table);
	return true;
}

/* xt match NAME, xt target NAME */
static bool replace_extension(struct rewriting *r, const struct word *first)
{
	struct word kind = peek(behind(first)), name;

	if (!is(first, "xt") || (!is(&kind, "match") && !is(&kind, "target")))
		return false;
	name = peek(behind(&kind));
	copy_to(r, first->start);
	buf_printf(&r->out, "log prefix \"" SAVED_STAND_IN "xt %.*s %.*s\"", (int)kind.length,
		   kind.start, (int)(name.length < 64 ? name.length : 64), name.start);
	r->at = behind(&name);
	return true;
}

/* flowtable NAME { … } */
static bool drop_flowtable(struct rewriting *r, const struct word *first)
{
	struct word name = peek(behind(first)), brace = peek(behind(&name));
	unsigned depth = 0;

	if (!is(first, "flowtable") || !is(&brace, "{"))
		return false;
	copy_to(r, first->start);
	do {
		depth += is(&brace, "{");
		depth -= is(&brace, "}");
		r->at = behind(&brace);
		brace = peek(r->at);
	} while (depth && brace.length);
	return true;
}

static void rewrite(struct rewriting *r)
{
	struct word word = peek(r->at);

	while (word.length || word.quoted) {
		if (is(&word, "iif") || is(&word, "oif") || is(&word, "device") ||
		    is(&word, "devices"))
			collect_devices(r, behind(&word));
		if (!replace_flow(r, &word) && !replace_extension(r, &word) &&
		    !drop_flowtable(r, &word))
			copy_to(r, behind(&word));
		word = peek(r->at);
	}
}

bool saved_read(const char *path, struct saved *ret_saved, struct untrack_error *err)
{
	autoclean(document_free_p) struct document *document = document_read(&path, 1, err);
	autosaved saved = {0};
	struct rewriting r = {.saved = &saved};

	if (!document)
		return false;
	if (document->kind != DOCUMENT_TEXT)
		return error_at(
			err, ERROR_DOCUMENT, document->sources.v[0].name, 0, 0, NULL,
			"a saved ruleset, got JSON; expected the text of 'nft list ruleset'");
	array_for_each(source, &document->sources) {
		r.at = buf_text(&source->text);
		rewrite(&r);
		buf_putc(&r.out, '\n');
	}
	saved.text = buf_steal_text(&r.out);
	if (!saved.text || r.failed)
		return error_memory(err);
	*ret_saved = saved;
	saved = (struct saved){0};
	return true;
}
