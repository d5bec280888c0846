/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_schema.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/nft_schema_parts.h"

#include <string.h>

static const char *const reference_names[] = {
	[REFERENCE_NONE] = "object",
	[REFERENCE_TABLE] = "table",
	[REFERENCE_CHAIN] = "chain",
	[REFERENCE_SET] = "set or map",
	[REFERENCE_FLOWTABLE] = "flowtable",
	[REFERENCE_COUNTER] = "counter",
	[REFERENCE_QUOTA] = "quota",
	[REFERENCE_LIMIT] = "limit",
	[REFERENCE_HELPER] = "ct helper",
	[REFERENCE_TIMEOUT] = "ct timeout",
	[REFERENCE_EXPECTATION] = "ct expectation",
	[REFERENCE_SYNPROXY] = "synproxy",
	[REFERENCE_SECMARK] = "secmark",
};

const struct member *nft_schema_find(const struct member *members, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(members[i].key, key))
			return &members[i];
	return NULL;
}

/* What a value may be, in words: "null, text or an object". */
static char *describe(const struct member *member)
{
	static const struct {
		unsigned kind;
		const char *words;
	} names[] = {
		{NOTHING, "null"},
		{TEXT, "text in double quotes"},
		{AT, "\"@name\""},
		{NUMBER, "an integer of 0 or more"},
		{SIGNED, "an integer"},
		{FLAG, "true or false"},
		{TEXTS, "text in double quotes, or an array of texts"},
		{NUMBERS, "an object of integers"},
		{EXPRESSION, "an expression"},
		{LOOKUP, "an expression: an object {…}"},
		{EXPRESSIONS, "an array of expressions"},
		{PAIR, "an array of two expressions"},
		{STATEMENTS, "an array of statements"},
		{STATEMENT, "a statement"},
	};
	autobuf text = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (member->kinds & names[i].kind)
			buf_printf(&text, "%s%s", text.len ? ", or " : "", names[i].words);
	if (member->kinds & SHAPE)
		buf_printf(&text, "%s%s: an object {…}", text.len ? ", or " : "",
			   member->shape->what);
	if (member->kinds & (WORD | WORDS)) {
		for (const char *const *word = member->words; *word; word++)
			buf_printf(&text, "%s\"%s\"",
				   !text.len ? ""
				   : word[1] ? ", "
					     : " or ",
				   *word);
		if (member->kinds & WORDS)
			buf_puts(&text, ", or an array of them");
	}
	return buf_steal_text(&text);
}

static bool wrong_type(const struct node *node, const struct member *member,
		       struct untrack_error *err)
{
	autofree char *expected = describe(member);

	return expected ? node_wrong_type(node, expected, err) : error_memory(err);
}

static bool empty_array(const struct node *node, const struct member *member,
			struct untrack_error *err)
{
	autofree char *expected = describe(member);

	return expected ? node_refuse(node, err, "too few in the array; expected %s", expected)
			: error_memory(err);
}

char *nft_declaration_key(enum reference kind, const char *family, const char *table,
			  const char *name)
{
	char *key;

	/* No family has a line break; in names they keep their place between the others. */
	if (asprintf(&key, "%d\n%s\n%zu\n%s\n%s", (int)kind, family, strlen(table), table, name) <
	    0)
		return NULL;
	return key;
}

bool nft_schema_refers(const struct node *node, enum reference kind, const char *name,
		       const struct scope *scope, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX], table[TEXT_SHOWN_MAX];
	autofree char *key = NULL;

	if (!scope->declared || kind == REFERENCE_NONE)
		return true;
	key = nft_declaration_key(kind, scope->family, scope->table, name);
	if (!key)
		return error_memory(err);
	if (json_object_get(scope->declared, key))
		return true;
	text_show(name, strlen(name), shown);
	if (kind == REFERENCE_TABLE)
		return node_refuse(
			node, err,
			"undeclared table, got '%s %s'; expected a table that the document "
			"declares",
			scope->family, shown);
	return node_refuse(
		node, err,
		"undeclared %s, got '%s'; expected one that the document declares in table "
		"'%s %s'",
		reference_names[kind], shown, scope->family,
		text_show(scope->table, strlen(scope->table), table));
}

