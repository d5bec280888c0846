/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of what makes two objects different: every attribute of every kind of object and
 * expression is marked as something that matters or something that the kernel fills in.
 */
#pragma once

#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

enum field_role {
	FIELD_KERNEL, /* filled in by the kernel or moved by packets: no difference, never sent */
	FIELD_STATE,  /* moved by packets, but taken back when sent: no difference, is sent */
	FIELD_UPDATE, /* matters; can be changed in place */
	FIELD_REMAKE, /* matters; the object must be made anew */
	FIELD_KEY,    /* names the object; equal by construction */
};

enum difference { DIFFERENCE_NONE, DIFFERENCE_UPDATE, DIFFERENCE_REMAKE };

enum field_role field_role(enum object_kind kind, uint16_t attribute);

/* Attributes of one object, its key and the kernel's fields aside. An absent number equals 0. */
enum difference attrs_compare(enum object_kind kind, struct span a, struct span b);

/* Do two rules do the same: expressions and comment. Anonymous sets are compared by content, so
 * both tables are needed. */
/* Has a table neither anonymous sets nor chains that are parts of rules? Then rules whose bytes are the
 * same do the same. */
bool table_is_plain(const struct table *table);
bool rules_identical(const struct rule *a, const struct rule *b);
bool rules_equal(const struct table *table_a, const struct rule *a, const struct table *table_b,
		 const struct rule *b);
/* Equal rules have equal hashes. Never 0. */
uint64_t rule_hash(const struct rule *rule);

/* Elements with the same key: do they differ in data, comment, …? */
bool elements_equal(struct span a, struct span b);
