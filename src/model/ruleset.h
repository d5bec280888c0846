/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ruleset as the kernel holds it. Every object keeps the attribute bytes of its netlink message
 * (behind the nfgenmsg, as NFT_MSG_GET* dumps them), because the kernel takes back what it gave;
 * what is needed to find and order objects is beside them. What in those bytes makes two objects
 * different is told by model/fields.h, not here.
 *
 * Ownership is a tree: ruleset_free() frees everything beneath.
 */
#pragma once

#include "base/array.h"
#include "base/attr.h"
#include "base/error.h"
#include "model/name_index.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum object_kind {
	OBJECT_TABLE,
	OBJECT_CHAIN,
	OBJECT_SET, /* sets and maps */
	OBJECT_ELEMENT,
	OBJECT_RULE,
	OBJECT_STATEFUL, /* counter, quota, limit, ct helper, … */
	OBJECT_FLOWTABLE,
	OBJECT_KINDS
};

struct rule {
	struct buf attrs; /* NFTA_RULE_* */
	uint64_t handle;  /* 0: not in a kernel yet */
	uint64_t hash;	  /* of what matters; 0: not computed */
	char *origin;	  /* whom a refusal concerns: "service 'web'"; or NULL */
	const struct rule_shape
		*shape; /* what it was made of (rule_shape.h), in its ruleset; or NULL, as
					 * in copies */
};

struct chain {
	char *name;
	struct buf attrs; /* NFTA_CHAIN_* */
	uint64_t handle;
	bool rules_read; /* false: rules are not known (others' chains are not dumped without need) */
	ARRAY(struct rule *) rules;
};

/*
 * Elements lie one behind the other in `bytes`, each as the NFTA_LIST_ELEM attribute it has in
 * NFTA_SET_ELEM_LIST_ELEMENTS, so that they are sent by copying. `at` are their offsets, sorted by
 * elements_sort() (key, then key end, then interval end before start).
 *
 * A long list of plain keys is `packed` instead (then `at` is empty): sorted keys of `width` bytes
 * without repeats, or, for intervals of one field, pairs of first and last that do not overlap. It counts and reads like the elements that the kernel holds for it (element_at(): an
 * interval is a start and an end), at an eighth of their size.
 */
struct packed {
	uint8_t *keys;
	size_t count; /* keys, or pairs */
	uint8_t width;
	bool ranges;
	uint64_t stored; /* the number under which the store remembers these keys; 0: it does not */
	size_t *holders; /* copies have the same keys, which nobody changes: how many; NULL: only this one */
};

struct elements {
	struct buf bytes;
	ARRAY(uint32_t) at;
	bool sorted;
	bool listed; /* the order in `bytes` is the one in which a kernel listed them */
	struct packed packed;
};

struct set {
	char *name;
	struct buf attrs; /* NFTA_SET_* */
	uint64_t handle;
	uint32_t flags; /* NFT_SET_* of attrs */
	bool elements_read;
	bool elements_uncertain; /* not read since they are too many, and not known otherwise */
	struct elements elements;
	char *origin;
};

struct stateful {
	char *name;
	uint32_t type;	  /* NFT_OBJECT_* */
	struct buf attrs; /* NFTA_OBJ_* */
	uint64_t handle;
	char *origin;
};

struct flowtable {
	char *name;
	struct buf attrs; /* NFTA_FLOWTABLE_* */
	uint64_t handle;
};

struct table {
	uint8_t family; /* NFPROTO_* */
	char *name;
	struct buf attrs; /* NFTA_TABLE_* */
	uint64_t handle;
	bool contents_read; /* false: only its name is known */
	bool unknown;	    /* something in it could not be decoded: never touched */
	ARRAY(struct chain *) chains;
	ARRAY(struct set *) sets;
	ARRAY(struct stateful *) objects;
	ARRAY(struct flowtable *) flowtables;
	/* By name, for table_find_*(). Objects are appended; who takes one away or puts another in its
	 * place calls table_forget_names(). */
	struct name_index chain_names, set_names, object_names;
};

struct ruleset {
	uint32_t generation; /* 0: not read from a kernel */
	ARRAY(struct table *) tables;
	ARRAY(struct rule_shape *) shapes; /* of rules in it */
};

struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset *ruleset);
struct table *table_new(uint8_t family, const char *name);
void table_free(struct table *table);
struct chain *chain_new(const char *name);
void chain_free(struct chain *chain);
struct rule *rule_new(void);
void rule_free(struct rule *rule);
struct set *set_new(const char *name);
void set_free(struct set *set);
struct stateful *stateful_new(const char *name, uint32_t type);
void stateful_free(struct stateful *object);
struct flowtable *flowtable_new(const char *name);
void flowtable_free(struct flowtable *flowtable);

/* Deep copies; NULL without memory. */
struct table *table_copy(const struct table *table);
/* Without the rules of chains, but for chains that are parts of rules. */
struct table *table_copy_frame(const struct table *table);
struct chain *chain_copy(const struct chain *chain);
struct rule *rule_copy(const struct rule *rule);
struct set *set_copy(const struct set *set);

