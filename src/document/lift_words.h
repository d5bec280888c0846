/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of nft text that goes through all sources, as lift_text.c reads them. */
#pragma once

#include "document/lift.h"
#include "document/nft_words.h"

bool lift_is_word_byte(char c);
bool word_is_any(struct word word, const char *const *list);
/* A line end or ';', or the end of the text, at which a word has no length. */
bool word_ends_statement(struct word word);
/* $NAME, in one word, and nothing else. */
bool word_is_variable(struct word word);

/* The next word, or single other character, of the statement: a line end is one. */
struct word lift_next(struct cursor *c);
/* The same; without `lines`, line ends are blanks. */
struct word lift_next_in(struct cursor *c, bool lines);
/* Behind the '}' of a block whose '{' was read. */
void lift_skip_block(struct cursor *c);
/* What is left of a statement, with the blocks in it; a '}' that is not its own stays. */
void lift_skip_statement(struct cursor *c);
