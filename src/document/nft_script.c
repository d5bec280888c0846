/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_script.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const char *at, *end;
	const char *line; /* where it begins */
	unsigned lines;
	unsigned braces;
	bool begins; /* a command may begin here */
};

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '/';
}

/* What reads or runs, and what changes something that is there already: by a handle, in a ruleset that
 * the document does not know. */
static bool is_script(const char *word, size_t length)
{
	static const char *const words[] = {"list",	"reset",   "get",   "monitor",
					    "describe", "replace", "rename"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i]) == length && !memcmp(words[i], word, length))
			return true;
	return false;
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
		reader->begins = true;
		break;
	case ';':
		reader->begins = true;
		break;
	case '{':
		reader->braces++;
		reader->begins = false;
		break;
	case '}':
		reader->braces -= reader->braces > 0;
		reader->begins = false;
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
					['\n'] = true, ['{'] = true, ['}'] = true};

	for (;;) {
		while (!stops[(uint8_t)*reader->at])
			reader->at++;
		if (*reader->at != '\n')
			return;
		pass_newline(reader);
		reader->at++;
	}
}

bool nft_script_check(const struct source *source, struct untrack_error *err)
{
	const char *text = buf_text(&source->text);
	struct reader reader = {.at = text,
				.end = text + source->text.len,
				.line = text,
				.lines = 1,
				.begins = true};

	if (text[strspn(text, " \t\r\n")] == '{')
		return true;
	while (reader.at < reader.end) {
		const char *word;

		if (reader.braces)
			pass_list(&reader);
		word = reader.at;
		if (reader.braces || !is_of_word(*word)) {
			pass(&reader);
			continue;
		}
		while (reader.at < reader.end && is_of_word(*reader.at))
			reader.at++;
		if (reader.begins && !reader.braces && is_script(word, (size_t)(reader.at - word)))
			return error_at(err, ERROR_DOCUMENT, source->name, reader.lines,
					(unsigned)(word - reader.line) + 1, NULL,
					"the command '%.*s'; expected tables and what is in them: "
					"a document declares state, it is no script",
					(int)(reader.at - word), word);
		reader.begins = false;
	}
	return true;
}
