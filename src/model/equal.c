/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two rules do the same, and two elements hold the same: the other half of model/fields.h. */
#include "model/fields.h"

#include "base/hash.h"
#include "model/bodies.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* What there is beside 'every attribute matters, byte for byte'. */
enum value_kind {
	VALUE_PLAIN,
	VALUE_STATE,   /* moved by packets */
	VALUE_SET,     /* names a set: anonymous ones are equal by content */
	VALUE_SET_ID,  /* of a transaction */
	VALUE_NEST,    /* attributes, to be compared one by one */
	VALUE_LIST,    /* a list of expressions */
	VALUE_QUOTA,   /* flags, of which one says that it is used up */
	VALUE_VERDICT, /* data that may be a verdict, and that may name a chain */
};

/* Attributes of an expression that are not plain. */
struct values {
	const char *expression;
	struct {
		uint16_t attribute;
		enum value_kind kind;
	} of[5]; /* the last one is plain: their end */
};

static const struct values values[] = {
	{"counter", {{NFTA_COUNTER_BYTES, VALUE_STATE}, {NFTA_COUNTER_PACKETS, VALUE_STATE}}},
	{"quota", {{NFTA_QUOTA_CONSUMED, VALUE_STATE}, {NFTA_QUOTA_FLAGS, VALUE_QUOTA}}},
	{"last", {{NFTA_LAST_SET, VALUE_STATE}, {NFTA_LAST_MSECS, VALUE_STATE}}},
	{"lookup", {{NFTA_LOOKUP_SET, VALUE_SET}, {NFTA_LOOKUP_SET_ID, VALUE_SET_ID}}},
	{"dynset",
	 {{NFTA_DYNSET_SET_NAME, VALUE_SET},
	  {NFTA_DYNSET_SET_ID, VALUE_SET_ID},
	  {NFTA_DYNSET_EXPR, VALUE_NEST},
	  {NFTA_DYNSET_EXPRESSIONS, VALUE_LIST}}},
	{"objref", {{NFTA_OBJREF_SET_NAME, VALUE_SET}, {NFTA_OBJREF_SET_ID, VALUE_SET_ID}}},
	{"immediate", {{NFTA_IMMEDIATE_DATA, VALUE_VERDICT}}},
	{"cmp", {{NFTA_CMP_DATA, VALUE_NEST}}},
	{"range", {{NFTA_RANGE_FROM_DATA, VALUE_NEST}, {NFTA_RANGE_TO_DATA, VALUE_NEST}}},
	{"bitwise",
	 {{NFTA_BITWISE_MASK, VALUE_NEST},
	  {NFTA_BITWISE_XOR, VALUE_NEST},
	  {NFTA_BITWISE_DATA, VALUE_NEST}}},
};

/* NULL: all are plain. */
static const struct values *values_of(const char *expression)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (values[i].expression[0] == expression[0] &&
		    !strcmp(values[i].expression, expression))
			return &values[i];
	return NULL;
}

static enum value_kind find_value(const struct values *list, uint16_t attribute)
{
	for (size_t i = 0; list && list->of[i].kind != VALUE_PLAIN; i++)
		if (list->of[i].attribute == attribute)
			return list->of[i].kind;
	return VALUE_PLAIN;
}

/* ------------------------------------------------------------------ expressions */

/* The pair of tables whose rules are compared: names in the first body belong to a, in the second
 * to b. Comparing the other way takes them swapped. */
struct tables {
	const struct table *a;
	const struct table *b;
	unsigned depth;
};

struct expression_pair {
	const struct tables *tables;
	const struct values *values;
};

enum { MAX_DEPTH = 16 }; /* chains bound to a rule inside chains bound to a rule … */

static bool lists_equal(const struct tables *tables, struct span a, struct span b);
static bool set_contents_equal(const struct tables *tables, const struct set *a,
			       const struct set *b);

