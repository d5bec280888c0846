/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_document.h"

#include "base/cleanup.h"
#include "document/json.h"
#include "document/nft.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

/* ------------------------------------------------------------------ text */

static bool load_text(const struct document *document, const struct netns *ns,
		      struct untrack_error *err)
{
	autoerror why = ERROR_INIT;
	autobuf all = {0};
	unsigned first = 1;

	array_for_each(source, &document->sources) {
		buf_put(&all, source->text.data, source->text.len);
		buf_putc(&all, '\n');
	}
	if (!buf_ok(&all, err))
		return false;
	if (nft_run(ns, buf_text(&all), 0, NULL, &why))
		return true;
	if (!why.line || why.file) { /* inside an included file, or nowhere */
		error_move(err, &why);
		return false;
	}
	array_for_each(source, &document->sources) {
		unsigned lines = 1;

		for (size_t i = 0; i < source->text.len; i++)
			lines += source->text.data[i] == '\n';
		if (why.line < first + lines || source == document->sources.v + document->sources.n - 1)
			return error_at(err, why.code, source->name, why.line - first + 1,
					why.column, NULL, "%s", why.message ? why.message : "?");
		first += lines;
	}
	return false;
}

/* ------------------------------------------------------------------ JSON */

/* One command, and where it stands. */
struct command {
	json_t *json; /* borrowed from the document's tree */
	const struct source *source;
	size_t index;
};
typedef ARRAY(struct command) commands;

struct json_load {
	ARRAY(json_t *) roots; /* one for each source */
	commands in_order;
};

static void json_load_free(struct json_load *load)
{
	array_for_each(root, &load->roots) {
		json_decref(*root);
	}
	array_free(&load->roots);
	array_free(&load->in_order);
}

/* The object that a command is about: its word, and the object itself. */
static const char *subject(json_t *command, json_t **ret_body)
{
	void *at = json_object_iter(command);
	const char *word = at ? json_object_iter_key(at) : "";

	*ret_body = at ? json_object_iter_value(at) : NULL;
	if (!strcmp(word, "add") || !strcmp(word, "create") || !strcmp(word, "insert"))
		return subject(*ret_body, ret_body);
	return word;
}

/* Tables, then chains, then the rest: what is named is there before it is named. */
static unsigned turn(json_t *command)
{
	json_t *body;
	const char *word = subject(command, &body);

	if (!strcmp(word, "metainfo"))
		return 0;
	if (!strcmp(word, "flush"))
		return 1;
	if (!strcmp(word, "table"))
		return 2;
	return !strcmp(word, "chain") ? 3 : 4;
}

/* Handles are of the ruleset that was listed: libnftables would take a rule's for a place. */
static void drop_handle(json_t *command)
{
	json_t *body;

	subject(command, &body);
	json_object_del(body, "handle");
}

/* Newer versions list a single flag of a set as text, which 1.0.6 passes over in silence. */
static bool write_flags_as_array(json_t *command)
{
	json_t *body, *flags, *array;

	subject(command, &body);
	flags = json_object_get(body, "flags");
	if (!json_is_string(flags))
		return true;
	array = json_array();
	if (!array || json_array_append(array, flags)) {
		json_decref(array);
		return false;
	}
	return !json_object_set_new(body, "flags", array);
}

static bool add_source(struct json_load *load, commands *all, const struct source *source,
		       struct untrack_error *err)
{
	json_t *root = json_loadb(buf_text(&source->text), source->text.len, JSON_ALLOW_NUL, NULL);
	json_t *list = json_object_get(root, "nftables"), *command;
	size_t i;

	if (!root || !array_push(&load->roots, root)) {
		json_decref(root);
		return error_memory(err);
	}
	json_array_foreach(list, i, command) {
		drop_handle(command);
		if (!write_flags_as_array(command) ||
		    !array_push(all, (struct command){command, source, i}))
			return error_memory(err);
	}
	return true;
}

static bool put_in_order(struct json_load *load, const commands *all)
{
	for (unsigned now = 1; now <= 4; now++)
		array_for_each(command, all) {
			if (turn(command->json) == now && !array_push(&load->in_order, *command))
				return false;
		}
	return true;
}

static bool read_commands(const struct document *document, struct json_load *load,
			  struct untrack_error *err)
{
	commands all = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < document->sources.n; i++)
		ok = add_source(load, &all, &document->sources.v[i], err);
	if (ok && !put_in_order(load, &all))
		ok = error_memory(err);
	array_free(&all);
	return ok;
}

static char *wrap(const struct command *first, size_t count)
{
	json_t *list = json_array(), *all;
	char *text;

	for (size_t i = 0; i < count; i++)
		json_array_append(list, first[i].json);
	all = json_pack("{s:o}", "nftables", list);
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	return text;
}

static bool run(const struct netns *ns, const struct command *first, size_t count,
		struct untrack_error *err)
{
	autofree char *text = wrap(first, count);

	return text ? nft_run(ns, text, 0, NULL, err) : error_memory(err);
}

static bool refuse(const struct command *command, const struct untrack_error *why,
		   struct untrack_error *err)
{
	autojson json = {0};
	struct node root, list, node;

	if (!json_parse(command->source->name, &command->source->text, &json, err))
		return false;
	root = node_root(&json);
	list = node_child(&root, "nftables");
	node = node_element(&list, command->index);
	return node_refuse(&node, err, "nft does not take this command: %s",
			   why->message ? why->message : "out of memory");
}

/* libnftables tells no place in JSON: the commands are tried one by one in another namespace. */
static bool find_refused(const struct json_load *load, struct untrack_error *whole,
			 struct untrack_error *err)
{
	autonetns ns = NETNS_OWN;

	if (!netns_scratch(&ns, err))
		return false;
	array_for_each(command, &load->in_order) {
		autoerror why = ERROR_INIT;

		if (!run(&ns, command, 1, &why))
			return refuse(command, &why, err);
	}
	error_move(err, whole); /* only together they are refused */
	return false;
}

static bool load_json(const struct document *document, const struct netns *ns,
		      struct untrack_error *err)
{
	__attribute__((cleanup(json_load_free))) struct json_load load = {0};
	autoerror why = ERROR_INIT;

	if (!read_commands(document, &load, err))
		return false;
	if (!load.in_order.n || run(ns, load.in_order.v, load.in_order.n, &why))
		return true;
	if (why.code != ERROR_DOCUMENT) {
		error_move(err, &why);
		return false;
	}
	return find_refused(&load, &why, err);
}

bool nft_document_load(const struct document *document, const struct netns *ns,
		       struct untrack_error *err)
{
	return document->kind == DOCUMENT_JSON ? load_json(document, ns, err)
					       : load_text(document, ns, err);
}

/* ------------------------------------------------------------------ words */

static bool is_name(int c)
{
	return isalnum(c) || c == '_' || c == '-' || c == '.' || c == '@' || c == ':';
}

bool nft_document_mentions(const struct document *document, const char *word)
{
	size_t len = strlen(word);

	array_for_each(source, &document->sources) {
		const char *text = buf_text(&source->text), *end = text + source->text.len;
		const char *at = text;

		while ((at = memmem(at, (size_t)(end - at), word, len))) {
			if ((at == text || !is_name((unsigned char)at[-1])) &&
			    !is_name((unsigned char)at[len]))
				return true;
			at++;
		}
	}
	return false;
}
