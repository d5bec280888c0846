/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading values of one type: the second half of json.h. */
#include "document/json.h"

#include "base/text.h"

#include <string.h>

bool node_string(const struct node *node, const char *expected, const char **ret_text,
		 struct untrack_error *err)
{
	if (!json_is_string(node->value))
		return node_wrong_type(node, expected, err);
	*ret_text = json_string_value(node->value);
	return true;
}

bool node_integer(const struct node *node, const char *expected, json_int_t min, json_int_t max,
		  json_int_t *ret_value, struct untrack_error *err)
{
	json_int_t value = json_integer_value(node->value);

	if (!json_is_integer(node->value))
		return node_wrong_type(node, expected, err);
	if (value < min || value > max)
		return node_refuse(node, err, "out of range, got '%lld'; expected %s", value,
				   expected);
	*ret_value = value;
	return true;
}

bool node_boolean(const struct node *node, bool *ret_value, struct untrack_error *err)
{
	if (!json_is_boolean(node->value))
		return node_wrong_type(node, "true or false", err);
	*ret_value = json_is_true(node->value);
	return true;
}

static bool refuse_word(const struct node *node, const char *what, const char *const *words,
			size_t count, struct untrack_error *err)
{
	const char *word = json_string_value(node->value), *meant;
	char shown[TEXT_SHOWN_MAX];
	autobuf message = {0};

	if (word)
		buf_printf(&message, "unknown %s, got '%s'", what,
			   text_show(word, strlen(word), shown));
	else
		buf_printf(&message, "wrong type, got '%s'", node_show(node, shown));
	buf_puts(&message, "; expected ");
	for (size_t i = 0; i < count; i++)
		buf_printf(&message, "%s\"%s\"", !i ? "" : i + 1 < count ? ", " : " or ", words[i]);
	meant = word ? text_suggest(word, words, count, sizeof(*words)) : NULL;
	if (meant)
		buf_printf(&message, "; did you mean '%s'?", meant);
	return buf_ok(&message, err) && node_refuse(node, err, "%s", buf_text(&message));
}

bool node_word(const struct node *node, const char *what, const char *const *words, size_t count,
	       size_t *ret_index, struct untrack_error *err)
{
	const char *word = json_string_value(node->value);

	for (size_t i = 0; word && i < count; i++) {
		if (!strcmp(word, words[i])) {
			*ret_index = i;
			return true;
		}
	}
	return refuse_word(node, what, words, count, err);
}

bool node_free_text(const struct node *node, char **text, struct untrack_error *err)
{
	char *copy, shown[TEXT_SHOWN_MAX];
	const char *value = "";

	if (!node_string(node, "text in double quotes", &value, err))
		return false;
	for (const char *at = value; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return node_refuse(node, err,
					   "control character in text, got '%s'; expected one line",
					   text_show(value, strlen(value), shown));
	copy = strdup(value);
	if (!copy)
		return error_memory(err);
	free(*text);
	*text = copy;
	return true;
}

bool node_list(const struct node *node, const char *expected, bool may_be_empty, node_reader *read,
	       void *target, struct untrack_error *err)
{
	size_t count = json_array_size(node->value);

	if (!json_is_array(node->value))
		return node_wrong_type(node, expected, err);
	if (!count && !may_be_empty)
		return node_refuse(node, err, "empty array, got '[]'; expected %s", expected);
	for (size_t i = 0; i < count; i++) {
		struct node element = node_element(node, i);

		if (!read(&element, target, err))
			return false;
	}
	return true;
}

static const struct node_field *find_field(const struct node_field *fields, size_t count,
					   const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(fields[i].key, key))
			return &fields[i];
	return NULL;
}

bool node_object(const struct node *node, const char *what, const struct node_field *fields,
		 size_t count, void *target, struct untrack_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(node->value)) {
		char shown[TEXT_SHOWN_MAX];

		return node_refuse(node, err, "wrong type, got '%s'; expected %s: an object {…}",
				   node_show(node, shown), what);
	}
	json_object_foreach(node->value, key, value) {
		struct node member = node_child(node, key);
		const struct node_field *field = find_field(fields, count, key);

		if (!field)
			return node_unknown_key(&member, what, fields, count, sizeof(*fields), err);
		if (!field->read(&member, target, err))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !json_object_get(node->value, fields[i].key))
			return node_refuse(node, err, "missing key in %s; expected \"%s\"", what,
					   fields[i].key);
	return true;
}