static bool set_names_equal(const struct tables *tables, struct span a, struct span b)
{
	const char *name_a = attr_text(a), *name_b = attr_text(b);
	const struct set *set_a, *set_b;

	if (!name_a || !name_b)
		return plain_equal(a, b);
	set_a = table_find_set(tables->a, name_a);
	set_b = table_find_set(tables->b, name_b);
	if (!set_a || !set_b || !set_is_anonymous(set_a) || !set_is_anonymous(set_b))
		return !strcmp(name_a, name_b) && !(set_a && set_is_anonymous(set_a)) &&
		       !(set_b && set_is_anonymous(set_b));
	if ((set_is_meter(set_a) || set_is_meter(set_b)) && strcmp(name_a, name_b) != 0)
		return false;
	return set_contents_equal(tables, set_a, set_b);
}

/* A verdict's chain: by name, or by content where it is bound to its rule (`jump { … }`). */
static bool chain_names_equal(const struct tables *tables, struct span a, struct span b)
{
	const char *name_a = attr_text(a), *name_b = attr_text(b);
	struct tables deeper = {tables->a, tables->b, tables->depth + 1};
	const struct chain *chain_a, *chain_b;

	if (!name_a || !name_b)
		return plain_equal(a, b);
	chain_a = table_find_chain(tables->a, name_a);
	chain_b = table_find_chain(tables->b, name_b);
	if (!chain_a || !chain_b || !chain_is_bound(chain_a) || !chain_is_bound(chain_b))
		return !strcmp(name_a, name_b);
	if (deeper.depth > MAX_DEPTH || chain_a->rules.n != chain_b->rules.n)
		return false;
	for (size_t i = 0; i < chain_a->rules.n; i++)
		if (!lists_equal(&deeper, rule_expressions(chain_a->rules.v[i]),
				 rule_expressions(chain_b->rules.v[i])))
			return false;
	return true;
}

static bool verdicts_equal(const struct tables *tables, struct span a, struct span b)
{
	struct span verdict_a, verdict_b;

	if (!attr_find(a, NFTA_DATA_VERDICT, &verdict_a) ||
	    !attr_find(b, NFTA_DATA_VERDICT, &verdict_b))
		return nests_equal(a, b);
	return attr_find_be32(verdict_a, NFTA_VERDICT_CODE) ==
		       attr_find_be32(verdict_b, NFTA_VERDICT_CODE) &&
	       chain_names_equal(tables, find_or_zero(verdict_a, NFTA_VERDICT_CHAIN),
				 find_or_zero(verdict_b, NFTA_VERDICT_CHAIN));
}

static bool expressions_equal(const struct tables *tables, const struct expression *a,
			      const struct expression *b);

static bool value_equal(const void *arg, uint16_t type, struct span a, struct span b)
{
	const struct expression_pair *pair = arg;

	switch (find_value(pair->values, type)) {
	case VALUE_STATE:
	case VALUE_SET_ID:
		return true;
	case VALUE_QUOTA:
		return !((attr_be32(a) ^ attr_be32(b)) & NFT_QUOTA_F_INV);
	case VALUE_SET:
		return set_names_equal(pair->tables, a, b);
	case VALUE_NEST:
		return nests_equal(a, b);
	case VALUE_LIST:
		return lists_equal(pair->tables, a, b);
	case VALUE_VERDICT:
		return verdicts_equal(pair->tables, a, b);
	case VALUE_PLAIN:
	default:
		return plain_equal(a, b);
	}
}

static bool expressions_equal(const struct tables *tables, const struct expression *a,
			      const struct expression *b)
{
	struct tables swapped = {tables->b, tables->a, tables->depth};
	const struct values *list = values_of(a->name);
	struct expression_pair pair = {tables, list}, back = {&swapped, list};

	return !strcmp(a->name, b->name) && one_way_equal(a->data, b->data, value_equal, &pair) &&
	       one_way_equal(b->data, a->data, value_equal, &back);
}

static bool lists_equal(const struct tables *tables, struct span a, struct span b)
{
	struct expression left, right;
	bool more_left, more_right;

	do {
		more_left = expression_next(&a, &left);
		more_right = expression_next(&b, &right);
		if (more_left != more_right)
			return false;
		if (more_left && !expressions_equal(tables, &left, &right))
			return false;
	} while (more_left);
	return true;
}