struct table *ruleset_find(const struct ruleset *ruleset, uint8_t family, const char *name);
struct chain *table_find_chain(const struct table *table, const char *name);
/* The chain's place in table->chains; SIZE_MAX: there is none. */
size_t table_chain_place(const struct table *table, const char *name);
struct set *table_find_set(const struct table *table, const char *name);
struct stateful *table_find_object(const struct table *table, const char *name, uint32_t type);
struct flowtable *table_find_flowtable(const struct table *table, const char *name);
void table_forget_names(struct table *table);

/* "inet", "ip", …, and back (0 if unknown; NFPROTO_UNSPEC names no family). */
const char *family_name(uint8_t family);
uint8_t family_parse(const char *name);

/* What a base chain's NFTA_CHAIN_HOOK says. False for a regular chain. */
struct chain_hook {
	uint32_t hook; /* NF_INET_*, NF_NETDEV_* */
	int32_t priority;
	uint32_t policy;  /* NF_ACCEPT, NF_DROP */
	const char *type; /* "filter", "nat", "route"; inside the chain's attrs */
};
bool chain_hook(const struct chain *chain, struct chain_hook *ret_hook);
/* Is the chain a part of a rule (`jump { … }`), and comes and goes with it? */
bool chain_is_bound(const struct chain *chain);
/* "prerouting", … ; "?" if the family has no such hook. */
const char *hook_name(uint8_t family, uint32_t hook);

/*
 * Comments are in user data as nft writes them: type, length, value with its NUL (libnftnl/udata.h).
 * The pointer lies inside the attributes. NULL: none.
 */
const char *table_comment(const struct table *table);
const char *chain_comment(const struct chain *chain);
const char *rule_comment(const struct rule *rule);
/* Writes an attribute `type` with user data that holds just that comment (cut at 127 bytes). */
void put_comment(struct buf *attrs, uint16_t type, const char *comment);

/* A rule's expressions: the body of NFTA_RULE_EXPRESSIONS. */
struct span rule_expressions(const struct rule *rule);

/* One expression of a list: its name and the body of NFTA_EXPR_DATA (empty if it has none).
 * Advances *rest; false at the end. */
struct expression {
	const char *name;
	struct span data;
};
bool expression_next(struct span *rest, struct expression *ret_expression);
/* Of the very many that are asked most differ in the first character. */
static inline bool expression_is(const struct expression *expression, const char *name)
{
	return expression->name[0] == name[0] && !strcmp(expression->name, name);
}

static inline bool set_is_anonymous(const struct set *set)
{
	return set->flags & 1; /* NFT_SET_ANONYMOUS */
}

/* How many elements the set says that it may hold; 0: any number. */
uint32_t set_size(const struct set *set);
/* In place; nothing where none is declared. */
void set_change_size(struct set *set, uint32_t size);

/* An anonymous set with a name that the kernel did not make: a meter's (`meter NAME { … }`). No two
 * rules of a table can have the same. */
bool set_is_meter(const struct set *set);

/* How many elements the kernel has for it: an interval of one field counts two. */
size_t elements_count(const struct elements *elements);
/* The body of element i's NFTA_LIST_ELEM (NFTA_SET_ELEM_*). Of packed elements it is made when asked
 * for, and stays valid for this thread's next 15 calls. */
struct span element_at(const struct elements *elements, size_t i);
/* Frees what it holds, and makes it empty. */
void elements_free(struct elements *elements);
/* Both have the same keys then. False without memory. */
bool packed_copy(struct packed *to, const struct packed *from);
void packed_free(struct packed *packed);
/* Bytes of an entry. */
static inline size_t packed_entry(const struct packed *packed)
{
	return packed->ranges ? 2u * packed->width : packed->width;
}
/* Strictly, and ranges do not overlap? */
bool packed_is_sorted(const struct packed *packed);
/* Lists of the same kind: moves *i and *j behind what both have, to the next entry that one of them lacks:
 * *ret_order < 0: only a has its entry i, > 0: only b its entry j. False at the end. */
bool packed_difference(const struct packed *a, size_t *i, const struct packed *b, size_t *j,
		       int *ret_order);
/* The first and last key of packed entry i (the same one if it is no range). */
const uint8_t *packed_first(const struct packed *packed, size_t i);
const uint8_t *packed_last(const struct packed *packed, size_t i);
/* Where entry i begins in the order of element_at(). */
size_t packed_index(const struct packed *packed, size_t i);
/* Writes the NFTA_LIST_ELEM attributes of entry i: one, or a start and (unless it ends with the last
 * key there is) an end. Returns how many bytes, at most PACKED_ENTRY_MAX. */
enum { PACKED_ENTRY_MAX = 2 * (4 + 4 + 4 + 64 + 8) };
size_t packed_put(const struct packed *packed, size_t i, uint8_t out[PACKED_ENTRY_MAX]);
/* How many bytes packed_put() writes for an entry, at most. */
size_t packed_size(const struct packed *packed);
/* An element's key (value bytes of NFTA_SET_ELEM_KEY, KEY_END); empty if it has none. */
struct span element_key(struct span element);
struct span element_key_end(struct span element);
/* Appends one element: begin, then write NFTA_SET_ELEM_* into elements->bytes, then end. */
size_t element_begin(struct elements *elements);
bool element_end(struct elements *elements, size_t begin);
void elements_sort(struct elements *elements);
int element_compare_keys(struct span a, struct span b);
/* Is it the end of an interval, which counts with its start? */
bool element_is_end(struct span element);
