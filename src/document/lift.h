/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long lists of elements, taken out of a document before libnftables sees it: that would build a tree
 * of them, and what it loaded could be read back in quadratic time only. What is left of the document
 * declares the same, without those elements. A list is taken only where every element of it is plain,
 * and nothing in the document could change what became of it; otherwise it stays in the text, and
 * libnftables judges it.
 */
#pragma once

#include "base/array.h"
#include "base/buf.h"
#include "document/cursor.h"
#include "document/document.h"
#include "document/lift_keys.h"

/* A set whose elements were taken out. */
struct long_list {
	uint8_t family; /* NFPROTO_* */
	char *table;
	char *set;
	struct lift_layout layout;
	struct packed keys;
	uint32_t
		size; /* that the document declares, of which the text has 1 now; 0: it declares none */
};

void long_lists_free(long_lists *lists);

/* --- what readers of nft text and of JSON tell, in the order of the text ----------------------- */

/* What is cut out of a source; `instead` is put in its place (and is no longer). */
struct lift_cut {
	size_t source, begin, end;
	const char *instead; /* or NULL */
};

/* A list of elements, and what is cut where it is taken. */
struct lift_place {
	size_t source, begin, end; /* the elements */
	struct lift_cut cut;
	size_t variable; /* that holds the list, of lift.variables; or LIFT_NONE */
};
#define LIFT_NONE SIZE_MAX

/*
 * A variable of nft text that may hold a list. It is taken only where all is seen that becomes of it: it is
 * defined once, outside or in a table (not in what is inside of that), and not undefined; and wherever it is
 * named it is, behind the definition and where that holds, all of a set's elements.
 */
struct lift_variable {
	char *name;
	size_t table;	       /* the block it holds in, as they are counted; 0: everywhere */
	struct lift_cut cut;   /* its definition */
	size_t begin, end;     /* the elements, in the same source */
	size_t definitions;    /* that were met, of any kind */
	size_t mentions, uses; /* how often it is named behind a $, and as the elements of a set */
	size_t taken;	       /* so many of these were taken */
	bool plain;	       /* its definition was read, and is such a list */
};

/* A `size` in a source: its digits. */
struct lift_size {
	size_t source, begin, end;
	uint32_t value; /* 0: none was found */
};

struct lift_set {
	uint8_t family;
	char *table;
	char *set;
	struct lift_layout layout;
	bool merge;
	bool plain;		     /* nothing is known of it that libnftables had to judge */
	bool declared, has_elements; /* by a declaration that was read */
	unsigned lists;		     /* that it is given, at once or one after the other */
	struct lift_size size;
	ARRAY(struct lift_place) places;
};

struct lift {
	struct buf *const *bytes; /* of the sources */
	size_t count;
	ARRAY(struct lift_set) sets;
	ARRAY(struct lift_variable) variables;
	bool unclear;  /* it is not certain which variables are named */
	bool given_up; /* there is something that could undo a list, or that is not understood */
};

/* At the beginning of a source. */
struct cursor lift_cursor(struct lift *lift, size_t source);

/* The set of that name; a new one if there is none. NULL (and given up) without memory. */
struct lift_set *lift_find(struct lift *lift, uint8_t family, const char *table, const char *set);
/* The variable of that name, likewise. */
struct lift_variable *lift_find_variable(struct lift *lift, const char *name, size_t length);
/* Is there a list, of any set? */
bool lift_has_lists(const struct lift *lift);
/* Tells the key's type, by nft's word for a data type. False if it has no plain keys. */
bool lift_add_type(struct lift_set *set, const char *word, size_t length);

/* Reads the digits of a size, if they are no more than that. */
void lift_read_size(struct cursor *c, struct lift_size *size);
/* Behind blanks and comments of nft text; a line end stays where `lines` asks for it. */
void lift_skip_blanks(struct cursor *c, bool lines);

/* All sources, which are one text. */
void lift_scan_text(struct lift *lift);
void lift_scan_json(struct lift *lift, size_t source);

/* The elements in [at, end) as keys. False if not all of them are plain. */
bool lift_read_text(const char *at, const char *end, const struct lift_layout *layout,
		    struct lift_keys *keys);
bool lift_read_json(const char *at, const char *end, const struct lift_layout *layout,
		    struct lift_keys *keys);

/* --- what the document calls ------------------------------------------------------------------- */

/* Takes the long lists out of the texts (of one kind), in place. With keep_lines what is left keeps the
 * numbers of its lines: libnftables reads a million empty ones in a tenth of a second. */
void lift_long_lists(struct buf *const *bytes, size_t count, bool json, bool keep_lines,
		     long_lists *ret_lists);
