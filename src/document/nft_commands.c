/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of libnftables JSON, and what a document declares. */
#include "base/cleanup.h"
#include "base/text.h"
#include "document/nft_schema.h"
#include "document/nft_schema_parts.h"

#include <string.h>

DEFINE_AUTOCLEAN(json_t, json_decref)

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool declare(json_t *declared, enum reference kind, const json_t *object, const char *name,
		    struct untrack_error *err)
{
	const char *family = text_of(object, "family");
	const char *table = kind == REFERENCE_TABLE ? name : text_of(object, "table");
	autofree char *key = NULL;

	/* What is not there or of another type is refused when the object is judged. */
	if (!family || !table || !name)
		return true;
	key = nft_declaration_key(kind, family, table, name);
	if (!key || json_object_set_new(declared, key, json_true()))
		return error_memory(err);
	return true;
}

/* A meter makes a set of its own, deep within a rule. */
static bool declare_meters(json_t *declared, const json_t *rule, struct untrack_error *err)
{
	size_t i;
	json_t *statement;

	json_array_foreach(json_object_get(rule, "expr"), i, statement) {
		const char *name = text_of(json_object_get(statement, "meter"), "name");

		if (name && !declare(declared, REFERENCE_SET, rule, name, err))
			return false;
	}
	return true;
}

/* The object inside a command, or the command itself in the form of a listing. */
static json_t *object_of(json_t *command, const char **ret_name)
{
	const char *name = json_object_iter_key(json_object_iter(command));
	json_t *object = name ? json_object_get(command, name) : NULL;

	if (name && (!strcmp(name, "add") || !strcmp(name, "create") || !strcmp(name, "insert"))) {
		name = json_object_iter_key(json_object_iter(object));
		object = name ? json_object_get(object, name) : NULL;
	}
	*ret_name = name;
	return object;
}

static bool declare_all(json_t *declared, const struct json_document *document,
			struct untrack_error *err)
{
	size_t i;
	json_t *command;

	json_array_foreach(json_object_get(document->root, "nftables"), i, command) {
		const char *name;
		const json_t *object = object_of(command, &name);
		const struct member *kind =
			name ? nft_schema_find(nft_objects, nft_object_count, name) : NULL;

		if (kind && kind->reference != REFERENCE_NONE &&
		    !declare(declared, kind->reference, object, text_of(object, "name"), err))
			return false;
		if (name && !strcmp(name, "rule") && !declare_meters(declared, object, err))
			return false;
	}
	return true;
}

/* A base chain that lacks one of these would be loaded as a regular chain. */
static bool check_base_chain(const struct node *node, struct untrack_error *err)
{
	static const char *const keys[] = {"type", "hook", "prio"};
	bool is_base = false;

	for (size_t i = 0; i < 3; i++)
		is_base |= json_object_get(node->value, keys[i]) != NULL;
	is_base |= json_object_get(node->value, "policy") || json_object_get(node->value, "dev");
	for (size_t i = 0; is_base && i < 3; i++)
		if (!json_object_get(node->value, keys[i]))
			return node_refuse(
				node, err,
				"missing key in a base chain; expected \"type\", \"hook\" "
				"and \"prio\", and \"%s\" is not there",
				keys[i]);
	return true;
}

/* Neither a command nor an object. */
static bool refuse_key(const struct node *node, struct untrack_error *err)
{
	static const char *const commands[] = {"add", "create", "insert", "flush"};
	const char *words[32];
	size_t count = sizeof(commands) / sizeof(*commands);

	memcpy(words, commands, sizeof(commands));
	for (size_t i = 0; i < nft_object_count; i++)
		words[count++] = nft_objects[i].key;
	return node_unknown_key(node, "a command", words, count, sizeof(*words), err);
}

