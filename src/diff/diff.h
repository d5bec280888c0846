/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two rulesets become a plan: the least change that turns the first into the second. */
#pragma once

#include "base/error.h"
#include "model/plan.h"
#include "model/ruleset.h"

/*
 * Appends to the plan what turns the live table into the desired one. live NULL: it does not exist;
 * desired NULL: it shall not. Both must have been read to the same depth; what was not read is left
 * alone. Equal objects keep their handles; what cannot change in place is deleted and added anew,
 * with what refers to it. Elements that packets add (dynamic sets) are no difference.
 */
bool diff_tables(const struct table *live, const struct table *desired, struct plan *plan,
		 struct untrack_error *err);

/* Nothing differs between the two tables (either may be NULL). */
bool diff_is_empty(const struct table *live, const struct table *desired, bool *ret_empty,
		   struct untrack_error *err);
