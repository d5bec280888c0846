/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that nft takes for objects. */
#pragma once

#include <stdbool.h>

/* Is it a word of nft's language (1.0.6), which cannot name a table in nft text? */
bool nft_word_is_reserved(const char *word);

/* nft's STRING token: [A-Za-z_.][A-Za-z0-9/_.-]*, at most 255 bytes. */
bool nft_name_is_valid(const char *name);
