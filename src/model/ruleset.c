/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/ruleset.h"

#include "base/cleanup.h"
#include "model/rule_shape.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_arp.h>
#include <linux/netfilter_bridge.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Types of a comment in user data (libnftnl/udata.h); sets keep theirs behind byte orders and such. */
enum { UDATA_COMMENT = 0 };
enum { COMMENT_MAX = 127 };

struct ruleset *ruleset_new(void)
{
	return calloc(1, sizeof(struct ruleset));
}

void ruleset_free(struct ruleset *ruleset)
{
	if (!ruleset)
		return;
	array_for_each(table, &ruleset->tables) {
		table_free(*table);
	}
	array_for_each(shape, &ruleset->shapes) {
		rule_shape_free(*shape);
	}
	array_free(&ruleset->tables);
	array_free(&ruleset->shapes);
	free(ruleset);
}

struct table *table_new(uint8_t family, const char *name)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->family = family;
	table->name = strdup(name);
	if (!table->name) {
		free(table);
		return NULL;
	}
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	array_for_each(chain, &table->chains) {
		chain_free(*chain);
	}
	array_for_each(set, &table->sets) {
		set_free(*set);
	}
	array_for_each(object, &table->objects) {
		stateful_free(*object);
	}
	array_for_each(flowtable, &table->flowtables) {
		flowtable_free(*flowtable);
	}
	array_free(&table->chains);
	array_free(&table->sets);
	array_free(&table->objects);
	array_free(&table->flowtables);
	table_forget_names(table);
	buf_free(&table->attrs);
	free(table->name);
	free(table);
}

/* Each kind begins alike: zeroed, with a copy of its name. */
#define DEFINE_NAMED_NEW(T, fn)                                                                    \
	static T *fn(const char *name)                                                             \
	{                                                                                          \
		T *object = calloc(1, sizeof(*object));                                            \
		if (object && !(object->name = strdup(name))) {                                    \
			free(object);                                                              \
			object = NULL;                                                             \
		}                                                                                  \
		return object;                                                                     \
	}

DEFINE_NAMED_NEW(struct chain, new_chain)
DEFINE_NAMED_NEW(struct set, new_set)
DEFINE_NAMED_NEW(struct stateful, new_stateful)
DEFINE_NAMED_NEW(struct flowtable, new_flowtable)

struct chain *chain_new(const char *name)
{
	return new_chain(name);
}

void chain_free(struct chain *chain)
{
	if (!chain)
		return;
	array_for_each(rule, &chain->rules) {
		rule_free(*rule);
	}
	array_free(&chain->rules);
	buf_free(&chain->attrs);
	free(chain->name);
	free(chain);
}

struct rule *rule_new(void)
{
	return calloc(1, sizeof(struct rule));
}

void rule_free(struct rule *rule)
{
	if (!rule)
		return;
	buf_free(&rule->attrs);
	free(rule->origin);
	free(rule);
}

struct set *set_new(const char *name)
{
	return new_set(name);
}

void set_free(struct set *set)
{
	if (!set)
		return;
	buf_free(&set->attrs);
	elements_free(&set->elements);
	free(set->origin);
	free(set->name);
	free(set);
}

struct stateful *stateful_new(const char *name, uint32_t type)
{
	struct stateful *object = new_stateful(name);

	if (object)
		object->type = type;
	return object;
}

void stateful_free(struct stateful *object)
{
	if (!object)
		return;
	buf_free(&object->attrs);
	free(object->origin);
	free(object->name);
	free(object);
}

struct flowtable *flowtable_new(const char *name)
{
	return new_flowtable(name);
}

void flowtable_free(struct flowtable *flowtable)
{
	if (!flowtable)
		return;
	buf_free(&flowtable->attrs);
	free(flowtable->name);
	free(flowtable);
}

DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct chain, chain_free)
DEFINE_AUTOCLEAN(struct rule, rule_free)
DEFINE_AUTOCLEAN(struct set, set_free)

static bool copy_bytes(struct buf *to, const struct buf *from)
{
	buf_put(to, from->data, from->len);
	return !to->failed;
}

static bool copy_text(char **to, const char *from)
{
	if (from)
		*to = strdup(from);
	return !from || *to;
}

struct rule *rule_copy(const struct rule *rule)
{
	autoclean(rule_free_p) struct rule *copy = rule_new();

	if (!copy || !copy_bytes(&copy->attrs, &rule->attrs) ||
	    !copy_text(&copy->origin, rule->origin))
		return NULL;
	copy->handle = rule->handle;
	copy->hash = rule->hash;
	return steal_pointer(&copy);
}

