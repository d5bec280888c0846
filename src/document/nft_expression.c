/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_expression.h"

#include <ctype.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *nft_subject(json_t *command, json_t **ret_body)
{
	void *at = json_object_iter(command);
	const char *word = at ? json_object_iter_key(at) : "";

	*ret_body = at ? json_object_iter_value(at) : NULL;
	if (!strcmp(word, "add") || !strcmp(word, "create") || !strcmp(word, "insert"))
		return nft_subject(*ret_body, ret_body);
	return word;
}

static bool is_word(const char *text)
{
	while (isalnum((unsigned char)*text) || (*text && strchr("_-", *text)))
		text++;
	return !*text;
}

/* ------------------------------------------------------------------ expressions */

/* A value as a word; false if it is none. An optional one may be missing. */
static bool put_value(struct buf *text, const json_t *body, const char *key, const char *before,
		      bool optional)
{
	const json_t *value = json_object_get(body, key);

	if (!value)
		return optional;
	buf_puts(text, before);
	if (json_is_integer(value))
		buf_printf(text, "%lld", json_integer_value(value));
	else if (json_is_string(value) && is_word(json_string_value(value)))
		buf_puts(text, json_string_value(value));
	else
		return false;
	return true;
}

static bool put_payload(struct buf *text, const json_t *body)
{
	if (json_object_get(body, "base"))
		return put_value(text, body, "base", "@", false) &&
		       put_value(text, body, "offset", ",", false) &&
		       put_value(text, body, "len", ",", false);
	return put_value(text, body, "tunnel", "", true) &&
	       put_value(text, body, "protocol", json_object_get(body, "tunnel") ? " " : "",
			 false) &&
	       put_value(text, body, "field", " ", false);
}

/* Kinds of expressions whose text is their word and the values of these keys, in this order. */
static const struct {
	const char *kind;
	const char *word;
	const char *keys[3];
} plain[] = {
	{"meta", "meta", {"key"}},
	{"ct", "ct", {"dir", "family", "key"}},
	{"rt", "rt", {"family", "key"}},
	{"socket", "socket", {"key"}},
	{"osf", "osf", {"ttl", "key"}},
	{"tcp option", "tcp option", {"name", "field"}},
	{"ip option", "ip option", {"name", "field"}},
	{"sctp chunk", "sctp chunk", {"name", "field"}},
	{"exthdr", "", {"name", "field"}},
	{"numgen", "numgen", {"mode"}},
	{"ipsec", "ipsec", {"dir", "family", "key"}},
};

static bool put_plain(struct buf *text, const char *kind, const json_t *body)
{
	for (size_t i = 0; i < COUNT(plain); i++) {
		const char *before = *plain[i].word ? " " : "";

		if (strcmp(plain[i].kind, kind) != 0)
			continue;
		buf_puts(text, plain[i].word);
		for (size_t k = 0; k < COUNT(plain[i].keys) && plain[i].keys[k]; k++) {
			if (!put_value(text, body, plain[i].keys[k], before, true))
				return false;
			if (json_object_get(body, plain[i].keys[k]))
				before = " ";
		}
		return put_value(text, body, "mod", " mod ", true);
	}
	return false;
}

static bool put_expression(struct buf *text, const json_t *expression)
{
	void *at = json_object_iter((json_t *)(uintptr_t)expression);
	const char *kind = at ? json_object_iter_key(at) : NULL;
	const json_t *body = at ? json_object_iter_value(at) : NULL;
	size_t i;
	json_t *part;

	if (!kind)
		return false;
	if (!strcmp(kind, "elem"))
		return put_expression(text, json_object_get(body, "val"));
	if (!strcmp(kind, "payload"))
		return put_payload(text, body);
	if (strcmp(kind, "concat") != 0)
		return put_plain(text, kind, body);
	json_array_foreach(body, i, part) {
		if (i)
			buf_puts(text, " . ");
		if (!put_expression(text, part))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ uses */

/* An expression of the type that a map has for its values. */
static const char *value_of_type(const char *type)
{
	static const struct {
		const char *type, *text;
	} values[] = {
		{"verdict", "verdict"},	    {"counter", "counter"},
		{"quota", "quota"},	    {"limit", "limit"},
		{"mark", "meta mark"},	    {"ipv4_addr", "ip saddr"},
		{"ipv6_addr", "ip6 saddr"}, {"inet_service", "th dport"},
		{"ifname", "meta iifname"}, {"ether_addr", "ether saddr"},
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		if (!strcmp(values[i].type, type))
			return values[i].text;
	}
	return NULL;
}

static bool is_reference(const json_t *value, const char *name)
{
	const char *text = json_string_value(value);

	return text && *text == '@' && !strcmp(text + 1, name);
}

/* The expression that is looked up in the set, somewhere inside `value`; NULL: none. */
static const json_t *find_use(const json_t *value, const char *name)
{
	static const struct {
		const char *set, *expression;
	} ways[] = {{"right", "left"}, {"data", "key"}, {"set", "elem"}, {"map", "elem"}};
	const json_t *found = NULL;
	const char *key;
	size_t i;
	json_t *part;

	for (i = 0; json_is_object(value) && i < COUNT(ways); i++) {
		if (is_reference(json_object_get(value, ways[i].set), name))
			return json_object_get(value, ways[i].expression);
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, part) {
		found = found ? found : find_use(part, name);
	}
	json_array_foreach(value, i, part) {
		found = found ? found : find_use(part, name);
	}
	return found;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *one = json_string_value(json_object_get(a, key));
	const char *other = json_string_value(json_object_get(b, key));

	return one && other && !strcmp(one, other);
}

bool nft_put_typeof(struct buf *text, const json_t *set, const json_t *nftables)
{
	const char *name = json_string_value(json_object_get(set, "name"));
	const char *map = json_string_value(json_object_get(set, "map"));
	const char *value = map ? value_of_type(map) : NULL;
	size_t i;
	json_t *command, *body;

	json_array_foreach(nftables, i, command) {
		bool is_rule = !strcmp(nft_subject(command, &body), "rule");
		const json_t *expression = NULL;

		if (is_rule && same_text(body, set, "family") && same_text(body, set, "table"))
			expression = find_use(json_object_get(body, "expr"), name);
		if (!expression)
			continue;
		if ((map && !value) || !put_expression(text, expression))
			return false;
		buf_printf(text, "%s%s", map ? " : " : "", map ? value : "");
		return true;
	}
	return false;
}
