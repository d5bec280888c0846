/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What refers to what inside a table. */
#pragma once

#include "base/array.h"
#include "model/ruleset.h"

/* Objects of the live table that go away in this plan before anything is added: whatever refers to
 * them must go first, and come back afterwards. */
struct doomed {
	enum object_kind kind;
	const char *name;
	uint32_t type; /* OBJECT_STATEFUL: NFT_OBJECT_* */
};
typedef ARRAY(struct doomed) doomed_list;

bool rule_refers(const struct table *table, const struct rule *rule, const doomed_list *doomed);
/* Does it bring a meter along, whose name must be free before another rule can have it? */
bool rule_has_meter(const struct table *table, const struct rule *rule);
/* set_type: NFT_OBJECT_* of an object map, otherwise 0. */
bool element_refers(struct span element, uint32_t set_type, const doomed_list *doomed);
