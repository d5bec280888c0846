/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libnftables JSON, judged before libnftables sees it: 1.0.6 passes over unknown keys and wrong
 * types of optional ones in silence ("polcy": "drop" becomes accept), and tells no places.
 */
#pragma once

#include "document/json.h"

/* Documents with the key "nftables", which are one document together: a rule may stand in another
 * file than its chain. They must declare state: objects as nft lists them, or add, create and
 * insert commands, after a leading `flush ruleset` at most. */
bool nft_schema_check(struct json_document *documents, size_t count, struct untrack_error *err);

/* One statement of a rule, without regard to what it refers to. */
bool nft_schema_statement(const struct node *node, struct untrack_error *err);