static bool check_text(const struct node *node, const struct member *member,
		       const struct scope *scope, struct untrack_error *err)
{
	const char *text = json_string_value(node->value);
	char shown[TEXT_SHOWN_MAX];

	if ((member->kinds & AT) && *text++ != '@')
		return node_refuse(node, err, "not a reference, got '%s'; expected \"@name\"",
				   text_show(text - 1, strlen(text - 1), shown));
	return nft_schema_refers(node, member->reference, text, scope, err);
}

static bool check_word(const struct node *node, const struct member *member,
		       struct untrack_error *err)
{
	size_t count = 0, index;

	while (member->words[count])
		count++;
	return node_word(node, member->key, member->words, count, &index, err);
}

static bool check_expression(const struct node *node, const struct scope *scope,
			     struct untrack_error *err);

/* The table of named things by which an object with one key is told. */
static bool check_named(const struct node *node, const char *what, const struct member *members,
			size_t count, const struct scope *scope, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];
	const struct member *member;
	struct node child;

	if (json_object_size(node->value) != 1)
		return node_refuse(node, err, "not %s, got '%s'; expected an object with one key",
				   what, node_show(node, shown));
	child = node_child(node, json_object_iter_key(json_object_iter(node->value)));
	member = nft_schema_find(members, count, child.key);
	if (!member)
		return node_unknown_key(&child, what, members, count, sizeof(*members), err);
	return nft_schema_value(&child, member, scope, err);
}

static bool check_statement(const struct node *node, const struct scope *scope,
			    struct untrack_error *err)
{
	static const struct member any = {.kinds = STATEMENT};

	if (!json_is_object(node->value))
		return wrong_type(node, &any, err);
	if (json_object_get(node->value, "xt"))
		return node_refuse(node, err,
				   "a rule of iptables-nft (xt), which nft lists and cannot load; "
				   "expected a document without the tables of iptables-nft");
	return check_named(node, "a statement", nft_statements, nft_statement_count, scope, err);
}

static bool check_expression(const struct node *node, const struct scope *scope,
			     struct untrack_error *err)
{
	static const struct member any = {.kinds = EXPRESSION};
	const char *text = json_string_value(node->value);

	if (text && *text == '@')
		return nft_schema_refers(node, REFERENCE_SET, text + 1, scope, err);
	if (text || json_is_integer(node->value) || json_is_boolean(node->value))
		return true;
	if (json_is_object(node->value))
		return check_named(node, "an expression", nft_expressions, nft_expression_count,
				   scope, err);
	if (!json_is_array(node->value))
		return wrong_type(node, &any, err);
	for (size_t i = 0; i < json_array_size(node->value); i++) {
		struct node element = node_element(node, i);

		if (!check_expression(&element, scope, err))
			return false;
	}
	return true;
}

static bool check_array(const struct node *node, const struct member *member,
			const struct scope *scope, struct untrack_error *err)
{
	static const struct member text = {.kinds = TEXT};
	size_t count = json_array_size(node->value), least = 0;

	if (member->kinds & (EXPRESSIONS | STATEMENTS))
		least = 1;
	if (member->kinds & PAIR)
		least = 2;
	if (count < least)
		return empty_array(node, member, err);
	for (size_t i = 0; i < count; i++) {
		struct node element = node_element(node, i);
		bool ok;

		if (member->kinds & STATEMENTS)
			ok = check_statement(&element, scope, err);
		else if (member->kinds & WORDS)
			ok = check_word(&element, member, err);
		else if (member->kinds & TEXTS)
			ok = json_is_string(element.value) || wrong_type(&element, &text, err);
		else
			ok = check_expression(&element, scope, err);
		if (!ok)
			return false;
	}
	return true;
}