struct chain *chain_copy(const struct chain *chain)
{
	autoclean(chain_free_p) struct chain *copy = chain_new(chain->name);

	if (!copy || !copy_bytes(&copy->attrs, &chain->attrs))
		return NULL;
	copy->handle = chain->handle;
	copy->rules_read = chain->rules_read;
	array_for_each(rule, &chain->rules) {
		struct rule *one = rule_copy(*rule);

		if (!one || !array_push(&copy->rules, one)) {
			rule_free(one);
			return NULL;
		}
	}
	return steal_pointer(&copy);
}

struct set *set_copy(const struct set *set)
{
	autoclean(set_free_p) struct set *copy = set_new(set->name);

	if (!copy || !copy_bytes(&copy->attrs, &set->attrs) ||
	    !copy_bytes(&copy->elements.bytes, &set->elements.bytes) ||
	    !copy_text(&copy->origin, set->origin) ||
	    !array_reserve(&copy->elements.at, set->elements.at.n) ||
	    !packed_copy(&copy->elements.packed, &set->elements.packed))
		return NULL;
	if (set->elements.at.n)
		memcpy(copy->elements.at.v, set->elements.at.v,
		       set->elements.at.n * sizeof(*set->elements.at.v));
	copy->elements.at.n = set->elements.at.n;
	copy->elements.sorted = set->elements.sorted;
	copy->elements.listed = set->elements.listed;
	copy->elements_read = set->elements_read;
	copy->elements_uncertain = set->elements_uncertain;
	copy->handle = set->handle;
	copy->flags = set->flags;
	return steal_pointer(&copy);
}

static struct stateful *copy_stateful(const struct stateful *object)
{
	struct stateful *copy = stateful_new(object->name, object->type);

	if (!copy || !copy_bytes(&copy->attrs, &object->attrs) ||
	    !copy_text(&copy->origin, object->origin)) {
		stateful_free(copy);
		return NULL;
	}
	copy->handle = object->handle;
	return copy;
}

static struct flowtable *copy_flowtable(const struct flowtable *flowtable)
{
	struct flowtable *copy = flowtable_new(flowtable->name);

	if (!copy || !copy_bytes(&copy->attrs, &flowtable->attrs)) {
		flowtable_free(copy);
		return NULL;
	}
	copy->handle = flowtable->handle;
	return copy;
}

#define COPY_ALL(to, from, list, copy_one, free_one)                                               \
	array_for_each(one_, &(from)->list) {                                                      \
		__typeof__(*(from)->list.v) copied_ = copy_one(*one_);                             \
		if (!copied_ || !array_push(&(to)->list, copied_)) {                               \
			free_one(copied_);                                                         \
			return NULL;                                                               \
		}                                                                                  \
	}

static struct table *copy_table(const struct table *table,
				struct chain *(*copy_chain)(const struct chain *chain))
{
	autoclean(table_free_p) struct table *copy = table_new(table->family, table->name);

	if (!copy || !copy_bytes(&copy->attrs, &table->attrs))
		return NULL;
	copy->handle = table->handle;
	copy->contents_read = table->contents_read;
	copy->unknown = table->unknown;
	COPY_ALL(copy, table, chains, copy_chain, chain_free)
	COPY_ALL(copy, table, sets, set_copy, set_free)
	COPY_ALL(copy, table, objects, copy_stateful, stateful_free)
	COPY_ALL(copy, table, flowtables, copy_flowtable, flowtable_free)
	return steal_pointer(&copy);
}

struct table *table_copy(const struct table *table)
{
	return copy_table(table, chain_copy);
}

static struct chain *chain_copy_frame(const struct chain *chain)
{
	autoclean(chain_free_p) struct chain *copy = NULL;

	if (chain_is_bound(chain))
		return chain_copy(chain);
	copy = chain_new(chain->name);
	if (!copy || !copy_bytes(&copy->attrs, &chain->attrs))
		return NULL;
	copy->handle = chain->handle;
	copy->rules_read = chain->rules_read;
	return steal_pointer(&copy);
}

struct table *table_copy_frame(const struct table *table)
{
	return copy_table(table, chain_copy_frame);
}

bool set_is_meter(const struct set *set)
{
	/* The templates of libnftables, of which the kernel makes names. */
	static const char *const templates[] = {"__set", "__map", "__objmap"};

	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++)
		if (!strncmp(set->name, templates[i], strlen(templates[i])))
			return false;
	return set_is_anonymous(set);
}

