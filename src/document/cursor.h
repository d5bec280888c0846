/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lift;

/* Where a scan of a source stands; what is behind `source` is for whom looks for long lists. */
struct cursor {
	const char *text; /* the source's */
	const char *at, *end;
	size_t source;
	struct lift *lift;
	size_t table;	/* the block of a table that it is in, as they are counted; 0: in none */
	size_t tables;	/* that were met */
	bool ended;	/* the last word ended a statement */
	bool redefines; /* the last word was one that the name of a variable follows */
};