static bool check_numbers(const struct node *node, struct untrack_error *err)
{
	static const struct member number = {.kinds = NUMBER};
	const char *key;
	json_t *value;

	json_object_foreach(node->value, key, value) {
		struct node member = node_child(node, key);

		if (!nft_schema_value(&member, &number, NULL, err))
			return false;
	}
	return true;
}

/* An object is of the shape unless only an expression can be meant: {"counter": {"map": …}}. */
static bool check_object(const struct node *node, const struct member *member,
			 const struct scope *scope, struct untrack_error *err)
{
	const char *key = json_object_iter_key(json_object_iter(node->value));
	bool is_expression = key && nft_schema_find(nft_expressions, nft_expression_count, key);

	if ((member->kinds & SHAPE) && !((member->kinds & LOOKUP) && is_expression))
		return nft_schema_shape(node, member->shape, scope, err);
	if (member->kinds & (EXPRESSION | LOOKUP))
		return check_expression(node, scope, err);
	if (member->kinds & STATEMENT)
		return check_statement(node, scope, err);
	return check_numbers(node, err);
}

static bool check_integer(const struct node *node, const struct member *member,
			  struct untrack_error *err)
{
	if (json_integer_value(node->value) >= 0 || !(member->kinds & NUMBER))
		return true;
	return node_refuse(node, err, "out of range, got '%lld'; expected an integer of 0 or more",
			   json_integer_value(node->value));
}

/* What of a member's kinds each type of JSON may be. */
static unsigned kinds_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return NOTHING;
	case JSON_STRING:
		return TEXT | TEXTS | AT | WORD | WORDS | EXPRESSION;
	case JSON_INTEGER:
		return NUMBER | SIGNED | EXPRESSION;
	case JSON_TRUE:
	case JSON_FALSE:
		return FLAG | EXPRESSION;
	case JSON_ARRAY:
		return WORDS | TEXTS | EXPRESSION | EXPRESSIONS | PAIR | STATEMENTS;
	case JSON_OBJECT:
		return SHAPE | NUMBERS | EXPRESSION | LOOKUP | STATEMENT;
	case JSON_REAL:
		break;
	}
	return 0;
}

bool nft_schema_value(const struct node *node, const struct member *member,
		      const struct scope *scope, struct untrack_error *err)
{
	unsigned kinds = member->kinds & kinds_of(node->value);

	if (!kinds)
		return wrong_type(node, member, err);
	if (json_is_array(node->value))
		return check_array(node, member, scope, err);
	if (json_is_object(node->value))
		return check_object(node, member, scope, err);
	if (json_is_integer(node->value))
		return check_integer(node, member, err);
	if (kinds & (TEXT | TEXTS | AT))
		return check_text(node, member, scope, err);
	if (kinds & (WORD | WORDS))
		return check_word(node, member, err);
	if (kinds & EXPRESSION)
		return check_expression(node, scope, err);
	return true;
}

bool nft_schema_shape(const struct node *node, const struct shape *shape, const struct scope *scope,
		      struct untrack_error *err)
{
	const char *key;
	json_t *value;

	if (shape->told_by && !json_object_get(node->value, shape->told_by))
		shape = shape->otherwise;
	json_object_foreach(node->value, key, value) {
		const struct member *member = nft_schema_find(shape->members, shape->count, key);
		struct node child = node_child(node, key);

		if (!member)
			return node_unknown_key(&child, shape->what, shape->members, shape->count,
						sizeof(*shape->members), err);
		if (!nft_schema_value(&child, member, scope, err))
			return false;
	}
	for (size_t i = 0; i < shape->count; i++)
		if ((shape->members[i].kinds & REQUIRED) &&
		    !json_object_get(node->value, shape->members[i].key))
			return node_refuse(node, err, "missing key in %s; expected \"%s\"",
					   shape->what, shape->members[i].key);
	return true;
}

bool nft_schema_statement(const struct node *node, struct untrack_error *err)
{
	static const struct scope nowhere = {0};

	return check_statement(node, &nowhere, err);
}
