/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where very many rules with anonymous sets are loaded to be listed: in parts, in each of which are some of
 * them in a copy of their table, since what each such set costs in the kernel, and what reading it costs, grows
 * with the sets that there are.
 */
#pragma once

#include "model/plan.h"

struct spread_table {
	const struct table *from;
	struct table *bare; /* owned: it without anonymous sets; NULL: it cannot be copied */
	struct table *now;  /* in the last of its parts: the copy that is filled */
	size_t rules;	    /* in `now` */
};

/* A part: loaded and listed by itself. */
struct spread_part {
	struct ruleset *ruleset; /* owned */
	bool before;		 /* of what goes */
};

struct spread {
	ARRAY(struct spread_table) tables;
	ARRAY(struct spread_part) parts;
	bool worthwhile;
};

struct spread spread_for(const struct plan *plan);
void spread_free(struct spread *spread);

/* The table into which the rule, of its table `from`, is to be put: that one, or a copy in a part, to which the
 * rule's sets are added, and which has a name that is no other's. NULL without memory. */
struct table *spread_place(struct spread *spread, struct table *from, const struct rule *rule,
			   bool before);
