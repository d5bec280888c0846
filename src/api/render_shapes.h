/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text of very many rules of few shapes: nft lists samples of each shape, and the rest is written
 * like them. For libnftables to list 10 000 rules takes as long as to load them.
 */
#pragma once

#include "model/plan.h"
#include "view/listing.h"

struct shape_listing;

/* NULL, without an error, where it is not worthwhile, or without memory. */
struct shape_listing *shape_listing_new(const struct plan *plan);
void shape_listing_free(struct shape_listing *shapes);

/* Is the step's rule one of those that are not listed? */
bool shape_listing_has(const struct shape_listing *shapes, const struct plan_step *step);

/* Puts samples behind the rules that are to be listed. */
bool shape_listing_add_samples(struct shape_listing *shapes, struct ruleset *ruleset);

/* Writes the rules' texts, from a listing of that ruleset. False if it does not show them. */
bool shape_listing_read(struct shape_listing *shapes, const struct plan *plan,
			const struct listing *listing);

/* For each step its rule's text, or NULL. */
const char *const *shape_listing_texts(const struct shape_listing *shapes);
