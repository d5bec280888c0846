/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules as messages. A rule brings along what has no name of its own: anonymous sets are made right
 * before it, and so are chains bound to it with their rules (the kernel takes no more rules into a
 * chain once it is bound).
 */
#include "kernel/batch.h"

#include "model/fields.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <string.h>

enum { MAX_DEPTH = 16 }; /* jumps in one another; nf_tables.h: NFT_JUMP_STACK_SIZE */

/* Expressions that name a set. */
static const struct set_user {
	const char *expression;
	uint16_t name;
	uint16_t id;
} set_users[] = {
	{"lookup", NFTA_LOOKUP_SET, NFTA_LOOKUP_SET_ID},
	{"dynset", NFTA_DYNSET_SET_NAME, NFTA_DYNSET_SET_ID},
	{"objref", NFTA_OBJREF_SET_NAME, NFTA_OBJREF_SET_ID},
};

static const struct set_user *find_set_user(const char *expression)
{
	for (size_t i = 0; i < sizeof(set_users) / sizeof(*set_users); i++)
		if (!strcmp(set_users[i].expression, expression))
			return &set_users[i];
	return NULL;
}

/* The anonymous set that the expression looks into, or NULL. */
static const struct set *anonymous_set(const struct table *table,
				       const struct expression *expression)
{
	const struct set_user *user = find_set_user(expression->name);
	const char *name = user ? attr_find_text(expression->data, user->name) : NULL;
	const struct set *set = name ? table_find_set(table, name) : NULL;

	return set && set_is_anonymous(set) ? set : NULL;
}

/* The chain bound to its rule that the expression jumps to, or NULL. */
static const struct chain *bound_chain(const struct table *table,
				       const struct expression *expression)
{
	const struct chain *chain;
	struct span data, verdict;
	const char *name;

	if (strcmp(expression->name, "immediate") ||
	    !attr_find(expression->data, NFTA_IMMEDIATE_DATA, &data) ||
	    !attr_find(data, NFTA_DATA_VERDICT, &verdict))
		return NULL;
	name = attr_find_text(verdict, NFTA_VERDICT_CHAIN);
	chain = name ? table_find_chain(table, name) : NULL;
	return chain && chain_is_bound(chain) ? chain : NULL;
}

/* ------------------------------------------------------------------ what is dumped, but not taken back */

/* Attributes that are dumped in any case, and refused where they mean nothing, even if they are zero
 * (net/netfilter/nft_exthdr.c: nft_exthdr_tcp_set_init, _strip_init; nft_osf.c; nft_dynset.c). */
static const struct {
	const char *expression;
	uint16_t attribute;
	bool without_register; /* only then: resetting a TCP option */
} refused_zeros[] = {
	{"exthdr", NFTA_EXTHDR_FLAGS, false},	{"exthdr", NFTA_EXTHDR_OFFSET, true},
	{"exthdr", NFTA_EXTHDR_LEN, true},	{"osf", NFTA_OSF_FLAGS, false},
	{"dynset", NFTA_DYNSET_TIMEOUT, false},
};

static bool has_refused_zeros(const char *expression)
{
	for (size_t i = 0; i < sizeof(refused_zeros) / sizeof(*refused_zeros); i++)
		if (!strcmp(refused_zeros[i].expression, expression))
			return true;
	return false;
}

static bool is_quota(const char *expression)
{
	return !strcmp(expression, "quota");
}

static bool is_refused_zero(const struct expression *expression, const struct attr *a)
{
	struct span body;
	bool with_register = attr_find(expression->data, NFTA_EXTHDR_SREG, &body) ||
			     attr_find(expression->data, NFTA_EXTHDR_DREG, &body);

	for (size_t i = 0; i < sizeof(refused_zeros) / sizeof(*refused_zeros); i++)
		if (refused_zeros[i].attribute == a->type && span_is_zero(a->body) &&
		    !strcmp(refused_zeros[i].expression, expression->name))
			return !refused_zeros[i].without_register || !with_register;
	return false;
}

/* A dynset with several statements is dumped without the flag that it is refused without
 * (net/netfilter/nft_dynset.c: nft_dynset_dump(), nft_dynset_init()). */
static bool lacks_flag(const struct expression *expression)
{
	struct span statements;

	return !strcmp(expression->name, "dynset") &&
	       attr_find(expression->data, NFTA_DYNSET_EXPRESSIONS, &statements);
}

