/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_unsaid.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/nft.h"
#include "document/nft_expression.h"

#include <ctype.h>
#include <string.h>

void unsaid_free(unsaid_list *list)
{
	array_for_each(one, list) {
		free(one->title);
		free(one->words);
	}
	array_free(list);
}

static const char *text_of(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

/* Names that nft text takes without quotes; others cannot be said in it. */
static bool is_name(const char *text)
{
	if (!text || !(isalpha((unsigned char)*text) || *text == '_'))
		return false;
	while (isalnum((unsigned char)*text) || (*text && strchr("_-./", *text)))
		text++;
	return !*text;
}

static bool has_names(const json_t *body)
{
	return is_name(text_of(body, "family")) && is_name(text_of(body, "table")) &&
	       is_name(text_of(body, "name"));
}

static char *title_of(const char *word, const json_t *body)
{
	char *title;

	return asprintf(&title, "%s %s %s %s", word, text_of(body, "family"),
			text_of(body, "table"), text_of(body, "name")) < 0
		       ? NULL
		       : title;
}

/* ------------------------------------------------------------------ which */

static bool is_on_device(const json_t *body)
{
	const char *hook = text_of(body, "hook");

	return hook && (!strcmp(hook, "ingress") || !strcmp(hook, "egress"));
}

/* Types of which the width is in the expression they came from. */
static bool is_open_type(const char *type)
{
	return !strcmp(type, "integer") || !strcmp(type, "string");
}

static bool has_open_type(const json_t *type)
{
	const char *words = json_string_value(type);
	size_t i;
	json_t *one;

	json_array_foreach(type, i, one) {
		if (has_open_type(one))
			return true;
	}
	while (words && *words) {
		size_t length = strcspn(words, " .");
		autofree char *word = strndup(words, length);

		if (word && is_open_type(word))
			return true;
		words += length + strspn(words + length, " .");
	}
	return false;
}

/* Only a plain counter is known of what a set can do with each element. */
static bool has_only_counter(const json_t *body)
{
	const json_t *statements = json_object_get(body, "stmt");

	return !statements || (json_array_size(statements) == 1 &&
			       json_object_get(json_array_get(statements, 0), "counter"));
}

/* Nothing but names of types. */
static bool are_types(const json_t *types)
{
	const char *text = json_string_value(types);
	size_t i;
	json_t *one;

	json_array_foreach(types, i, one) {
		if (!json_is_string(one) || !are_types(one))
			return false;
	}
	while (text && (isalnum((unsigned char)*text) || (*text && strchr("_ .", *text))))
		text++;
	return !text || !*text;
}

static bool is_odd_set(const json_t *body)
{
	const char *map = text_of(body, "map");

	return has_only_counter(body) && are_types(json_object_get(body, "type")) &&
	       are_types(json_object_get(body, "map")) &&
	       (has_open_type(json_object_get(body, "type")) ||
		has_open_type(json_object_get(body, "map")) ||
		(map && (strchr(map, '.') || !strcmp(map, "synproxy"))));
}

enum oddity { NOT_ODD, ODD_CHAIN, ODD_SET, ODD_EXPECTATION, ODD_SYNPROXY, ODD_TIMEOUT };

static enum oddity oddity_of(const char *word, const json_t *body)
{
	if (!has_names(body))
		return NOT_ODD;
	if (!strcmp(word, "chain") && is_on_device(body) && !text_of(body, "dev"))
		return ODD_CHAIN;
	if ((!strcmp(word, "set") || !strcmp(word, "map")) && is_odd_set(body))
		return ODD_SET;
	if (!strcmp(word, "ct expectation") && is_name(text_of(body, "protocol")))
		return ODD_EXPECTATION;
	if (!strcmp(word, "ct timeout") && is_name(text_of(body, "protocol")) &&
	    json_object_size(json_object_get(body, "policy")))
		return ODD_TIMEOUT;
	return !strcmp(word, "synproxy") ? ODD_SYNPROXY : NOT_ODD;
}

static bool is_untold_set(const json_t *body)
{
	return has_open_type(json_object_get(body, "type")) ||
	       has_open_type(json_object_get(body, "map"));
}

/* "policy = { established : 60, close : 10 }", as nft lists it. */
static void put_timeouts(struct buf *text, const json_t *body)
{
	const char *state, *before = "policy = { ";
	json_t *seconds;

	json_object_foreach(json_object_get(body, "policy"), state, seconds) {
		buf_printf(text, "%s%s : %lld", before, state, json_integer_value(seconds));
		before = ", ";
	}
	buf_puts(text, " }");
}

/* ------------------------------------------------------------------ what is there */

/* What stands between two texts of a listing. */
static char *cut(const char *listing, const char *first, const char *last)
{
	const char *begin = strstr(listing, first), *end = begin ? strstr(begin, last) : NULL;

	return end ? strndup(begin, (size_t)(end - begin)) : NULL;
}

/* Is a ct timeout there as the document has it? libnftables takes neither its timeouts nor its layer 3
 * from JSON, and what it makes of them is what the document means to nft; but what is there already it
 * need not make. */
static char *same_timeouts(const char *listing, const json_t *body)
{
	const char *layer3 = text_of(body, "l3proto");
	autobuf timeouts = {0};

	put_timeouts(&timeouts, body);
	if (timeouts.failed || !strstr(listing, buf_text(&timeouts)) ||
	    (layer3 && !text_mentions(listing, strlen(listing), layer3)))
		return NULL;
	return strdup("");
}

/* The words that an object of that name has in the listing of this namespace; NULL: none that are
 * needed. */
static char *look(const char *title, enum oddity oddity, const json_t *body)
{
	autofree char *command = NULL, *listing = NULL;
	autoerror ignored = ERROR_INIT;

	if (asprintf(&command, "list %s", title) < 0)
		return NULL;
	if (!nft_run(&NETNS_OWN, command, NFT_TERSE, &listing, &ignored))
		return NULL;
	if (oddity == ODD_TIMEOUT)
		return same_timeouts(listing, body);
	return oddity == ODD_CHAIN ? cut(listing, "device", " priority")
				   : cut(listing, "\ttypeof ", "\n");
}

static bool read_one(const char *word, const json_t *body, unsaid_list *list,
		     struct untrack_error *err)
{
	enum oddity oddity = oddity_of(word, body);
	bool needed = oddity == ODD_TIMEOUT || (oddity == ODD_SET && is_untold_set(body)) ||
		      (oddity == ODD_CHAIN && !json_object_get(body, "dev"));
	struct unsaid one = {0};
	bool ok;

	if (!needed)
		return true;
	one.title = title_of(word, body);
	one.words = one.title ? look(one.title, oddity, body) : NULL;
	if (one.words && array_push(list, one))
		return true;
	ok = one.title && !one.words;
	free(one.words);
	free(one.title);
	return ok ? true : error_memory(err);
}

bool unsaid_read(const struct document *document, unsaid_list *ret_list, struct untrack_error *err)
{
	bool ok = true;

	if (document->kind != DOCUMENT_JSON)
		return true;
	for (size_t s = 0; s < document->sources.n; s++) {
		const struct buf *text = document_brief_text(document, s);
		json_t *root = json_loadb(buf_text(text), text->len, JSON_ALLOW_NUL, NULL);
		json_t *command, *body;
		size_t i;

		ok = ok && (root ? true : error_memory(err));
		json_array_foreach(json_object_get(root, "nftables"), i, command) {
			const char *word = nft_subject(command, &body);

			ok = ok && read_one(word, body, ret_list, err);
		}
		json_decref(root);
	}
	return ok;
}

static const char *find(const unsaid_list *list, const char *title)
{
	array_for_each(one, list) {
		if (!strcmp(one->title, title))
			return one->words;
	}
	return NULL;
}

bool unsaid_mentions(const unsaid_list *list, const char *interface)
{
	array_for_each(one, list) {
		if (text_mentions(one->words, strlen(one->words), interface))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ text */

/* Words that may stand in text as they are. */
static void put_word(struct buf *text, const char *word)
{
	buf_printf(text, "\"%.*s\"", (int)strcspn(word, "\"\n"), word);
}

static void put_number(struct buf *text, const json_t *body, const char *key, const char *words,
		       const char *unit)
{
	const json_t *value = json_object_get(body, key);

	if (json_is_integer(value))
		buf_printf(text, " %s %lld%s;", words, json_integer_value(value), unit);
}

/* Flags as nft's text has them; a single one may stand without an array. */
static void put_flags(struct buf *text, const json_t *flags, const char *first, const char *between)
{
	const char *before = first;
	size_t i;
	json_t *flag;

	if (json_is_string(flags))
		buf_printf(text, "%s%s;", first, json_string_value(flags));
	json_array_foreach(flags, i, flag) {
		buf_printf(text, "%s%s", before, json_string_value(flag));
		before = between;
	}
	if (before == between)
		buf_puts(text, ";");
}

static void put_comment(struct buf *text, const json_t *body)
{
	const char *comment = text_of(body, "comment");

	if (comment && !strpbrk(comment, "\"\n"))
		buf_printf(text, " comment \"%s\";", comment);
}

static bool put_chain(struct buf *text, const json_t *body, const char *words,
		      struct untrack_error *err)
{
	const char *type = text_of(body, "type"), *policy = text_of(body, "policy");
	const json_t *devices = json_object_get(body, "dev");
	size_t i;
	json_t *device;

	if (!devices && !words)
		return error_set(
			err, ERROR_DOCUMENT,
			"a chain without its device, which nft 1.0.6 leaves out of its JSON, "
			"and no such chain is here; expected \"dev\"");
	buf_printf(text, " { type %s hook %s ", type ? type : "filter", text_of(body, "hook"));
	if (devices) {
		buf_puts(text, "devices = {");
		json_array_foreach(devices, i, device) {
			buf_puts(text, i ? ", " : " ");
			put_word(text, json_string_value(device));
		}
		buf_puts(text, " }");
	} else {
		buf_puts(text, words);
	}
	put_number(text, body, "prio", "priority", "");
	if (policy)
		buf_printf(text, " policy %s;", policy);
	buf_puts(text, " }\n");
	return true;
}

static bool put_types(struct buf *text, const json_t *body, const json_t *nftables,
		      const char *words, struct untrack_error *err)
{
	const json_t *types = json_object_get(body, "type");
	const char *map = text_of(body, "map");
	size_t i;
	json_t *type;

	if (words) {
		buf_printf(text, " %s;", words + strspn(words, "\t"));
	} else if (is_untold_set(body)) {
		buf_puts(text, " typeof ");
		if (!nft_put_typeof(text, body, nftables))
			return error_set(
				err, ERROR_DOCUMENT,
				"a set of integers or strings of unknown width: nft 1.0.6 "
				"leaves 'typeof' out of its JSON, no such set is here, and no "
				"rule of the document tells it; expected another type");
		buf_puts(text, ";");
	} else {
		buf_puts(text, " type ");
		if (json_is_string(types))
			buf_puts(text, json_string_value(types));
		json_array_foreach(types, i, type) {
			buf_printf(text, "%s%s", i ? " . " : "", json_string_value(type));
		}
		buf_printf(text, "%s%s;", map ? " : " : "", map ? map : "");
	}
	return true;
}

static bool put_set(struct buf *text, const json_t *body, const json_t *nftables, const char *words,
		    struct untrack_error *err)
{
	const char *policy = text_of(body, "policy");

	buf_puts(text, " {");
	if (!put_types(text, body, nftables, words, err))
		return false;
	put_number(text, body, "size", "size", "");
	put_flags(text, json_object_get(body, "flags"), " flags ", ", ");
	put_number(text, body, "timeout", "timeout", "s");
	put_number(text, body, "gc-interval", "gc-interval", "s");
	if (policy)
		buf_printf(text, " policy %s;", policy);
	if (json_is_true(json_object_get(body, "auto-merge")))
		buf_puts(text, " auto-merge;");
	if (json_object_get(body, "stmt"))
		buf_puts(text, " counter;");
	buf_puts(text, " }\n");
	return true;
}

static void put_expectation(struct buf *text, const json_t *body)
{
	const char *layer3 = text_of(body, "l3proto");

	buf_printf(text, " { protocol %s;", text_of(body, "protocol"));
	put_number(text, body, "dport", "dport", "");
	put_number(text, body, "timeout", "timeout", "ms");
	put_number(text, body, "size", "size", "");
	if (layer3)
		buf_printf(text, " l3proto %s;", layer3);
	put_comment(text, body);
	buf_puts(text, " }\n");
}

static void put_timeout(struct buf *text, const json_t *body)
{
	const char *layer3 = text_of(body, "l3proto");

	buf_printf(text, " { protocol %s; ", text_of(body, "protocol"));
	put_timeouts(text, body);
	buf_puts(text, ";");
	if (layer3)
		buf_printf(text, " l3proto %s;", layer3);
	put_comment(text, body);
	buf_puts(text, " }\n");
}

static void put_synproxy(struct buf *text, const json_t *body)
{
	buf_puts(text, " {");
	put_number(text, body, "mss", "mss", "");
	put_number(text, body, "wscale", "wscale", "");
	put_flags(text, json_object_get(body, "flags"), " ", " ");
	put_comment(text, body);
	buf_puts(text, " }\n");
}

bool unsaid_text(const char *word, const json_t *body, const json_t *nftables,
		 const unsaid_list *list, char **ret_text, struct untrack_error *err)
{
	enum oddity oddity = oddity_of(word, body);
	autofree char *title = oddity == NOT_ODD ? NULL : title_of(word, body);
	const char *words = title && list ? find(list, title) : NULL;
	autobuf text = {0};
	bool ok = true;
	char *made;

	*ret_text = NULL;
	if (oddity == NOT_ODD || (title && oddity == ODD_TIMEOUT && list && !words))
		return true;
	if (!title)
		return error_memory(err);
	buf_printf(&text, "add %s", title);
	if (oddity == ODD_CHAIN)
		ok = put_chain(&text, body, list ? words : "device \"lo\"", err);
	else if (oddity == ODD_SET)
		ok = put_set(&text, body, nftables, words, err);
	else if (oddity == ODD_TIMEOUT)
		put_timeout(&text, body);
	else if (oddity == ODD_EXPECTATION)
		put_expectation(&text, body);
	else
		put_synproxy(&text, body);
	if (!ok || !buf_ok(&text, err))
		return false;
	made = buf_steal_text(&text);
	if (!made)
		return error_memory(err);
	*ret_text = made;
	return true;
}
