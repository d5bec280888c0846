/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elements of one set: which come and which go. */
#pragma once

#include "diff/refs.h"
#include "model/plan.h"

/* Appends the deletion of live elements that refer to what is made anew. */
bool plan_elements_first(const struct table *table, const struct set *live,
			 const doomed_list *doomed, struct plan *plan);
/* Appends deletions, then additions; elements that doomed ones took along come back. */
bool plan_elements(const struct table *live_table, const struct set *live,
		   const struct table *desired_table, const struct set *desired,
		   const doomed_list *doomed, struct plan *plan);
/* Appends all elements of a set. */
bool plan_all_elements(const struct table *table, const struct set *set, struct plan *plan);
