/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From rules to a policy. */
#pragma once

#include "document/import/lift_pairs.h"
#include "document/import/translate.h"

/* The policy of these tables, with settings and accept_in. */
bool lift_tables(struct import *import, struct translation *const *tables, size_t count,
		 struct buf *document, struct untrack_error *err);

/* The policy of rules in the order of their chains. */
bool lift_policy(struct import *import, lift_rules *rules, struct buf *document,
		 struct untrack_error *err);
void lift_rules_free(lift_rules *rules);

/* What a faithful document cannot hold, as warnings that tell what to do: rules that accept
 * untracked packets, settings. */
bool lift_hints(struct import *import, struct translation *const *tables, size_t count,
		struct untrack_error *err);
