/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts that path_build() puts together, each from one source. All false without memory. */
#pragma once

#include "flow/path.h"

/* Adds a copy of the stage; takes over what it owns, on failure too. */
bool stage_add(struct path *path, enum path_lane lane, enum path_hook hook, struct stage *stage,
	       struct untrack_error *err);

/* What a packet may come to in the chain and all that it jumps or goes to (enum tracking_trait). */
bool traits_of_chain(const struct table *table, const struct chain *chain, unsigned *ret_traits,
		     struct untrack_error *err);

/* Base chains of nf_tables, and what they untrack. */
bool stages_of_chains(struct path *path, const struct ruleset *ruleset, struct untrack_error *err);
/* Tables of legacy iptables, at the priorities that they have in the kernel. */
bool stages_of_legacy(struct path *path, const struct path_sources *sources,
		      struct untrack_error *err);
/* Defragmentation, tracking, NAT, and what is attached to devices: where they stand, and whether
 * they are on as far as rules tell. */
bool stages_of_kernel(struct path *path, const struct path_sources *sources,
		      struct untrack_error *err);
/* Corrects all that by what the kernel itself tells, and adds what is neither. */
bool stages_registered(struct path *path, const registered_hooks *hooks, struct untrack_error *err);
