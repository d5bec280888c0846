/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/json_scan.h"

#include <jansson.h>
#include <string.h>

size_t json_skip_space(struct json_text text, size_t at)
{
	while (at < text.length && strchr(" \t\r\n", text.data[at]) && text.data[at])
		at++;
	return at;
}

static size_t skip_string(struct json_text text, size_t at)
{
	for (at++; at < text.length && text.data[at] != '"'; at++)
		if (text.data[at] == '\\')
			at++;
	return at + 1;
}

static size_t skip_nested(struct json_text text, size_t at)
{
	size_t depth = 0;

	while (at < text.length) {
		char c = text.data[at];

		if (c == '"') {
			at = skip_string(text, at);
			continue;
		}
		at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && !--depth)
			break;
	}
	return at;
}

size_t json_skip_value(struct json_text text, size_t at)
{
	if (at >= text.length)
		return at;
	if (text.data[at] == '"')
		return skip_string(text, at);
	if (text.data[at] == '{' || text.data[at] == '[')
		return skip_nested(text, at);
	while (at < text.length && !strchr(" \t\r\n,:]}", text.data[at]))
		at++;
	return at;
}

/* From where a member begins to its value; false where the container ends. */
static bool enter(struct json_text text, size_t at, bool is_object, struct json_step *ret_step)
{
	struct json_step step = {0};

	at = json_skip_space(text, at);
	if (at >= text.length || text.data[at] == '}' || text.data[at] == ']')
		return false;
	if (is_object) {
		step.key = at;
		at = json_skip_space(text, skip_string(text, at)) + 1; /* the colon */
		at = json_skip_space(text, at);
	}
	step.value = at;
	*ret_step = step;
	return true;
}

bool json_first(struct json_text text, size_t container, struct json_step *ret_step)
{
	return enter(text, container + 1, text.data[container] == '{', ret_step);
}

bool json_next(struct json_text text, struct json_step *step, bool is_object)
{
	size_t at = json_skip_space(text, json_skip_value(text, step->value));

	return at < text.length && text.data[at] == ',' && enter(text, at + 1, is_object, step);
}

bool json_string_is(struct json_text text, size_t at, const char *key)
{
	size_t length = skip_string(text, at) - at;
	json_t *string;
	bool equal;

	if (!memchr(text.data + at, '\\', length))
		return length == strlen(key) + 2 && !memcmp(text.data + at + 1, key, length - 2);
	string = json_loadb(text.data + at, length, JSON_DECODE_ANY, NULL);
	equal = string && !strcmp(json_string_value(string), key);
	json_decref(string);
	return equal;
}

struct json_place json_place(struct json_text text, struct json_place known, size_t offset)
{
	const char *at = text.data + known.offset, *end = text.data + offset, *newline;

	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		known.line++;
		known.column = 1;
		at = newline + 1;
	}
	known.column += (unsigned)(end - at);
	known.offset = offset;
	return known;
}
