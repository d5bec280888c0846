/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of nft text, and which lines of them are one plain rule (nft_lines.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct word {
	const char *start;
	size_t length; /* 0: at the end of the line */
};

/* The next word of a line: a quoted text, a run of letters, digits and _-./:@, "==", "!=", or one
 * character. */
struct word word_next(const char **at, const char *end);

static inline bool word_is(struct word word, const char *text)
{
	return word.length && *word.start == *text && !strncmp(word.start, text, word.length) &&
	       !text[word.length];
}
bool word_is_identifier(struct word word);
/* "==" or "!=" */
bool word_is_operator(struct word word);
/* A number, or an address, prefix or range of them: nothing that could be the name of a host. */
bool word_is_number(struct word word);
/* Words that mean the same in every document. Names of protocols are in it, of ports not. */
bool word_is_plain(struct word word);

/* *ret_sets: it has anonymous sets. */
bool is_plain_rule(const char *at, const char *end, bool *ret_sets);
