/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rule of libnftables JSON, as far as rules can be alike. Values (nft_values.h) are: an address, or
 * that of a prefix, on the right of a match by == or != of `ip saddr`, `ip daddr` and the same of
 * ip6; a port likewise; the numbers of a counter; the comment; the handle. As a text or as a number,
 * they are a symbol to libnftables, which the type of the left side reads as it reads the word of nft
 * text (parser_json.c: json_parse_immediate).
 */
#pragma once

#include "document/json_cursor.h"
#include "document/nft_values.h"

enum { SYMBOLS_MAX = 32 };

struct json_rule {
	struct json_string family, table, chain;
	struct holes holes;
	/* These, and all other numbers and texts of which each is as good as any other to who judges
	 * the document: what they mean libnftables finds out. In the order of the text. */
	struct json_string symbols[SYMBOLS_MAX];
	size_t symbol_count;
	/* It means the same wherever it stands in its chain: no names that are looked up outside of the
	 * document. */
	bool plain;
	bool sets; /* it has anonymous sets */
};

/* Reads the body. False where it is not certain what that is, or where it tells its place itself. */
bool json_rule_read(struct cursor *c, struct json_rule *ret_rule);
