/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_document.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/json.h"
#include "document/nft.h"
#include "document/nft_expression.h"

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
		if (why.line < first + lines ||
		    source == document->sources.v + document->sources.n - 1)
			return error_at(err, why.code, source->name,
					source->line + why.line - first + 1, why.column, NULL, "%s",
					why.message ? why.message : "?");
		first += lines;
	}
	return false;
}

/* ------------------------------------------------------------------ JSON */

/* One command, and where it stands. */
struct command {
	json_t *json; /* borrowed from the document's tree */
	char *text;   /* owned: in its place, or NULL */
	const struct source *source;
	size_t index;
};
typedef ARRAY(struct command) commands;

struct json_load {
	ARRAY(json_t *) roots; /* one for each source, and what was made here */
	const unsaid_list *unsaid;
	commands in_order;
};

static void json_load_free(struct json_load *load)
{
	array_for_each(root, &load->roots) {
		json_decref(*root);
	}
	array_for_each(command, &load->in_order) {
		free(command->text);
	}
	array_free(&load->roots);
	array_free(&load->in_order);
}

enum { LAST_TURN = 6 };

/* Tables, then chains, objects, sets, and the rest: what is named is there before it is named. */
static unsigned turn(const struct command *command)
{
	json_t *body;
	const char *word = nft_subject(command->json, &body);

	if (!strcmp(word, "metainfo"))
		return 0;
	if (!strcmp(word, "flush"))
		return 1;
	if (!strcmp(word, "table"))
		return 2;
	if (!strcmp(word, "chain"))
		return 3;
	if (!strcmp(word, "rule") || !strcmp(word, "element") || !strcmp(word, "flowtable"))
		return LAST_TURN;
	return !strcmp(word, "set") || !strcmp(word, "map") ? 5 : 4;
}

/* Handles are of the ruleset that was listed: libnftables would take a rule's for a place. */
static void drop_handle(json_t *command)
{
	json_t *body;

	nft_subject(command, &body);
	json_object_del(body, "handle");
}

