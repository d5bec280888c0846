/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines as a shell sees them, and the prompts that pages leave in front of them. */
#include "document/import/reader.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>

/* Physical lines that end with a backslash go on. */
bool reader_split_lines(struct reader *r, const struct buf *text)
{
	const char *at = buf_text(text), *end = at + text->len;
	unsigned number = 0;

	while (at < end) {
		struct line line = {.number = number + 1};
		autobuf joined = {0};
		bool more = true;

		while (more && at < end) {
			const char *newline = memchr(at, '\n', (size_t)(end - at));
			const char *stop = newline ? newline : end;

			number++;
			while (stop > at && stop[-1] == '\r')
				stop--;
			more = stop > at && stop[-1] == '\\';
			buf_put(&joined, at, (size_t)(stop - at) - more);
			at = newline ? newline + 1 : end;
		}
		while (joined.len && isspace(joined.data[joined.len - 1]))
			joined.data[--joined.len] = 0;
		line.text = strdup(buf_text(&joined) + strspn(buf_text(&joined), " \t"));
		if (joined.failed || !line.text || !array_push(&r->lines, line)) {
			free(line.text);
			return false;
		}
	}
	return true;
}

/* "root@host:~# ", "[root@host ~]# ", "user@host:/etc$ ": its length, with the blanks behind it. */
static size_t prompt_length(const char *text)
{
	size_t length = *text == '[' ? strcspn(text, "]") : strcspn(text, " \t#$");

	if (length && (!memchr(text, '@', length) || !text[length]))
		return 0;
	length += text[length] == ']';
	if (text[length] != '#' && text[length] != '$')
		return 0;
	return length + 1 + strspn(text + length + 1, " \t");
}

const char *behind_prompt(const char *text)
{
	size_t length = prompt_length(text);

	if (!length)
		return NULL;
	text += length;
	if (starts_with(text, "sudo "))
		text += 5;
	return starts_with(text, "iptables ") || starts_with(text, "ip6tables ") ||
			       starts_with(text, "sysctl -w ")
		       ? text
		       : NULL;
}

bool reader_only_prompts(const struct reader *r)
{
	bool found = false;

	array_for_each(line, &r->lines) {
		if (!*line->text || starts_with(line->text, "#!"))
			continue;
		if (*line->text != '#')
			return false;
		found |= behind_prompt(line->text) != NULL;
	}
	return found;
}