/* ------------------------------------------------------------------ elements and sets */

/* Types of an element's user data (libnftnl/udata.h). */
enum { ELEMENT_UDATA_COMMENT = 0 };

/* The comment; nft's note that the last interval of all is open says what its missing end says too. */
static struct span element_comment(struct span data)
{
	while (data.len >= 2 && data.data[1] <= data.len - 2) {
		if (data.data[0] == ELEMENT_UDATA_COMMENT)
			return (struct span){data.data + 2, data.data[1]};
		data.len -= 2u + data.data[1];
		data.data += 2u + data.data[1];
	}
	return (struct span){NULL, 0};
}

static bool element_field_equal(const void *arg, uint16_t type, struct span a, struct span b)
{
	const struct tables *tables = arg;

	switch (type) {
	case NFTA_SET_ELEM_EXPIRATION:
	case NFTA_SET_ELEM_PAD:
		return true;
	case NFTA_SET_ELEM_USERDATA:
		return plain_equal(element_comment(a), element_comment(b));
	case NFTA_SET_ELEM_KEY:
	case NFTA_SET_ELEM_KEY_END:
		return nests_equal(a, b);
	case NFTA_SET_ELEM_DATA:
		return verdicts_equal(tables, a, b);
	case NFTA_SET_ELEM_EXPR: {
		struct expression left = {attr_find_text(a, NFTA_EXPR_NAME),
					  find_or_zero(a, NFTA_EXPR_DATA)};
		struct expression right = {attr_find_text(b, NFTA_EXPR_NAME),
					   find_or_zero(b, NFTA_EXPR_DATA)};

		return left.name && right.name && expressions_equal(tables, &left, &right);
	}
	case NFTA_SET_ELEM_EXPRESSIONS:
		return lists_equal(tables, a, b);
	default:
		return plain_equal(a, b);
	}
}

static bool table_elements_equal(const struct tables *tables, struct span a, struct span b)
{
	struct tables swapped = {tables->b, tables->a, tables->depth};

	return one_way_equal(a, b, element_field_equal, tables) &&
	       one_way_equal(b, a, element_field_equal, &swapped);
}

bool elements_equal(struct span a, struct span b)
{
	static const struct table none = {0};
	struct tables tables = {&none, &none, 0};

	return table_elements_equal(&tables, a, b);
}

/* Anonymous sets: the same lookup, whatever their names, sizes and handles. */
static bool set_contents_equal(const struct tables *tables, const struct set *a,
			       const struct set *b)
{
	static const uint16_t same[] = {NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,  NFTA_SET_DATA_TYPE,
					NFTA_SET_DATA_LEN, NFTA_SET_OBJ_TYPE, NFTA_SET_USERDATA};
	struct span attrs_a = buf_span(&a->attrs), attrs_b = buf_span(&b->attrs);

	if (a->flags != b->flags)
		return false;
	if (a->flags & NFT_SET_EVAL) /* filled by packets */
		return attrs_compare(OBJECT_SET, attrs_a, attrs_b) == DIFFERENCE_NONE;
	if (elements_count(&a->elements) != elements_count(&b->elements))
		return false;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		if (!plain_equal(find_or_zero(attrs_a, same[i]), find_or_zero(attrs_b, same[i])))
			return false;
	for (size_t i = 0; i < elements_count(&a->elements); i++)
		if (!table_elements_equal(tables, element_at(&a->elements, i),
					  element_at(&b->elements, i)))
			return false;
	return true;
}

/* ------------------------------------------------------------------ rules */

bool table_is_plain(const struct table *table)
{
	array_for_each(set, &table->sets) {
		if (set_is_anonymous(*set))
			return false;
	}
	array_for_each(chain, &table->chains) {
		if (chain_is_bound(*chain))
			return false;
	}
	return true;
}

/* What of a rule is compared, found in one go: very many rules are compared to find the one that differs. */
struct rule_parts {
	struct span expressions, userdata, compat;
};

static struct rule_parts rule_parts(const struct rule *rule)
{
	struct rule_parts parts = {0};