struct table *ruleset_find(const struct ruleset *ruleset, uint8_t family, const char *name)
{
	array_for_each(table, &ruleset->tables) {
		if ((*table)->family == family && !strcmp((*table)->name, name))
			return *table;
	}
	return NULL;
}

static const struct {
	uint8_t family;
	const char *name;
} families[] = {
	{NFPROTO_IPV4, "ip"}, {NFPROTO_IPV6, "ip6"},	  {NFPROTO_INET, "inet"},
	{NFPROTO_ARP, "arp"}, {NFPROTO_BRIDGE, "bridge"}, {NFPROTO_NETDEV, "netdev"},
};

const char *family_name(uint8_t family)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (families[i].family == family)
			return families[i].name;
	return "?";
}

uint8_t family_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (!strcmp(families[i].name, name))
			return families[i].family;
	return NFPROTO_UNSPEC;
}

bool chain_hook(const struct chain *chain, struct chain_hook *ret_hook)
{
	struct span attrs = buf_span(&chain->attrs), hook;

	if (!attr_find(attrs, NFTA_CHAIN_HOOK, &hook))
		return false;
	*ret_hook = (struct chain_hook){
		.hook = attr_find_be32(hook, NFTA_HOOK_HOOKNUM),
		.priority = (int32_t)attr_find_be32(hook, NFTA_HOOK_PRIORITY),
		.policy = attr_find_be32(attrs, NFTA_CHAIN_POLICY),
		.type = attr_find_text(attrs, NFTA_CHAIN_TYPE),
	};
	return true;
}

bool chain_is_bound(const struct chain *chain)
{
	return attr_find_be32(buf_span(&chain->attrs), NFTA_CHAIN_FLAGS) & NFT_CHAIN_BINDING;
}

const char *hook_name(uint8_t family, uint32_t hook)
{
	static const char *const inet[] = {"prerouting", "input",	"forward",
					   "output",	 "postrouting", "ingress"};
	static const char *const arp[] = {"input", "output", "forward"};
	static const char *const netdev[] = {"ingress", "egress"};

	switch (family) {
	case NFPROTO_ARP:
		return hook < 3 ? arp[hook] : "?";
	case NFPROTO_NETDEV:
		return hook < 2 ? netdev[hook] : "?";
	case NFPROTO_BRIDGE:
		return hook < 5 ? inet[hook] : "?";
	default:
		return hook < 6 ? inet[hook] : "?";
	}
}

/* The comment of user data: a sequence of (type, length, value). */
static const char *find_comment(struct span attrs, uint16_t type, uint8_t comment)
{
	struct span data;

	if (!attr_find(attrs, type, &data))
		return NULL;
	while (data.len >= 2 && data.data[1] <= data.len - 2) {
		size_t len = data.data[1];

		if (data.data[0] == comment)
			return attr_text((struct span){data.data + 2, len});
		data.data += 2 + len;
		data.len -= 2 + len;
	}
	return NULL;
}

const char *table_comment(const struct table *table)
{
	return find_comment(buf_span(&table->attrs), NFTA_TABLE_USERDATA, UDATA_COMMENT);
}

const char *chain_comment(const struct chain *chain)
{
	return find_comment(buf_span(&chain->attrs), NFTA_CHAIN_USERDATA, UDATA_COMMENT);
}

const char *rule_comment(const struct rule *rule)
{
	return find_comment(buf_span(&rule->attrs), NFTA_RULE_USERDATA, UDATA_COMMENT);
}

void put_comment(struct buf *attrs, uint16_t type, const char *comment)
{
	uint8_t data[2 + COMMENT_MAX + 1] = {UDATA_COMMENT};
	size_t len = strnlen(comment, COMMENT_MAX);

	data[1] = (uint8_t)(len + 1);
	memcpy(data + 2, comment, len);
	attr_put(attrs, type, data, 2 + len + 1);
}

struct span rule_expressions(const struct rule *rule)
{
	struct span list = {NULL, 0};

	attr_find(buf_span(&rule->attrs), NFTA_RULE_EXPRESSIONS, &list);
	return list;
}

bool expression_next(struct span *rest, struct expression *ret_expression)
{
	struct expression found = {0};
	struct attr item;

	if (!attr_next(rest, &item))
		return false;
	attr_for_each(part, item.body) {
		if (part.type == NFTA_EXPR_NAME && !found.name)
			found.name = attr_text(part.body);
		else if (part.type == NFTA_EXPR_DATA && !found.data.data)
			found.data = part.body;
	}
	if (!found.name)
		return false;
	*ret_expression = found;
	return true;
}
