/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/adopt.h"

#include "base/cleanup.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct rule, rule_free)

const struct set *expression_set(const struct table *table, const struct expression *expression)
{
	const char *name = !strcmp(expression->name, "lookup")
				   ? attr_find_text(expression->data, NFTA_LOOKUP_SET)
				   : NULL;
	const struct set *set = name ? table_find_set(table, name) : NULL;

	return set && set_is_anonymous(set) ? set : NULL;
}

/* A lookup whose anonymous set goes by another name from now on. */
static void put_renamed_lookup(struct buf *out, const struct expression *expression,
			       const char *prefix)
{
	size_t item = attr_nest_begin(out, NFTA_LIST_ELEM), data;
	char name[NFT_SET_MAXNAMELEN];

	attr_put_text(out, NFTA_EXPR_NAME, expression->name);
	data = attr_nest_begin(out, NFTA_EXPR_DATA);
	attr_for_each(field, expression->data) {
		if (field.type == NFTA_LOOKUP_SET) {
			snprintf(name, sizeof(name), "%s%s", prefix, attr_text(field.body));
			attr_put_text(out, field.type, name);
		} else {
			attr_put(out, field.type, field.body.data, field.body.len);
		}
	}
	attr_nest_end(out, data);
	attr_nest_end(out, item);
}

static void put_expressions(struct buf *out, const struct table *from, struct span list,
			    const char *prefix)
{
	size_t begin = attr_nest_begin(out, NFTA_RULE_EXPRESSIONS);

	attr_for_each(item, list) {
		struct span one = {item.body.data - 4, item.body.len + 4}; /* with its head */
		struct expression expression;

		if (expression_next(&one, &expression) && expression_set(from, &expression))
			put_renamed_lookup(out, &expression, prefix);
		else
			attr_put(out, item.type, item.body.data, item.body.len);
	}
	attr_nest_end(out, begin);
}

struct rule *rule_copy_renamed(const char *table, const char *chain, const struct table *from,
			       const struct rule *rule, const char *prefix)
{
	autoclean(rule_free_p) struct rule *copy = rule_new();
	struct span userdata;

	if (!copy)
		return NULL;
	attr_put_text(&copy->attrs, NFTA_RULE_TABLE, table);
	attr_put_text(&copy->attrs, NFTA_RULE_CHAIN, chain);
	put_expressions(&copy->attrs, from, rule_expressions(rule), prefix);
	if (attr_find(buf_span(&rule->attrs), NFTA_RULE_USERDATA, &userdata))
		attr_put(&copy->attrs, NFTA_RULE_USERDATA, userdata.data, userdata.len);
	if (rule->origin && !(copy->origin = strdup(rule->origin)))
		return NULL;
	return copy->attrs.failed ? NULL : steal_pointer(&copy);
}

bool chain_insert_rule(const struct table *table, struct chain *chain, size_t at,
		       const struct table *from, const struct rule *rule, const char *prefix)
{
	struct rule *copy =
		array_reserve(&chain->rules, chain->rules.n + 1)
			? rule_copy_renamed(table->name, chain->name, from, rule, prefix)
			: NULL;

	if (!copy)
		return false;
	memmove(chain->rules.v + at + 1, chain->rules.v + at,
		(chain->rules.n - at) * sizeof(*chain->rules.v));
	chain->rules.v[at] = copy;
	chain->rules.n++;
	return true;
}

static bool take_set(struct table *table, const struct set *set, const char *prefix)
{
	struct set *copy = set_copy(set);
	char *name = NULL;

	if (!copy || asprintf(&name, "%s%s", prefix, set->name) < 0 ||
	    !array_push(&table->sets, copy)) {
		set_free(copy);
		free(name);
		return false;
	}
	free(copy->name);
	copy->name = name;
	return true;
}

bool table_take_sets(struct table *table, const struct table *from, const char *prefix)
{
	array_for_each(set, &from->sets) {
		if (!take_set(table, *set, prefix))
			return false;
	}
	return true;
}

bool table_take_sets_of_rule(struct table *table, const struct table *from, const struct rule *rule,
			     const char *prefix)
{
	struct span rest = rule_expressions(rule);
	struct expression expression;

	while (expression_next(&rest, &expression)) {
		const struct set *set = expression_set(from, &expression);

		if (set && !take_set(table, set, prefix))
			return false;
	}
	return true;
}
