/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of others in our messages: shown without harm, and compared with what they may have meant.
 */
#pragma once

#include "base/buf.h"

#include <stddef.h>

#define TEXT_SHOWN_MAX 128

/* What a message quotes: control characters and broken UTF-8 as \xNN (nobody's terminal is driven
 * by a document), cut with "…" after about 60 bytes. Returns out. */
const char *text_show(const char *text, size_t length, char out[TEXT_SHOWN_MAX]);

/* Appends all of it in that form, uncut. */
void text_put(struct buf *out, const char *text);

/* The length of the well-formed UTF-8 sequence that starts the bytes (1 to 4), or 0. (RFC 3629) */
size_t text_utf8_length(const char *bytes, size_t length);

/* The word that was probably meant: the nearest by insertions, deletions, changes and swaps of
 * neighbours, if it is near, or one that begins so. NULL if none is. words may be part of larger
 * records: the first starts at `words`, each further one `stride` bytes on, and each record begins
 * with a `const char *`. */
const char *text_suggest(const char *word, const void *words, size_t count, size_t stride);

/* Does the word stand in the text, with no character of a name around it? */
bool text_mentions(const char *text, size_t length, const char *word);