static void put_attr(struct batch *batch, const struct expression *expression, const struct attr *a)
{
	if (is_refused_zero(expression, a))
		return;
	if (a->type == NFTA_DYNSET_FLAGS && lacks_flag(expression))
		attr_put_be32(&batch->bytes, NFTA_DYNSET_FLAGS,
			      attr_be32(a->body) | NFT_DYNSET_F_EXPR);
	else
		batch_copy_attr(&batch->bytes, a->body);
}

static void put_data(struct batch *batch, const struct expression *expression)
{
	if (is_quota(expression->name)) {
		batch_copy_quota(&batch->bytes, expression->data);
		return;
	}
	attr_for_each(a, expression->data) {
		put_attr(batch, expression, &a);
	}
}

/* ------------------------------------------------------------------ names for what has none */

static void put_set_user(struct batch *batch, const struct expression *expression,
			 const struct set *set)
{
	const struct set_user *user = find_set_user(expression->name);
	struct buf *b = &batch->bytes;

	attr_for_each(a, expression->data) {
		if (a.type == user->name) {
			batch_set_name(batch, user->name, set);
			attr_put_be32(b, user->id, batch_id(batch, set));
		} else if (a.type != user->id) {
			put_attr(batch, expression, &a);
		}
	}
}

static void put_bound_jump(struct batch *batch, const struct expression *expression,
			   const struct chain *chain)
{
	struct buf *b = &batch->bytes;
	size_t data_begin, verdict_begin;
	struct span data, verdict;

	attr_for_each(a, expression->data) {
		if (a.type != NFTA_IMMEDIATE_DATA)
			batch_copy_attr(b, a.body);
	}
	attr_find(expression->data, NFTA_IMMEDIATE_DATA, &data);
	attr_find(data, NFTA_DATA_VERDICT, &verdict);
	data_begin = attr_nest_begin(b, NFTA_IMMEDIATE_DATA);
	verdict_begin = attr_nest_begin(b, NFTA_DATA_VERDICT);
	attr_put_be32(b, NFTA_VERDICT_CODE, attr_find_be32(verdict, NFTA_VERDICT_CODE));
	attr_put_be32(b, NFTA_VERDICT_CHAIN_ID, batch_id(batch, chain));
	attr_nest_end(b, verdict_begin);
	attr_nest_end(b, data_begin);
}

static void put_expression(struct batch *batch, const struct table *table, struct span element)
{
	struct expression expression = {attr_find_text(element, NFTA_EXPR_NAME), {NULL, 0}};
	const struct chain *chain;
	const struct set *set;
	size_t begin, data;

	if (!expression.name || !attr_find(element, NFTA_EXPR_DATA, &expression.data)) {
		batch_copy_attr(&batch->bytes, element);
		return;
	}
	set = anonymous_set(table, &expression);
	chain = set ? NULL : bound_chain(table, &expression);
	if (!set && !chain && !has_refused_zeros(expression.name) && !is_quota(expression.name)) {
		batch_copy_attr(&batch->bytes, element);
		return;
	}
	begin = attr_nest_begin(&batch->bytes, NFTA_LIST_ELEM);
	attr_put_text(&batch->bytes, NFTA_EXPR_NAME, expression.name);
	data = attr_nest_begin(&batch->bytes, NFTA_EXPR_DATA);
	if (set)
		put_set_user(batch, &expression, set);
	else if (chain)
		put_bound_jump(batch, &expression, chain);
	else
		put_data(batch, &expression);
	attr_nest_end(&batch->bytes, data);
	attr_nest_end(&batch->bytes, begin);
}

/* The rule's own attributes. */
static void put_rule(struct batch *batch, const struct table *table, const struct rule *rule)
{
	struct buf *b = &batch->bytes;

	attr_for_each(a, buf_span(&rule->attrs)) {
		enum field_role role = field_role(OBJECT_RULE, a.type);

		if (a.type == NFTA_RULE_EXPRESSIONS) {
			size_t begin = attr_nest_begin(b, NFTA_RULE_EXPRESSIONS);

			attr_for_each(element, a.body) {
				put_expression(batch, table, element.body);
			}
			attr_nest_end(b, begin);
		} else if (role != FIELD_KEY && role != FIELD_KERNEL) {
			batch_copy_attr(b, a.body);
		}
	}
}

/* ------------------------------------------------------------------ what a rule brings along */

