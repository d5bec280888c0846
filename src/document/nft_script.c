/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_script.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/nft_include.h"
#include "document/nft_words.h"
#include "document/source.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { DEEPEST = 8 /* nft: 16 */, PARTS_MAX = 4096, WORDS = 2 };

/* Reads one text. Statements of tables, and of chains, sets and maps in them, are looked at where the text
 * includes something: `known` of the open braces are theirs. */
struct reader {
	const struct source *source;
	struct script *script;
	size_t *left;
	const char *at, *end;
	const char *line;   /* where it begins */
	const char *copied; /* to the parts so far */
	unsigned lines, copied_lines;
	unsigned depth;	  /* of files that include one another */
	unsigned outside; /* braces that were open before the text */
	unsigned braces, known;
	bool looks;		  /* for include lines */
	bool apart;		  /* there was one */
	bool begins;		  /* a command may begin here */
	struct word words[WORDS]; /* the statement's first */
	size_t count;		  /* of its words */
};

static bool read_text(struct reader *reader, struct untrack_error *err);

void script_free(struct script *script)
{
	sources_free(&script->parts);
	inclusions_free(&script->inclusions);
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '/';
}

/* What reads or runs, and what changes something that is there already: by a handle, in a ruleset that
 * the document does not know. */
static bool is_script(struct word word)
{
	static const char *const words[] = {"list",	"reset",   "get",   "monitor",
					    "describe", "replace", "rename"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (word_is(word, words[i]))
			return true;
	return false;
}

/* ------------------------------------------------------------------ characters */

static void begin_statement(struct reader *reader)
{
	reader->begins = true;
	reader->count = 0;
}

static void pass_newline(struct reader *reader)
{
	reader->lines++;
	reader->line = reader->at + 1;
}

/* Texts may go over several lines, as nft reads them. */
static void pass_quoted(struct reader *reader)
{
	while (++reader->at < reader->end && *reader->at != '"')
		if (*reader->at == '\n')
			pass_newline(reader);
	reader->begins = false;
	reader->script->uncertain |= reader->depth && reader->at == reader->end;
}

/* Does the brace that is met open a block whose statements are known? */
static bool opens_block(const struct reader *reader)
{
	const struct word *words = reader->words;

	if (!reader->looks || reader->braces != reader->known || !reader->count)
		return false;
	if (!reader->known)
		return word_is(words[0], "table") ||
		       (reader->count > 1 && word_is(words[1], "table") &&
			(word_is(words[0], "add") || word_is(words[0], "create")));
	return reader->known == 1 &&
	       (word_is(words[0], "chain") || word_is(words[0], "set") || word_is(words[0], "map"));
}

static void close_brace(struct reader *reader)
{
	if (reader->braces == reader->outside)
		reader->script->uncertain = true;
	reader->braces -= reader->braces > 0;
	if (reader->known > reader->braces)
		reader->known = reader->braces;
	reader->begins = false;
}

/* One character, a text or a comment. */
static void pass(struct reader *reader)
{
	if (reader->at == reader->end)
		return;
	switch (*reader->at) {
	case '#':
		while (reader->at + 1 < reader->end && reader->at[1] != '\n')
			reader->at++;
		break;
	case '"':
		pass_quoted(reader);
		break;
	case '\\': /* the line goes on */
		if (reader->at + 1 < reader->end && reader->at[1] == '\n') {
			reader->at++;
			pass_newline(reader);
		}
		break;
	case '\n':
		pass_newline(reader);
		begin_statement(reader);
		break;
	case ';':
		begin_statement(reader);
		break;
	case '{':
		reader->known += opens_block(reader);
		reader->braces++;
		reader->begins = false;
		break;
	case '}':
		close_brace(reader);
		break;
	case ' ':
	case '\t':
	case '\r':
		break;
	default:
		reader->begins = false;
	}
	reader->at += reader->at < reader->end; /* a text may be left open */
}

/* Most of a long text is in braces, and says nothing there: up to what does. There is a NUL behind it. */
static void pass_list(struct reader *reader)
{
	static const bool stops[256] = {[0] = true,    ['#'] = true, ['"'] = true, ['\\'] = true,
					['\n'] = true, ['{'] = true, ['}'] = true, ['i'] = true};

	for (;;) {
		while (!stops[(uint8_t)*reader->at])
			reader->at++;
		if (*reader->at == 'i' && !reader->looks) {
			reader->at++;
			continue;
		}
		if (*reader->at != '\n')
			return;
		pass_newline(reader);
		begin_statement(reader);
		reader->at++;
	}
}

/* ------------------------------------------------------------------ include lines */

/* Up to `to`, as a part of its own. */
static bool add_part(struct reader *reader, const char *to, struct untrack_error *err)
{
	struct source part = {.name = strdup(reader->source->name),
			      .standard_input = reader->source->standard_input,
			      .inner = reader->depth || reader->apart,
			      .line = reader->copied_lines};

	buf_reserve_exactly(&part.text, (size_t)(to - reader->copied) + 1);
	buf_put(&part.text, reader->copied, (size_t)(to - reader->copied));
	buf_zero(&part.text, 1);
	part.text.len -= !part.text.failed;
	if (part.name && !part.text.failed && array_push(&reader->script->parts, part))
		return true;
	source_free(&part);
	return error_memory(err);
}

/* The path of an include line, of which the word was read, and where the line ends. NULL if there is more
 * in it. */
static char *read_path(const struct reader *reader, const char **ret_end)
{
	const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	const char *at = reader->at, *line = reader->line;
	struct word path, behind;

	while (line < reader->at && (*line == ' ' || *line == '\t'))
		line++;
	if (!end && !reader->depth) /* nft is handed one behind each document */
		end = reader->end;
	if (!end || line + strlen("include") != at)
		return NULL;
	path = word_next(&at, end);
	behind = word_next(&at, end);
	if (path.length < 3 || *path.start != '"' || path.start[path.length - 1] != '"' ||
	    (behind.length && *behind.start != '#'))
		return NULL;
	*ret_end = end;
	return strndup(path.start + 1, path.length - 2);
}

/* One included file. False with an error where it has a script's command. */
static bool include_file(const struct reader *from, const char *path, struct untrack_error *err)
{
	struct script *script = from->script;
	autoclean(source_free) struct source file = {.name = strdup(path), .inner = true};
	struct reader reader = {.source = &file,
				.script = script,
				.left = from->left,
				.depth = from->depth + 1,
				.outside = from->braces,
				.braces = from->braces,
				.known = from->known};
	autoerror unreadable = ERROR_INIT;

	if (!file.name)
		return error_memory(err);
	if (reader.depth > DEEPEST || script->parts.n > PARTS_MAX ||
	    !source_read(path, path, *from->left, &file.text, &unreadable))
		return script->uncertain = true;
	*from->left -= file.text.len;
	if (!read_text(&reader, err))
		return false;
	if (reader.apart) /* and is among the parts already */
		return true;
	if (!array_push(&script->parts, file))
		return error_memory(err);
	file = (struct source){0};
	return true;
}

/* The word `include` was read. */
static bool include(struct reader *reader, struct untrack_error *err)
{
	const char *end = NULL, *line = reader->line;
	autofree char *path =
		reader->begins && reader->braces == reader->known ? read_path(reader, &end) : NULL;
	autoclean(texts_free) texts files = {0};
	bool ok = true;

	if (path && nft_include_find(path, &files, &reader->script->inclusions)) {
		ok = add_part(reader, line, err);
		array_for_each(file, &files) {
			ok = ok && include_file(reader, *file, err);
		}
		reader->apart = true;
		reader->at = reader->copied = end;
		reader->copied_lines = reader->lines - 1;
	} else {
		reader->script->uncertain = true;
	}
	return ok;
}

/* ------------------------------------------------------------------ texts */

static bool read_word(struct reader *reader, struct untrack_error *err)
{
	struct word word = {reader->at, 0};
	bool ok = true;

	while (reader->at < reader->end && is_of_word(*reader->at))
		reader->at++;
	word.length = (size_t)(reader->at - word.start);
	if (reader->begins && !reader->braces && is_script(word))
		return error_at(err, ERROR_DOCUMENT, reader->source->name, reader->lines,
				(unsigned)(word.start - reader->line) + 1, NULL,
				"the command '%.*s'; expected tables and what is in them: "
				"a document declares state, it is no script",
				(int)word.length, word.start);
	if (reader->looks && word_is(word, "include"))
		ok = include(reader, err);
	if (reader->count < WORDS)
		reader->words[reader->count++] = word;
	reader->begins = false;
	return ok;
}

/* What was read last of an included file ends a statement, and as many braces are open as before. */
static bool ends_well(const struct reader *reader)
{
	const struct buf *text = &reader->source->text;

	return reader->braces == reader->outside &&
	       (!reader->depth || !text->len ||
		(reader->begins && text->data[text->len - 1] == '\n'));
}

static bool read_text(struct reader *reader, struct untrack_error *err)
{
	const struct buf *text = &reader->source->text;

	reader->at = reader->line = reader->copied = buf_text(text);
	reader->end = reader->at + text->len;
	reader->lines = 1;
	reader->begins = true;
	reader->looks = text_mentions(reader->at, text->len, "include");
	while (reader->at < reader->end) {
		if (reader->braces > reader->known)
			pass_list(reader);
		if (is_of_word(*reader->at) &&
		    (reader->braces == reader->known || *reader->at == 'i')) {
			if (!read_word(reader, err))
				return false;
		} else {
			pass(reader);
		}
	}
	reader->script->uncertain |= !ends_well(reader);
	return !reader->apart || add_part(reader, reader->end, err);
}

bool nft_script_read(const struct source *source, size_t *left, struct script *script,
		     struct untrack_error *err)
{
	struct reader reader = {.source = source, .script = script, .left = left};
	const char *text = buf_text(&source->text);

	return text[strspn(text, " \t\r\n")] == '{' || read_text(&reader, err);
}
