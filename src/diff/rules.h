/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of one chain: which stay, which take another's place, which come and go. */
#pragma once

#include "base/edits.h"
#include "base/error.h"
#include "diff/refs.h"
#include "model/plan.h"

enum rule_fate {
	RULE_STAYS,	 /* partner is the desired rule it equals */
	RULE_REPLACED,	 /* partner is the desired rule that takes its place and handle */
	RULE_GOES,	 /* deleted with the ordinary changes */
	RULE_GOES_FIRST, /* deleted before all else: it refers to something that is made anew,
			  * or holds a name that another rule may want */
};

struct rule_fates {
	enum rule_fate *live; /* for each live rule */
	size_t *partner;      /* for each desired rule: its live rule, or NO_PARTNER */
};

/* Decides for the rules of a chain that both sides have. */
bool match_rules(const struct table *live_table, const struct chain *live,
		 const struct table *desired_table, const struct chain *desired,
		 const doomed_list *doomed, struct rule_fates *ret_fates,
		 struct untrack_error *err);
void rule_fates_free(struct rule_fates *fates);

/* Appends the deletions of rules that go first. */
bool plan_rules_first(const struct table *table, const struct chain *live,
		      const struct rule_fates *fates, struct plan *plan);
/* Appends deletions, replacements and additions, in the chain's order. */
bool plan_rules(const struct table *live_table, const struct chain *live,
		const struct table *desired_table, const struct chain *desired,
		const struct rule_fates *fates, struct plan *plan);
/* Appends all rules of a chain that is new. */
bool plan_all_rules(const struct table *table, const struct chain *chain, struct plan *plan);
