/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/alike.h"

#include "api/adopt.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/hash.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* How many rules of a chain that are alike are played: so many of the first, and of the last. Many chains
 * have fewer each. */
enum { ALIKE = 32, ALIKE_MIN = 4, ALIKE_IN_ALL = 256, KINDS_MAX = 256 };

/* How many rules are alike, and how many of them were met. */
struct tally {
	uint64_t kind;
	size_t all, met;
};
typedef ARRAY(struct tally) tallies;

/* What packets are compared with, or how many may pass. */
static bool is_value(const char *expression, uint16_t attribute)
{
	static const struct {
		const char *expression;
		uint16_t attribute;
	} values[] = {
		{"cmp", NFTA_CMP_DATA},
		{"range", NFTA_RANGE_FROM_DATA},
		{"range", NFTA_RANGE_TO_DATA},
		{"limit", NFTA_LIMIT_RATE},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (values[i].attribute == attribute && !strcmp(values[i].expression, expression))
			return true;
	return false;
}

/* All of an expression but values, and the names of anonymous sets. */
static uint64_t hash_kind(uint64_t hash, const struct expression *expression, bool has_set)
{
	hash = hash_bytes(hash, expression->name, strlen(expression->name) + 1);
	attr_for_each(a, expression->data) {
		bool names = has_set && (a.type == NFTA_LOOKUP_SET || a.type == NFTA_LOOKUP_SET_ID);

		hash = hash_bytes(hash, &a.type, sizeof(a.type));
		if (names)
			continue;
		hash = hash_bytes(hash, &a.body.len, sizeof(a.body.len));
		if (!is_value(expression->name, a.type))
			hash = hash_bytes(hash, a.body.data, a.body.len);
	}
	return hash;
}

static uint64_t hash_set(uint64_t hash, const struct set *set)
{
	struct span attrs = buf_span(&set->attrs);
	uint32_t parts[] = {set->flags, attr_find_be32(attrs, NFTA_SET_KEY_TYPE),
			    attr_find_be32(attrs, NFTA_SET_KEY_LEN)};

	return hash_bytes(hash, parts, sizeof(parts));
}

/* What a rule has in common with those that are alike. 0: it looks up a map, whose elements the kernel judges
 * by more than their form, as verdicts are. */
static uint64_t kind_by_form(const struct table *table, const struct rule *rule)
{
	struct span rest = rule_expressions(rule);
	struct expression expression;
	uint64_t hash = HASH_BEGIN;

	while (expression_next(&rest, &expression)) {
		const struct set *set = expression_set(table, &expression);

		hash = hash_kind(hash, &expression, set);
		if (!set)
			continue;
		if (set->flags & (NFT_SET_MAP | NFT_SET_OBJECT))
			return 0;
		hash = hash_set(hash, set);
	}
	return hash;
}

/* 0: like no other. */
static uint64_t kind_of(const struct table *table, const struct rule *rule)
{
	return rule->shape ? (uintptr_t)rule->shape : kind_by_form(table, rule);
}

/* Neighbours are alike more often than not, and kinds are few. */
static struct tally *find_tally(const tallies *list, uint64_t kind, struct tally *last)
{
	if (last && last->kind == kind)
		return last;
	array_for_each(tally, list) {
		if (tally->kind == kind)
			return tally;
	}
	return NULL;
}

/* Those that come when there are many kinds already are like no other. */
static bool count_kinds(uint64_t *kinds, size_t count, tallies *list)
{
	struct tally *tally = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!kinds[i])
			continue;
		tally = find_tally(list, kinds[i], tally);
		if (!tally && list->n == KINDS_MAX) {
			kinds[i] = 0;
			continue;
		}
		if (!tally) {
			if (!array_push(list, (struct tally){.kind = kinds[i]}))
				return false;
			tally = &list->v[list->n - 1];
		}
		tally->all++;
	}
	return true;
}

static size_t count_played(const struct table *table)
{
	size_t each = ALIKE_IN_ALL / (table->chains.n + 1);

	return each > ALIKE ? ALIKE : each < ALIKE_MIN ? ALIKE_MIN : each;
}

static bool is_one_of_many(struct tally *tally, size_t played)
{
	size_t before = tally->met++;

	return before >= played && tally->all - before > played;
}

bool *alike_leave_out(const struct table *table, const struct chain *chain, const bool *left_out)
{
	size_t count = chain->rules.n, played = count_played(table);
	autofree uint64_t *kinds = calloc(count + 1, sizeof(*kinds));
	autofree bool *out = calloc(count + 1, sizeof(*out));
	struct tally *tally = NULL;
	tallies list = {0};
	bool ok = kinds && out;

	for (size_t i = 0; ok && i < count; i++) {
		out[i] = left_out && left_out[i];
		kinds[i] = out[i] ? 0 : kind_of(table, chain->rules.v[i]);
	}
	ok = ok && count_kinds(kinds, count, &list);
	for (size_t i = 0; ok && i < count; i++) {
		tally = kinds[i] ? find_tally(&list, kinds[i], tally) : NULL;
		out[i] |= tally && is_one_of_many(tally, played);
	}
	array_free(&list);
	return ok ? steal_pointer(&out) : NULL;
}