static void bring_along(struct batch *batch, const struct table *table, const struct rule *rule,
			struct untrack_error *err);

static void put_bound_rule(struct batch *batch, const struct table *table, uint32_t chain_id,
			   const struct rule *rule, struct untrack_error *err)
{
	size_t begin;

	bring_along(batch, table, rule, err);
	begin = batch_begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, table->family);
	attr_put_text(&batch->bytes, NFTA_RULE_TABLE, table->name);
	attr_put_be32(&batch->bytes, NFTA_RULE_CHAIN_ID, chain_id);
	put_rule(batch, table, rule);
	batch_end(batch, begin);
}

static void put_bound_chain(struct batch *batch, const struct table *table,
			    const struct chain *chain, struct untrack_error *err)
{
	uint32_t id = batch_new_id(batch, chain, NULL);
	size_t begin;

	if (++batch->depth > MAX_DEPTH) {
		error_set(err, ERROR_DOCUMENT,
			  "table %s %s: chains inside rules are nested deeper than %d",
			  family_name(table->family), table->name, MAX_DEPTH);
		return;
	}
	begin = batch_begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, table->family);
	attr_put_text(&batch->bytes, NFTA_CHAIN_TABLE, table->name);
	attr_put_be32(&batch->bytes, NFTA_CHAIN_ID, id);
	attr_put_be32(&batch->bytes, NFTA_CHAIN_FLAGS, NFT_CHAIN_BINDING);
	batch_end(batch, begin);
	array_for_each(rule, &chain->rules) {
		put_bound_rule(batch, table, id, *rule, err);
	}
	batch->depth--;
}

static void bring_along(struct batch *batch, const struct table *table, const struct rule *rule,
			struct untrack_error *err)
{
	struct span rest = rule_expressions(rule);
	struct expression expression;

	while (!batch->bytes.failed && !error_is_set(err) && expression_next(&rest, &expression)) {
		const struct set *set = anonymous_set(table, &expression);
		const struct chain *chain = set ? NULL : bound_chain(table, &expression);

		if (set) {
			batch_add_set(batch, table, set, NLM_F_CREATE | NLM_F_EXCL);
			batch_all_elements(batch, table, set);
		} else if (chain) {
			put_bound_chain(batch, table, chain, err);
		}
	}
}

/* ------------------------------------------------------------------ steps */

void batch_add_rule(struct batch *batch, const struct plan_step *step, struct untrack_error *err)
{
	const struct table *table = step->table;
	bool replace = step->operation == OPERATION_REPLACE;
	uint16_t flags = NLM_F_CREATE;
	size_t begin;

	bring_along(batch, table, step->rule, err);
	if (replace)
		flags = NLM_F_REPLACE;
	else if (!step->before)
		flags |= NLM_F_APPEND;
	begin = batch_begin(batch, NFT_MSG_NEWRULE, flags, table->family);
	attr_put_text(&batch->bytes, NFTA_RULE_TABLE, table->name);
	attr_put_text(&batch->bytes, NFTA_RULE_CHAIN, step->chain->name);
	if (replace)
		attr_put_be64(&batch->bytes, NFTA_RULE_HANDLE, step->old->handle);
	else if (step->before) /* without APPEND: in front of that one */
		attr_put_be64(&batch->bytes, NFTA_RULE_POSITION, step->before->handle);
	put_rule(batch, table, step->rule);
	batch_end(batch, begin);
	batch->unnamed.n = 0;
}

void batch_delete_rule(struct batch *batch, const struct plan_step *step)
{
	size_t begin = batch_begin(batch, NFT_MSG_DELRULE, 0, step->table->family);

	attr_put_text(&batch->bytes, NFTA_RULE_TABLE, step->table->name);
	attr_put_text(&batch->bytes, NFTA_RULE_CHAIN, step->chain->name);
	attr_put_be64(&batch->bytes, NFTA_RULE_HANDLE, step->rule->handle);
	batch_end(batch, begin);
}

/* All rules: no handle. */
void batch_flush_chain(struct batch *batch, const struct plan_step *step)
{
	size_t begin = batch_begin(batch, NFT_MSG_DELRULE, 0, step->table->family);

	attr_put_text(&batch->bytes, NFTA_RULE_TABLE, step->table->name);
	attr_put_text(&batch->bytes, NFTA_RULE_CHAIN, step->chain->name);
	batch_end(batch, begin);
}
