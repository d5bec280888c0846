/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan: what to send to the kernel, in order, as one transaction. It borrows the objects of the two
 * rulesets it was made from, which must outlive it. diff writes it, kernel commits it, view prints it.
 */
#pragma once

#include "base/array.h"
#include "model/ruleset.h"

enum operation { OPERATION_ADD, OPERATION_DELETE, OPERATION_REPLACE, OPERATION_FLUSH };

/*
 * One step. Which pointers are set follows from kind:
 *   table     table
 *   chain     table, chain                FLUSH: deletes all its rules
 *   set       table, set                  anonymous sets are added right before their rule
 *   element   table, set, elements        indexes into set->elements (DELETE: of the live set);
 *                                         FLUSH: all that the live set has
 *   rule      table, chain, rule          ADD: in front of `before` (a live rule that stays) or, if
 *                                         that is NULL, at the end; REPLACE: rule takes the place of
 *                                         `old` and keeps its handle
 *   stateful  table, object
 *   flowtable table, flowtable
 * For DELETE the objects are those of the live ruleset (their handles count), otherwise those of the
 * desired one. REPLACE of other kinds than rule changes in place (chain policy, set timeout, …);
 * `old` objects are then not needed.
 */
struct plan_step {
	enum operation operation;
	enum object_kind kind;
	const struct table *table;
	const struct chain *chain;
	const struct set *set;
	const struct rule *rule;
	const struct rule *old;
	const struct rule *before;
	size_t place; /* rule: its index in its chain (desired for ADD and REPLACE, live for DELETE) */
	const struct stateful *object;
	const struct flowtable *flowtable;
	uint32_t first; /* element: elements->at[first .. first + count) if indexes is NULL */
	uint32_t count;
	uint32_t *indexes; /* owned, or NULL */
	bool remade;	   /* half of a delete-and-add of one object that cannot change in place */
};

/* A sysctl that changes after the commit. */
struct plan_sysctl {
	char *name;
	uint64_t from;
	uint64_t to;
};

/*
 * Numbers that anonymous sets of a table can go by: from `next` on none is in use. Where the kernel is left to
 * find one it reads the number of every set of the table, for each set anew, which is half of what very many
 * rules with sets cost (nf_tables_api.c: nf_tables_set_alloc_name()).
 */
struct set_numbers {
	const struct table *table; /* desired */
	uint32_t next;
};
typedef ARRAY(struct set_numbers) set_number_list;

struct plan {
	uint32_t generation; /* of the live ruleset it was made from */
	ARRAY(struct plan_step) steps;
	set_number_list set_numbers; /* of tables with many */
	ARRAY(struct plan_sysctl) sysctls;
};

struct plan *plan_new(uint32_t generation);
void plan_free(struct plan *plan);
/* Finds numbers for the table's anonymous sets if they are many, and it is known which are in use. live: NULL
 * if the table is not there. False without memory. */
bool plan_number_sets(struct plan *plan, const struct table *live, const struct table *desired);
bool plan_is_empty(const struct plan *plan); /* neither steps nor sysctls */

struct plan_summary {
	/* [kind][operation]; elements are counted singly, anonymous sets and their elements not */
	size_t count[OBJECT_KINDS][4];
};
void plan_summarise(const struct plan *plan, struct plan_summary *ret_summary);
