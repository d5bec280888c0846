/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/json_cursor.h"

#include "document/json_scan.h"

#include <string.h>

void json_cursor_skip_space(struct cursor *c)
{
	while (c->at < c->end &&
	       (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
		c->at++;
}

bool json_take(struct cursor *c, char wanted)
{
	json_cursor_skip_space(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

bool json_sees(struct cursor *c, char wanted)
{
	json_cursor_skip_space(c);
	return c->at < c->end && *c->at == wanted;
}

bool json_take_string(struct cursor *c, struct json_string *ret_string)
{
	const char *end;

	if (!json_take(c, '"'))
		return false;
	end = memchr(c->at, '"', (size_t)(c->end - c->at));
	if (!end || memchr(c->at, '\\', (size_t)(end - c->at)))
		return false;
	*ret_string = (struct json_string){c->at, (size_t)(end - c->at)};
	c->at = end + 1;
	return true;
}

bool json_is(struct json_string string, const char *text)
{
	return string.length == strlen(text) && !memcmp(string.start, text, string.length);
}

bool json_cursor_skip_value(struct cursor *c)
{
	const struct json_text text = {c->text, (size_t)(c->end - c->text)};
	size_t begin, end;

	json_cursor_skip_space(c);
	begin = (size_t)(c->at - c->text);
	end = json_skip_value(text, begin);
	if (end == begin || end > text.length)
		return false;
	c->at = c->text + end;
	return true;
}

bool json_take_key(struct cursor *c, struct json_string *ret_key)
{
	return json_take_string(c, ret_key) && json_take(c, ':');
}
