/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From boxes to the sets and maps that hold them, and the rules that look them up. */
#pragma once

#include "compile/roles.h"
#include "compile/writer.h"

/* Whom boxes belong to, by their `owner`. */
struct owner {
	char *who; /* "service 'web'", for messages */
	const struct origin *origin;
	char *counter[HOOKS][2]; /* by side; NULL where its role has no such direction */
};
typedef ARRAY(struct owner) owners;
void owners_free(owners *list);

enum { MAP_NAME_MAX = 32 };

/* A set or map that exists, for the rules of the chains that look it up; or one key, which they compare
 * with. */
struct lookup {
	char name[MAP_NAME_MAX];
	struct key key;
	const char *counter; /* the key's, borrowed from the owners; NULL: a set or map */
	uint8_t value[KEY_MAX];
};
typedef ARRAY(struct lookup) lookups;

/* What makes the sets of one group, named PREFIX_CLASS. */
struct maker {
	struct writer *w;
	const char *file;   /* the policy's, for messages */
	enum set_kind kind; /* SET_MAP: elements name the owners' counters for that hook and side */
	const char *prefix;
	enum hook hook;
	enum side side;
	size_t few; /* SET_MAP: a class of so many keys becomes rules, no map */
	const owners *owners;
	lookups *lookups; /* each that is made is appended */
	struct untrack_error *err;
};

/* A set of that class, or two (layout_order()); the boxes are used up. */
bool make_class(const struct maker *maker, const char *class, const struct layout *layout,
		boxes *all);
/* One of each class that has boxes, in the order in which they are to be asked. */
bool make_classes(const struct maker *maker, struct buckets *buckets);

/* The keys of a class, in the boxes' order, each once with its first owner. */
enum { FEW_KEYS = 3 };
struct few_keys {
	size_t n;
	uint32_t owner[FEW_KEYS];
	uint8_t key[FEW_KEYS][KEY_MAX];
};
/* False if they are more than that many, up to FEW_KEYS, or some that a rule cannot compare with. */
bool find_few_keys(const struct layout *layout, const boxes *all, size_t most,
		   struct few_keys *ret_few);
/* `counter name … map @… notrack accept` for each. is_last: where the chain and its packets end with
 * them, the last needs no `accept`, which is some nanoseconds for most packets of most policies. */
void write_map_rules(struct writer *w, struct chain *chain, const lookups *list, bool is_last);
/* `… @… notrack accept`, of those that look at no interface; a map of counters is asked as a set is
 * (nft_lookup.c: nft_lookup_init()). */
void write_loopback_map_rules(struct writer *w, struct chain *chain, const lookups *list);

/* Makes boxes disjoint, the error telling whose clash. */
bool make_disjoint(const struct maker *maker, boxes *all);

/* A set or map (NULL: a rule's own) with these boxes as elements: hash keys once each (the first owner
 * has it), or intervals, which must be disjoint. NULL with the error set. */
struct set *write_set(const struct maker *maker, const char *name, const struct key *key,
		      const boxes *all);
