/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that a change is about, where it is about few rules and nothing else. */
#pragma once

#include "api/target.h"

/* Tables and chains point at what others own; the rules are copies. */
struct touched {
	bool alone;		/* all that changes are these rules, and what is a part of them */
	struct ruleset ruleset; /* tables with just the rules that come and go */
	ARRAY(const struct table *) origins; /* of each of its tables */
};

/* plan: of the target. Borrows from both. */
bool touched_find(const struct target *target, const struct plan *plan, struct touched *touched,
		  struct untrack_error *err);
void touched_free(struct touched *touched);
#define autotouched __attribute__((cleanup(touched_free))) struct touched
