/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps over JSON text that is known to be valid, by offsets: jansson keeps no places, and messages
 * need them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_text {
	const char *data;
	size_t length;
};

/* The next offset that is no white space. */
size_t json_skip_space(struct json_text text, size_t at);
/* Behind the string, number, word, list or object that begins at `at`. */
size_t json_skip_value(struct json_text text, size_t at);

/* Walks a list or an object that begins at `container`. */
struct json_step {
	size_t key;   /* where the key begins; objects only */
	size_t value; /* where the value begins */
};
/* The first member; false if there is none. */
bool json_first(struct json_text text, size_t container, struct json_step *ret_step);
/* From one member to the next. */
bool json_next(struct json_text text, struct json_step *step, bool is_object);

/* Is the string that begins at `at`, unescaped, that key? */
bool json_string_is(struct json_text text, size_t at, const char *key);

/* Line and column (in bytes), both from 1, of an offset; from a place before it that is known. */
struct json_place {
	size_t offset;
	unsigned line, column;
};
#define JSON_START ((struct json_place){0, 1, 1})
struct json_place json_place(struct json_text text, struct json_place known, size_t offset);
