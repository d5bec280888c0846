/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy's own `rules`, which libnftables has turned into the kernel's form. */
#pragma once

#include "compile/writer.h"
#include "model/policy.h"

/* Does the policy have rules for that hook? */
bool has_user_rules(const struct policy *policy, enum hook hook);

/* Takes over the anonymous sets of `rules`, whose names stay: anonymous sets written afterwards get
 * other ones. */
bool take_user_sets(struct writer *w, const struct table *rules, struct untrack_error *err);

/* Appends the rules of that hook to the chain, with the policy's comments. */
bool write_user_rules(struct writer *w, struct chain *chain, const struct policy *policy,
		      const struct table *rules, enum hook hook, struct untrack_error *err);
