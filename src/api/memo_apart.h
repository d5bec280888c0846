/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain rules with anonymous sets are compiled apart from the others, some at a time: what such a set costs in
 * the kernel, and what reading it costs, grows with the sets of its table.
 */
#pragma once

#include "document/nft_lines.h"
#include "document/nft_unsaid.h"
#include "kernel/mirror.h"
#include "model/ruleset.h"

/* A rule that was compiled: where it lies. */
struct apart_rule {
	const struct table *table;
	const struct rule *rule; /* NULL: the line is not one of them */
	size_t group;
};

struct apart {
	ARRAY(struct ruleset *) groups;
	struct apart_rule *rules; /* for each line */
	size_t count;		  /* of them */
};

void apart_free(struct apart *apart);

/* How many lines of the document are such rules. */
size_t apart_count(const struct nft_lines *lines);
/* Are they so many that it shall be done? */
bool apart_is_worthwhile(const struct nft_lines *lines, size_t count);
bool apart_compile(const struct nft_lines *lines, const unsaid_list *unsaid,
		   const interfaces *devices, struct apart *ret_apart, struct untrack_error *err);
/* The line's rule for a chain of that table, to which its sets are added. NULL without memory. */
struct rule *apart_take(const struct apart *apart, size_t line, struct table *table,
			const char *chain);