/* Newer versions list a single flag of a set as text, which 1.0.6 passes over in silence. */
static bool write_flags_as_array(json_t *command)
{
	json_t *body, *flags, *array;

	nft_subject(command, &body);
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

static bool refuse(const struct command *command, const char *why, struct untrack_error *err)
{
	autojson json = {0};
	struct node root, list, node;

	if (!json_parse(command->source->name, &command->source->text, &json, err))
		return false;
	root = node_root(&json);
	list = node_child(&root, "nftables");
	node = node_element(&list, command->index);
	return node_refuse(&node, err, "nft does not take this command: %s", why);
}

/* The elements of a set that is itself loaded as text. */
static json_t *elements_command(const json_t *set)
{
	static const char *const keys[] = {"family", "table", "name", "elem"};
	json_t *element = json_object();
	bool ok = element;

	for (size_t i = 0; ok && i < sizeof(keys) / sizeof(*keys); i++)
		ok = !json_object_set(element, keys[i], json_object_get(set, keys[i]));
	if (!ok)
		json_decref(element);
	return ok ? json_pack("{s:{s:o}}", "add", "element", element) : NULL;
}

static bool add_command(struct json_load *load, commands *all, struct command command,
			const json_t *list, struct untrack_error *err)
{
	struct command elements = {.source = command.source, .index = command.index};
	json_t *body;
	const char *word = nft_subject(command.json, &body);
	autoerror why = ERROR_INIT;

	if (!unsaid_text(word, body, list, load->unsaid, &command.text, &why))
		return refuse(&command, why.message ? why.message : "out of memory", err);
	if (!array_push(all, command)) {
		free(command.text);
		return error_memory(err);
	}
	if (!command.text || !json_object_get(body, "elem"))
		return true;
	elements.json = elements_command(body);
	if (elements.json && array_push(&load->roots, elements.json))
		return array_push(all, elements) ? true : error_memory(err);
	json_decref(elements.json);
	return error_memory(err);
}

static bool add_source(struct json_load *load, commands *all, const struct source *source,
		       struct untrack_error *err)
{
	json_t *root = json_loadb(buf_text(&source->text), source->text.len, JSON_ALLOW_NUL, NULL);
	json_t *list = json_object_get(root, "nftables"), *json;
	size_t i;

	if (!root || !array_push(&load->roots, root)) {
		json_decref(root);
		return error_memory(err);
	}
	json_array_foreach(list, i, json) {
		struct command command = {.json = json, .source = source, .index = i};

		drop_handle(json);
		if (!write_flags_as_array(json))
			return error_memory(err);
		if (!add_command(load, all, command, list, err))
			return false;
	}
	return true;
}

/* Takes the texts over. */
static bool put_in_order(struct json_load *load, commands *all)
{
	for (unsigned now = 1; now <= LAST_TURN; now++)
		array_for_each(command, all) {
			if (turn(command) == now && !array_push(&load->in_order, *command))
				return false;
		}
	array_for_each(command, all) {
		command->text = NULL;
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
	if (ok && !put_in_order(load, &all)) {
		load->in_order.n = 0; /* the texts are still in `all` */
		ok = error_memory(err);
	}
	array_for_each(command, &all) {
		free(command->text);
	}
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

/* Commands that are all JSON, or all text. */
static bool run_alike(const struct netns *ns, const struct command *first, size_t count,
		      struct untrack_error *err)
{
	autofree char *text = NULL;
	autobuf joined = {0};

	if (first->text) {
		for (size_t i = 0; i < count; i++)
			buf_puts(&joined, first[i].text);
		if (!buf_ok(&joined, err))
			return false;
		text = buf_steal_text(&joined);
	} else {
		text = wrap(first, count);
	}
	return text ? nft_run(ns, text, 0, NULL, err) : error_memory(err);
}

static bool run(const struct netns *ns, const struct command *first, size_t count,
		struct untrack_error *err)
{
	for (size_t i = 0, next = 0; i < count; i = next) {
		while (next < count && !first[next].text == !first[i].text)
			next++;
		if (!run_alike(ns, first + i, next - i, err))
			return false;
	}
	return true;
}

/* libnftables tells no place in JSON: the first commands alone are tried, half of them and so on, each
 * time in an empty namespace. */
static bool find_refused(const struct json_load *load, struct untrack_error *whole,
			 struct untrack_error *err)
{
	size_t good = 0, bad = load->in_order.n;
	autofree char *said = NULL;

	while (bad - good > 1) {
		size_t middle = good + (bad - good) / 2;
		autoerror why = ERROR_INIT;
		autonetns ns = NETNS_OWN;

		if (!netns_scratch(&ns, err))
			return false;
		if (run(&ns, load->in_order.v, middle, &why)) {
			good = middle;
			continue;
		}
		bad = middle;
		free(said);
		said = why.message ? strdup(why.message) : NULL;
	}
	if (!said)
		said = whole->message ? strdup(whole->message) : NULL;
	return refuse(&load->in_order.v[good], said ? said : "out of memory", err);
}

static bool load_json(const struct document *document, const unsaid_list *unsaid,
		      const struct netns *ns, struct untrack_error *err)
{
	__attribute__((cleanup(json_load_free))) struct json_load load = {.unsaid = unsaid};
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

bool nft_document_load(const struct document *document, const unsaid_list *unsaid,
		       const struct netns *ns, struct untrack_error *err)
{
	return document->kind == DOCUMENT_JSON ? load_json(document, unsaid, ns, err)
					       : load_text(document, ns, err);
}

/* ------------------------------------------------------------------ words */

bool nft_document_mentions(const struct document *document, const char *word)
{
	array_for_each(source, &document->sources) {
		if (text_mentions(buf_text(&source->text), source->text.len, word))
			return true;
	}
	return false;
}
