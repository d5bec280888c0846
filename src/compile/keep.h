/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep_tracked: packets that no service takes. They are told by both ends in either order, with
 * ports on either side, since a chain sees both directions of a connection.
 *
 * A few rules are cheaper than sets; more go into sets, which prerouting and output share.
 */
#pragma once

#include "compile/maps.h"
#include "model/policy.h"

struct keep {
	ARRAY(struct match) matches;
	owners owners;
	bool in_sets;
	lookups lookups;
};

void keep_free(struct keep *keep);
#define autokeep autoclean(keep_free) struct keep

/* Reads the entries and makes their sets, if it takes sets. */
bool keep_prepare(struct writer *w, const struct policy *policy, struct keep *ret_keep,
		  struct untrack_error *err);
/* Rules with that verdict (NF_ACCEPT or NFT_RETURN). */
void write_keep_rules(struct writer *w, struct chain *chain, const struct keep *keep,
		      enum hook hook, int32_t verdict);