	attr_for_each(item, buf_span(&rule->attrs)) {
		if (item.type == NFTA_RULE_EXPRESSIONS)
			parts.expressions = item.body;
		else if (item.type == NFTA_RULE_USERDATA)
			parts.userdata = item.body;
		else if (item.type == NFTA_RULE_COMPAT)
			parts.compat = item.body;
	}
	return parts;
}

bool rules_identical(const struct rule *a, const struct rule *b)
{
	struct rule_parts one = rule_parts(a), other = rule_parts(b);

	return span_equal(one.expressions, other.expressions) &&
	       span_equal(one.userdata, other.userdata) && span_equal(one.compat, other.compat);
}

static bool is_part_set(const struct table *table, const char *name)
{
	const struct set *set = name ? table_find_set(table, name) : NULL;

	return !set || set_is_anonymous(set);
}

static bool is_part_chain(const struct table *table, const char *name)
{
	const struct chain *chain = table_find_chain(table, name);

	return !chain || chain_is_bound(chain);
}

/* Does that body of an expression name what may be a part of the rule in one of the tables? */
static bool names_part(const struct tables *tables, enum value_kind kind, struct span body)
{
	const char *name = kind == VALUE_SET ? attr_text(body) : NULL;
	struct span verdict;

	if (kind == VALUE_SET)
		return is_part_set(tables->a, name) || is_part_set(tables->b, name);
	if (kind != VALUE_VERDICT || !attr_find(body, NFTA_DATA_VERDICT, &verdict))
		return false;
	name = attr_find_text(verdict, NFTA_VERDICT_CHAIN);
	return name && (is_part_chain(tables->a, name) || is_part_chain(tables->b, name));
}

static bool has_parts(const struct tables *tables, const struct rule *rule)
{
	struct span list = rule_expressions(rule);
	struct expression expression;

	while (expression_next(&list, &expression)) {
		const struct values *special = values_of(expression.name);

		if (!special)
			continue;
		attr_for_each(item, expression.data) {
			if (names_part(tables, find_value(special, item.type), item.body))
				return true;
		}
	}
	return false;
}

bool rules_equal(const struct table *table_a, const struct rule *a, const struct table *table_b,
		 const struct rule *b)
{
	struct tables tables = {table_a, table_b, 0};
	struct span attrs_a = buf_span(&a->attrs), attrs_b = buf_span(&b->attrs);

	if (rules_identical(a, b) && !has_parts(&tables, a))
		return true;
	return plain_equal(find_or_zero(attrs_a, NFTA_RULE_USERDATA),
			   find_or_zero(attrs_b, NFTA_RULE_USERDATA)) &&
	       nests_equal(find_or_zero(attrs_a, NFTA_RULE_COMPAT),
			   find_or_zero(attrs_b, NFTA_RULE_COMPAT)) &&
	       lists_equal(&tables, rule_expressions(a), rule_expressions(b));
}

/* Sums over attributes, since their order does not matter; zero bodies count like absent ones. */
static uint64_t hash_attrs(const struct values *list, struct span attrs)
{
	uint64_t sum = 0;

	attr_for_each(item, attrs) {
		enum value_kind kind = find_value(list, item.type);
		uint64_t begin = HASH_BEGIN + item.type;

		if (kind == VALUE_NEST)
			sum += hash_mix(begin, hash_attrs(NULL, item.body));
		else if (kind == VALUE_PLAIN && !span_is_zero(item.body))
			sum += hash_words(begin, item.body.data, item.body.len);
	}
	return sum;
}

uint64_t rule_hash(const struct rule *rule)
{
	struct span list = rule_expressions(rule), comment;
	struct expression expression;
	uint64_t hash = HASH_BEGIN;

	while (expression_next(&list, &expression)) {
		hash = hash_words(hash, expression.name, strlen(expression.name));
		hash = hash_mix(hash, hash_attrs(values_of(expression.name), expression.data));
	}
	if (attr_find(buf_span(&rule->attrs), NFTA_RULE_USERDATA, &comment))
		hash = hash_words(hash, comment.data, comment.len);
	return hash ? hash : 1;
}
