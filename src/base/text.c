/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 60
#define WORD_MAX 40
#define FAR 4

size_t text_utf8_length(const char *bytes, size_t length)
{
	const uint8_t *b = (const uint8_t *)bytes;
	uint32_t code;
	size_t n;

	if (!length)
		return 0;
	if (b[0] < 0x80)
		return 1;
	n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || n > length)
		return 0;
	code = b[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (b[i] & 0x3f);
	}
	if ((n == 3 && code < 0x800) || (n == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

/* C0, DEL, and C1 (0xc2 0x80 to 0xc2 0x9f) drive terminals. n: text_utf8_length(). */
static bool is_harmful(const char *at, size_t n)
{
	return !n || (n == 1 && ((uint8_t)*at < 0x20 || *at == 0x7f)) ||
	       (n == 2 && (uint8_t)at[0] == 0xc2 && (uint8_t)at[1] < 0xa0);
}

void text_put(struct buf *out, const char *text)
{
	size_t length = strlen(text), n;

	for (size_t i = 0; i < length; i += n) {
		n = text_utf8_length(text + i, length - i);
		if (is_harmful(text + i, n)) {
			n = 1;
			buf_printf(out, "\\x%02x", (uint8_t)text[i]);
		} else {
			buf_put(out, text + i, n);
		}
	}
}

const char *text_show(const char *text, size_t length, char out[TEXT_SHOWN_MAX])
{
	size_t at = 0, n;

	for (size_t i = 0; i < length; i += n) {
		if (at >= SHOWN) {
			strcpy(out + at, "…");
			return out;
		}
		n = text_utf8_length(text + i, length - i);
		if (is_harmful(text + i, n)) {
			n = 1;
			at += (size_t)sprintf(out + at, "\\x%02x", (uint8_t)text[i]);
			continue;
		}
		memcpy(out + at, text + i, n);
		at += n;
	}
	out[at] = 0;
	return out;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned low = a < b ? a : b;

	return low < c ? low : c;
}

/* Edit distance with swaps of neighbours (optimal string alignment); both at most WORD_MAX long. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned row[WORD_MAX + 1][WORD_MAX + 1];

	for (unsigned i = 0; i <= a_length; i++)
		row[i][0] = i;
	for (unsigned j = 0; j <= b_length; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		for (size_t j = 1; j <= b_length; j++) {
			row[i][j] = least(row[i - 1][j] + 1, row[i][j - 1] + 1,
					  row[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    row[i - 2][j - 2] + 1 < row[i][j])
				row[i][j] = row[i - 2][j - 2] + 1;
		}
	}
	return row[a_length][b_length];
}

/* How far a word is from another, or FAR. A beginning of it counts as one step. */
static unsigned steps(const char *word, const char *other)
{
	size_t length = strlen(word), other_length = strlen(other);
	size_t longer = length > other_length ? length : other_length;
	unsigned d;

	/* "Ports" is as good as "ports", however short the word is. */
	if (!strcasecmp(word, other))
		return 0;
	if (length > WORD_MAX || other_length > WORD_MAX)
		return FAR;
	d = distance(word, length, other, other_length);
	if (d >= length || d >= other_length || (d > 1 && d * 3 > longer))
		d = FAR;
	if (d > 1 && length >= 3 && !strncasecmp(word, other, length))
		d = 1;
	return d;
}

const char *text_suggest(const char *word, const void *words, size_t count, size_t stride)
{
	const char *best = NULL;
	unsigned best_steps = FAR;

	for (size_t i = 0; i < count; i++) {
		const char *other;
		unsigned n;

		memcpy(&other, (const char *)words + i * stride, sizeof(other));
		n = steps(word, other);
		if (n < best_steps) {
			best = other;
			best_steps = n;
		}
	}
	return best;
}

static bool is_of_name(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-.@:", c));
}

bool text_mentions(const char *text, size_t length, const char *word)
{
	const char *at = text, *end = text + length;
	size_t len = strlen(word);

	while ((at = memmem(at, (size_t)(end - at), word, len))) {
		bool ends = at + len == end || !is_of_name(at[len]);

		if (ends && (at == text || !is_of_name(at[-1])))
			return true;
		at++;
	}
	return false;
}
