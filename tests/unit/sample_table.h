/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table that has one of everything, for tests that store and load. */
#pragma once

#include "model/ruleset.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static inline void sample_element(struct set *set, uint16_t port)
{
	size_t begin = element_begin(&set->elements), key;
	uint16_t value = htons(port);

	key = attr_nest_begin(&set->elements.bytes, NFTA_SET_ELEM_KEY);
	attr_put(&set->elements.bytes, NFTA_DATA_VALUE, &value, sizeof(value));
	attr_nest_end(&set->elements.bytes, key);
	put_comment(&set->elements.bytes, NFTA_SET_ELEM_USERDATA, "a port");
	cr_assert(element_end(&set->elements, begin));
}

static inline void sample_chain(struct table *table, const char *name, unsigned rules)
{
	struct chain *chain = chain_new(name);

	cr_assert(chain && array_push(&table->chains, chain));
	chain->handle = 7;
	chain->rules_read = true;
	attr_put_text(&chain->attrs, NFTA_CHAIN_NAME, name);
	for (unsigned i = 0; i < rules; i++) {
		struct rule *rule = rule_new();
		size_t list;

		cr_assert(rule && array_push(&chain->rules, rule));
		rule->handle = 100 + i;
		rule->origin = i % 2 ? strdup("service 'web'") : NULL;
		attr_put_text(&rule->attrs, NFTA_RULE_CHAIN, name);
		list = attr_nest_begin(&rule->attrs, NFTA_RULE_EXPRESSIONS);
		attr_put_be32(&rule->attrs, NFTA_LIST_ELEM, i);
		attr_nest_end(&rule->attrs, list);
		put_comment(&rule->attrs, NFTA_RULE_USERDATA, "untrack inet untrack: web");
	}
}

static inline struct table *sample_table(const char *name)
{
	struct table *table = table_new(NFPROTO_INET, name);
	struct set *set = set_new("ports");
	struct stateful *object = stateful_new("web_in", NFT_OBJECT_COUNTER);
	struct flowtable *flowtable = flowtable_new("fast");

	cr_assert(table && set && object && flowtable);
	table->handle = 3;
	table->contents_read = true;
	attr_put_text(&table->attrs, NFTA_TABLE_NAME, name);
	put_comment(&table->attrs, NFTA_TABLE_USERDATA, "untrack policy");
	sample_chain(table, "prerouting", 3);
	sample_chain(table, "empty", 0);
	set->handle = 11;
	set->flags = NFT_SET_INTERVAL;
	set->elements_read = true;
	set->origin = strdup("service 'web'");
	attr_put_text(&set->attrs, NFTA_SET_NAME, "ports");
	for (uint16_t port = 9; port > 0; port--)
		sample_element(set, (uint16_t)(port * 1000));
	elements_sort(&set->elements);
	object->handle = 1ull << 40;
	attr_put_text(&object->attrs, NFTA_OBJ_NAME, "web_in");
	flowtable->handle = 13;
	attr_put_text(&flowtable->attrs, NFTA_FLOWTABLE_NAME, "fast");
	cr_assert(array_push(&table->sets, set) && array_push(&table->objects, object) &&
		  array_push(&table->flowtables, flowtable));
	return table;
}