static bool check_object(const struct node *node, json_t *declared, struct untrack_error *err)
{
	const struct member *kind = nft_schema_find(nft_objects, nft_object_count, node->key);
	struct scope scope = {.declared = declared};
	struct node table = node_child(node, "table");

	if (!kind)
		return refuse_key(node, err);
	if (json_is_object(node->value)) {
		scope.family = text_of(node->value, "family");
		scope.table = text_of(node->value, "table");
	}
	if (!scope.family || !scope.table) /* a table, or what is refused for another reason */
		scope.declared = NULL;
	else if (!nft_schema_refers(&table, REFERENCE_TABLE, scope.table, &scope, err))
		return false;
	if (!nft_schema_value(node, kind, &scope, err))
		return false;
	return strcmp(node->key, "chain") || check_base_chain(node, err);
}

static bool is_flush_ruleset(const struct node *node)
{
	json_t *ruleset = json_object_get(node->value, "ruleset");

	return !strcmp(node->key, "flush") && json_object_size(node->value) == 1 && ruleset &&
	       (json_is_null(ruleset) || (json_is_object(ruleset) && !json_object_size(ruleset)));
}

static bool refuse_command(const struct node *node, struct untrack_error *err)
{
	return node_refuse(
		node, err,
		"the command '%s'; expected objects, \"add\", \"create\" and \"insert\", "
		"after \"flush ruleset\" at most: a document declares state, it is no script",
		node->key);
}

static bool is_script(const char *key)
{
	static const char *const commands[] = {"delete", "destroy", "replace", "rename",
					       "reset",	 "list",    "flush"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i], key))
			return true;
	return false;
}

/* The only member of an object; false if it has none or more. */
static bool only_member(const struct node *node, const char *what, struct node *ret_member,
			struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];

	if (json_object_size(node->value) != 1)
		return node_refuse(node, err, "not %s, got '%s'; expected an object with one key",
				   what, node_show(node, shown));
	*ret_member = node_child(node, json_object_iter_key(json_object_iter(node->value)));
	return true;
}

static bool check_command(const struct node *node, bool first, json_t *declared,
			  struct untrack_error *err)
{
	struct node member, object;

	if (!only_member(node, "a command", &member, err))
		return false;
	if (first && is_flush_ruleset(&member))
		return true;
	if (is_script(member.key))
		return refuse_command(&member, err);
	if (strcmp(member.key, "add") && strcmp(member.key, "create") &&
	    strcmp(member.key, "insert"))
		return check_object(&member, declared, err);
	if (!only_member(&member, "what a command is about", &object, err))
		return false;
	if (!strcmp(object.key, "metainfo") ||
	    (!strcmp(member.key, "insert") && strcmp(object.key, "rule")))
		return node_refuse(&object, err,
				   "'%s' with '%s'; expected a rule to insert, or any "
				   "object to add or create",
				   object.key, member.key);
	return check_object(&object, declared, err);
}

static bool check_document(struct json_document *document, bool *first, json_t *declared,
			   struct untrack_error *err)
{
	static const char *const keys[] = {"nftables"};
	struct node root = node_root(document), list = node_child(&root, "nftables");
	const char *key;
	json_t *value;

	json_object_foreach(document->root, key, value) {
		struct node member = node_child(&root, key);

		if (strcmp(key, "nftables"))
			return node_unknown_key(&member, "a document", keys, 1, sizeof(*keys), err);
	}
	if (!json_is_array(list.value))
		return node_wrong_type(&list, "an array of objects and commands", err);
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct node command = node_element(&list, i);

		if (!check_command(&command, *first, declared, err))
			return false;
		*first &= json_object_get(command.value, "metainfo") != NULL;
	}
	return true;
}

bool nft_schema_check(struct json_document *documents, size_t count, struct untrack_error *err)
{
	autoclean(json_decref_p) json_t *declared = json_object();
	bool first = true;

	if (!declared)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		if (!declare_all(declared, &documents[i], err))
			return false;
	for (size_t i = 0; i < count; i++)
		if (!check_document(&documents[i], &first, declared, err))
			return false;
	return true;
}
