/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole ruleset as a change will leave it. */
#pragma once

#include "api/target.h"

/* Rulesets and tables that only point at what others own. */
struct outlook {
	struct ruleset after;	    /* as they were loaded; a document's own tables come last */
	struct ruleset declared;    /* the document's own tables */
	ARRAY(struct table *) made; /* put together here: their lists are ours, the items are not */
};
void outlook_free(struct outlook *outlook);
#define autooutlook __attribute__((cleanup(outlook_free))) struct outlook

/* live: all tables, with the elements of their sets. target NULL: nothing changes. Borrows from
 * both. */
bool outlook_make(struct outlook *outlook, const struct target *target, const struct ruleset *live,
		  struct untrack_error *err);
