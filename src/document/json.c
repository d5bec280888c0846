/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/json.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/json_syntax.h"

#include <string.h>

/* Both are refused before jansson sees them, so that the place is the byte. */
static bool check_bytes(const char *file, struct json_text text, struct untrack_error *err)
{
	size_t at = 0, n;
	struct json_place place;
	autofree char *path = NULL;

	while (at < text.length) {
		n = text.data[at] ? text_utf8_length(text.data + at, text.length - at) : 0;
		if (!n)
			break;
		at += n;
	}
	if (at == text.length)
		return true;
	place = json_place(text, JSON_START, at);
	path = json_path_at(text, at);
	return error_at(err, ERROR_DOCUMENT, file, place.line, place.column, path,
			text.data[at] ? "not UTF-8, got byte 0x%02x; expected text in UTF-8"
				      : "NUL byte, got 0x%02x; expected text",
			(unsigned)(unsigned char)text.data[at]);
}

bool json_parse(const char *file, const struct buf *text, struct json_document *ret_document,
		struct untrack_error *err)
{
	struct json_document document = {.file = file, .text = {buf_text(text), text->len}};
	json_error_t error;

	if (!check_bytes(file, document.text, err))
		return false;
	document.root = json_loadb(document.text.data, document.text.length, JSON_REJECT_DUPLICATES,
				   &error);
	if (!document.root)
		return json_explain(file, document.text, &error, err);
	*ret_document = document;
	return true;
}

void json_document_free(struct json_document *document)
{
	json_decref(document->root);
	array_for_each(file, &document->files) {
		free(*file);
	}
	array_free(&document->files);
	*document = (struct json_document){0};
}

struct node node_root(struct json_document *document)
{
	return (struct node){.document = document, .value = document->root};
}

struct node node_child(const struct node *object, const char *key)
{
	return (struct node){.document = object->document,
			     .parent = object,
			     .key = key,
			     .value = json_object_get(object->value, key)};
}

struct node node_element(const struct node *list, size_t index)
{
	return (struct node){.document = list->document,
			     .parent = list,
			     .index = index,
			     .value = json_array_get(list->value, index)};
}

static void write_path(const struct node *node, struct buf *path)
{
	if (!node->parent)
		return;
	write_path(node->parent, path);
	if (node->key)
		json_path_add(path, node->key);
	else
		buf_printf(path, "/%zu", node->index);
}

char *node_path(const struct node *node)
{
	autobuf path = {0};

	write_path(node, &path);
	if (!node->parent)
		buf_putc(&path, '/');
	return buf_steal_text(&path);
}

static struct json_step locate(const struct node *node);

/* To the first member, or to the one found last if the node does not lie before it. */
static void seek_container(const struct node *node)
{
	struct json_document *document = node->document;
	const json_t *container = node->parent->value;

	if (document->last.container == container && !node->key &&
	    node->index >= document->last.index)
		return;
	if (document->last.container != container) {
		document->last.begin = locate(node->parent).value;
		document->last.container = container;
		document->last.place = JSON_START;
	}
	document->last.index = 0;
	json_first(document->text, document->last.begin, &document->last.step);
}

static struct json_step locate(const struct node *node)
{
	struct json_document *document = node->document;
	struct json_text text = document->text;

	if (!node->parent)
		return (struct json_step){.value = json_skip_space(text, 0)};
	seek_container(node);
	if (node->key) {
		while (!json_string_is(text, document->last.step.key, node->key) &&
		       json_next(text, &document->last.step, true))
			continue;
		return document->last.step;
	}
	while (document->last.index < node->index && json_next(text, &document->last.step, false))
		document->last.index++;
	return document->last.step;
}

static struct json_place place_of(const struct node *node, size_t offset)
{
	struct json_document *document = node->document;
	struct json_place known = document->last.place;

	if (!known.line || known.offset > offset)
		known = JSON_START;
	document->last.place = json_place(document->text, known, offset);
	return document->last.place;
}

struct json_place node_place(const struct node *node)
{
	return place_of(node, locate(node).value);
}

static bool refuse_at(const struct node *node, size_t offset, struct untrack_error *err,
		      const char *message)
{
	struct json_place place = place_of(node, offset);
	autofree char *path = node_path(node);

	if (!path || !message)
		return error_memory(err);
	return error_at(err, ERROR_DOCUMENT, node->document->file, place.line, place.column, path,
			"%s", message);
}

bool node_refuse(const struct node *node, struct untrack_error *err, const char *format, ...)
{
	autofree char *message = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	return refuse_at(node, locate(node).value, err, message);
}

bool node_unknown_key(const struct node *member, const char *what, const void *keys, size_t count,
		      size_t stride, struct untrack_error *err)
{
	const char *meant = text_suggest(member->key, keys, count, stride), *key;
	char shown[TEXT_SHOWN_MAX];
	autobuf message = {0};

	text_show(member->key, strlen(member->key), shown);
	buf_printf(&message, "unknown key in %s, got '%s'; expected ", what, shown);
	for (size_t i = 0; i < count; i++) {
		memcpy(&key, (const char *)keys + i * stride, sizeof(key));
		buf_printf(&message, "%s\"%s\"", !i ? "" : i + 1 < count ? ", " : " or ", key);
	}
	if (meant)
		buf_printf(&message, "; did you mean '%s'?", meant);
	if (!buf_ok(&message, err))
		return false;
	return refuse_at(member, locate(member).key, err, buf_text(&message));
}

const char *node_show(const struct node *node, char *out)
{
	struct json_text text = node->document->text;
	size_t at = locate(node).value;

	if (json_is_object(node->value))
		return strcpy(out, json_object_size(node->value) ? "{…}" : "{}");
	if (json_is_array(node->value))
		return strcpy(out, json_array_size(node->value) ? "[…]" : "[]");
	return text_show(text.data + at, json_skip_value(text, at) - at, out);
}

bool node_wrong_type(const struct node *node, const char *expected, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];

	return node_refuse(node, err, "wrong type, got '%s'; expected %s", node_show(node, shown),
			   expected);
}
