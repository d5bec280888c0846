/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `nft list ruleset` says of a ruleset, in JSON and in text, cut into objects: libnftables is the
 * one that knows how to print expressions, so what is printed of a plan is taken from a listing of its
 * objects in a scratch namespace.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

struct listing;

/* From `nft -j list ruleset` and `nft -a list ruleset` of the same ruleset; either may be NULL, and then
 * nothing is found in that form. NULL with the error set. */
struct listing *listing_read(const char *json, const char *text, struct untrack_error *err);
struct listing *listing_new(void); /* of nothing yet; NULL without memory */
/* Reads more, of other tables. */
bool listing_add(struct listing *listing, const char *json, const char *text,
		 struct untrack_error *err);
void listing_free(struct listing *listing);

/* Tells of a set another size than it was listed with. False without memory. */
bool listing_resize(struct listing *listing, uint8_t family, const char *table, const char *set,
		    uint32_t listed, uint32_t size);

/* The body of an object ("chain", "set", "map", "counter", …, "flowtable"), or of the
 * index-th rule of a chain. Borrowed; NULL if it is not there. word (may be NULL as argument) is the
 * object's own word: "set" or "map", "counter", "quota", … */
const json_t *listing_object(const struct listing *listing, uint8_t family, const char *table,
			     const char *kind, const char *name, const char **ret_word);
const json_t *listing_rule(const struct listing *listing, uint8_t family, const char *table,
			   const char *chain, size_t index);

/* The same in text: what stands between the braces, in one line; a rule's text. Borrowed, or NULL. */
const char *listing_object_text(const struct listing *listing, uint8_t family, const char *table,
				const char *kind, const char *name, const char **ret_word);
const char *listing_rule_text(const struct listing *listing, uint8_t family, const char *table,
			      const char *chain, size_t index);

/* Words of kinds: a set may be listed as "map", a stateful object as "counter", "quota", … */
#define LISTING_SET "set"
#define LISTING_STATEFUL "stateful"
