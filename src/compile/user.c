/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/user.h"

#include "base/cleanup.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum hook rule_hook(const struct policy_rule *rule)
{
	return rule->output ? HOOK_OUTPUT : HOOK_PREROUTING;
}

bool has_user_rules(const struct policy *policy, enum hook hook)
{
	array_for_each(rule, &policy->rules) {
		if (rule_hook(rule) == hook)
			return true;
	}
	return false;
}

/* The number at the end of "__set3" or "__map12". */
static unsigned long name_number(const char *name)
{
	return strtoul(name + strcspn(name, "0123456789"), NULL, 10);
}

/* Copies attributes, except those named, in whose place the text comes first. */
static void copy_attrs(struct buf *to, const struct buf *from, uint16_t table_attr,
		       const char *table, const uint16_t *without, size_t count)
{
	attr_put_text(to, table_attr, table);
	attr_for_each(item, buf_span(from)) {
		bool left_out = item.type == table_attr;

		for (size_t i = 0; i < count; i++)
			left_out |= item.type == without[i];
		if (!left_out)
			attr_put(to, item.type, item.body.data, item.body.len);
	}
}

bool take_user_sets(struct writer *w, const struct table *rules, struct untrack_error *err)
{
	static const uint16_t without[] = {NFTA_SET_HANDLE};

	array_for_each(set, &rules->sets) {
		struct set *copy = set_copy(*set);
		unsigned long number = name_number((*set)->name);

		if (!copy || !array_push(&w->table->sets, copy)) {
			set_free(copy);
			return error_memory(err);
		}
		copy->handle = 0;
		copy->attrs.len = 0;
		copy_attrs(&copy->attrs, &(*set)->attrs, NFTA_SET_TABLE, w->table->name, without,
			   sizeof(without) / sizeof(*without));
		if (number >= w->anonymous)
			w->anonymous = (unsigned)number + 1;
	}
	return true;
}

static bool write_user_rule(struct writer *w, struct chain *chain, const struct policy_rule *wanted,
			    const struct rule *loaded, struct untrack_error *err)
{
	static const uint16_t without[] = {NFTA_RULE_CHAIN, NFTA_RULE_HANDLE, NFTA_RULE_POSITION,
					   NFTA_RULE_USERDATA};
	size_t count = sizeof(without) / sizeof(*without);
	struct rule *rule = rule_new();

	if (!rule || !array_push(&chain->rules, rule)) {
		rule_free(rule);
		return error_memory(err);
	}
	copy_attrs(&rule->attrs, &loaded->attrs, NFTA_RULE_TABLE, w->table->name, without,
		   wanted->comment ? count : count - 1);
	attr_put_text(&rule->attrs, NFTA_RULE_CHAIN, chain->name);
	if (wanted->comment)
		put_comment(&rule->attrs, NFTA_RULE_USERDATA, wanted->comment);
	if (asprintf(&rule->origin, "the rule at %s", wanted->origin.path) < 0) {
		rule->origin = NULL;
		return error_memory(err);
	}
	return true;
}

bool write_user_rules(struct writer *w, struct chain *chain, const struct policy *policy,
		      const struct table *rules, enum hook hook, struct untrack_error *err)
{
	const struct chain *loaded =
		rules ? table_find_chain(rules, hook == HOOK_OUTPUT ? "output" : "prerouting")
		      : NULL;
	size_t n = 0;

	if (!has_user_rules(policy, hook))
		return true;
	if (!chain)
		return error_memory(err);
	array_for_each(rule, &policy->rules) {
		if (rule_hook(rule) != hook)
			continue;
		if (!loaded || n >= loaded->rules.n)
			return error_at(err, ERROR_DOCUMENT, policy->file, rule->origin.line,
					rule->origin.column, rule->origin.path,
					"nft made no rule of this; expected statements");
		if (!write_user_rule(w, chain, rule, loaded->rules.v[n++], err))
			return false;
	}
	return true;
}
