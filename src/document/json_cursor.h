/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps through text that may be JSON, by a reader who gives up where it is not as he expects: whether
 * it is JSON at all is judged elsewhere. */
#pragma once

#include "document/cursor.h"

#include <stdbool.h>

struct json_string {
	const char *start;
	size_t length;
};

void json_cursor_skip_space(struct cursor *c);
/* That character, behind white space. */
bool json_take(struct cursor *c, char wanted);
bool json_sees(struct cursor *c, char wanted);
/* A string without escapes. */
bool json_take_string(struct cursor *c, struct json_string *ret_string);
bool json_take_key(struct cursor *c, struct json_string *ret_key);
/* Any value. */
bool json_cursor_skip_value(struct cursor *c);

bool json_is(struct json_string string, const char *text);
