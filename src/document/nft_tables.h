/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The language of libnftables-json(5) as tables: which keys an object may have, and what each value
 * may be. Words that libnftables looks up itself (protocols, header fields, meta keys) are left to
 * it; what it would pass over in silence is judged here.
 */
#pragma once

#include <stddef.h>

enum kind {
	REQUIRED = 1 << 0, /* no kind: the key must be there */
	NOTHING = 1 << 1,  /* null */
	TEXT = 1 << 2,
	NUMBER = 1 << 3,   /* an integer, not negative */
	SIGNED = 1 << 4,   /* an integer */
	FLAG = 1 << 5,	   /* true or false */
	WORD = 1 << 6,	   /* one of .words */
	WORDS = 1 << 7,	   /* one of them, or an array of them */
	TEXTS = 1 << 8,	   /* text, or an array of texts */
	SHAPE = 1 << 9,	   /* an object of .shape */
	NUMBERS = 1 << 10, /* an object whose values are numbers */
	EXPRESSION = 1 << 11,
	EXPRESSIONS = 1 << 12, /* an array of them, not empty */
	PAIR = 1 << 13,	       /* an array of two expressions or more */
	STATEMENTS = 1 << 14,  /* an array of statements, not empty */
	STATEMENT = 1 << 15,
	AT = 1 << 16,	  /* text that begins with '@', a reference */
	LOOKUP = 1 << 17, /* an expression that is an object, like a map */
};

/* What a text refers to, within its table. */
enum reference {
	REFERENCE_NONE,
	REFERENCE_TABLE,
	REFERENCE_CHAIN,
	REFERENCE_SET, /* and maps and meters */
	REFERENCE_FLOWTABLE,
	REFERENCE_COUNTER,
	REFERENCE_QUOTA,
	REFERENCE_LIMIT,
	REFERENCE_HELPER,
	REFERENCE_TIMEOUT,
	REFERENCE_EXPECTATION,
	REFERENCE_SYNPROXY,
	REFERENCE_SECMARK,
};

struct shape;

struct member {
	const char *key;
	unsigned kinds;
	const char *const *words; /* ends with NULL */
	const struct shape *shape;
	enum reference reference;
};

struct shape {
	const char *what; /* "a chain" */
	const struct member *members;
	size_t count;
	/* Objects without the key `told_by` have the other shape. */
	const char *told_by;
	const struct shape *otherwise;
};

/* Objects of a ruleset by name. For them `reference` is what they declare. */
extern const struct member nft_objects[];
extern const size_t nft_object_count;
extern const struct member nft_statements[];
extern const size_t nft_statement_count;
extern const struct member nft_expressions[];
extern const size_t nft_expression_count;
