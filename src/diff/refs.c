/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/refs.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

static bool is_doomed(const doomed_list *doomed, enum object_kind kind, const char *name,
		      uint32_t type)
{
	if (!name)
		return false;
	array_for_each(one, doomed) {
		if (one->kind == kind && !strcmp(one->name, name) &&
		    (kind != OBJECT_STATEFUL || one->type == type))
			return true;
	}
	return false;
}

/* The chain that a verdict inside NFTA_DATA_* jumps to, or NULL. */
static const char *verdict_chain(struct span data)
{
	struct span verdict;

	if (!attr_find(data, NFTA_DATA_VERDICT, &verdict))
		return NULL;
	return attr_find_text(verdict, NFTA_VERDICT_CHAIN);
}

bool element_refers(struct span element, uint32_t set_type, const doomed_list *doomed)
{
	struct span data;

	if (attr_find(element, NFTA_SET_ELEM_DATA, &data) &&
	    is_doomed(doomed, OBJECT_CHAIN, verdict_chain(data), 0))
		return true;
	return is_doomed(doomed, OBJECT_STATEFUL, attr_find_text(element, NFTA_SET_ELEM_OBJREF),
			 set_type);
}

static bool set_refers(const struct table *table, const char *name, const doomed_list *doomed)
{
	const struct set *set = name ? table_find_set(table, name) : NULL;
	uint32_t type;

	if (!set || !set_is_anonymous(set))
		return is_doomed(doomed, OBJECT_SET, name, 0);
	type = attr_find_be32(buf_span(&set->attrs), NFTA_SET_OBJ_TYPE);
	for (size_t i = 0; i < elements_count(&set->elements); i++)
		if (element_refers(element_at(&set->elements, i), type, doomed))
			return true;
	return false;
}

static bool expressions_refer(const struct table *table, struct span list,
			      const doomed_list *doomed);

/* A jump: to a chain by name, or into a chain that is bound to the rule and has rules itself. */
static bool jump_refers(const struct table *table, struct span data, const doomed_list *doomed)
{
	struct span immediate;
	const char *name;
	const struct chain *chain;

	if (!attr_find(data, NFTA_IMMEDIATE_DATA, &immediate))
		return false;
	name = verdict_chain(immediate);
	if (is_doomed(doomed, OBJECT_CHAIN, name, 0))
		return true;
	chain = name ? table_find_chain(table, name) : NULL;
	if (!chain || !chain_is_bound(chain))
		return false;
	array_for_each(rule, &chain->rules) {
		if (expressions_refer(table, rule_expressions(*rule), doomed))
			return true;
	}
	return false;
}

static bool expression_refers(const struct table *table, const struct expression *expression,
			      const doomed_list *doomed)
{
	struct span data = expression->data;

	if (!strcmp(expression->name, "lookup"))
		return set_refers(table, attr_find_text(data, NFTA_LOOKUP_SET), doomed);
	if (!strcmp(expression->name, "dynset"))
		return set_refers(table, attr_find_text(data, NFTA_DYNSET_SET_NAME), doomed);
	if (!strcmp(expression->name, "objref"))
		return set_refers(table, attr_find_text(data, NFTA_OBJREF_SET_NAME), doomed) ||
		       is_doomed(doomed, OBJECT_STATEFUL,
				 attr_find_text(data, NFTA_OBJREF_IMM_NAME),
				 attr_find_be32(data, NFTA_OBJREF_IMM_TYPE));
	if (!strcmp(expression->name, "flow_offload"))
		return is_doomed(doomed, OBJECT_FLOWTABLE,
				 attr_find_text(data, NFTA_FLOW_TABLE_NAME), 0);
	if (!strcmp(expression->name, "immediate"))
		return jump_refers(table, data, doomed);
	return false;
}

static bool expressions_refer(const struct table *table, struct span list,
			      const doomed_list *doomed)
{
	struct expression expression;

	while (expression_next(&list, &expression))
		if (expression_refers(table, &expression, doomed))
			return true;
	return false;
}

bool rule_refers(const struct table *table, const struct rule *rule, const doomed_list *doomed)
{
	return doomed->n && expressions_refer(table, rule_expressions(rule), doomed);
}

static bool list_has_meter(const struct table *table, struct span list, unsigned depth)
{
	struct expression expression;

	while (expression_next(&list, &expression)) {
		const char *name = NULL;
		const struct set *set;
		const struct chain *chain;
		struct span immediate;

		if (!strcmp(expression.name, "dynset"))
			name = attr_find_text(expression.data, NFTA_DYNSET_SET_NAME);
		set = name ? table_find_set(table, name) : NULL;
		if (set && set_is_meter(set))
			return true;
		if (strcmp(expression.name, "immediate") != 0 || !depth ||
		    !attr_find(expression.data, NFTA_IMMEDIATE_DATA, &immediate))
			continue;
		name = verdict_chain(immediate);
		chain = name ? table_find_chain(table, name) : NULL;
		if (!chain || !chain_is_bound(chain))
			continue;
		array_for_each(rule, &chain->rules) {
			if (list_has_meter(table, rule_expressions(*rule), depth - 1))
				return true;
		}
	}
	return false;
}

bool rule_has_meter(const struct table *table, const struct rule *rule)
{
	return list_has_meter(table, rule_expressions(rule), 16); /* NFT_JUMP_STACK_SIZE */
}
