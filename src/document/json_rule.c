/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/json_rule.h"

#include "document/nft_words.h"

#include <string.h>

static struct word word_of(struct json_string string)
{
	return (struct word){string.start, string.length};
}

/* ------------------------------------------------------------------ values */

static bool take_literal(struct cursor *c, const char *literal)
{
	size_t length = strlen(literal);

	json_cursor_skip_space(c);
	if ((size_t)(c->end - c->at) < length || memcmp(c->at, literal, length) != 0)
		return false;
	c->at += length;
	return true;
}

static void add_symbol(struct json_rule *rule, struct json_string symbol)
{
	if (rule->symbol_count < SYMBOLS_MAX)
		rule->symbols[rule->symbol_count++] = symbol;
}

static bool add_hole(struct json_rule *rule, enum mark mark, unsigned prefix,
		     struct json_string text)
{
	return holes_add(&rule->holes, mark, prefix, text.start, text.length);
}

/* The characters of a number; what it is is judged elsewhere, unless it is a plain one. */
static bool take_number(struct cursor *c, struct json_rule *rule, struct json_string *ret_number)
{
	const char *begin;
	uint64_t number;

	json_cursor_skip_space(c);
	begin = c->at;
	while (c->at < c->end && *c->at && strchr("+-.0123456789eE", *c->at))
		c->at++;
	*ret_number = (struct json_string){begin, (size_t)(c->at - begin)};
	if (c->at > begin && decimal_read(begin, c->at, INT64_MAX, &number) == ret_number->length)
		add_symbol(rule, *ret_number);
	return c->at > begin;
}

/* A value without parts; *ret_string is one without a start if it is no text. */
static bool take_scalar(struct cursor *c, struct json_rule *rule, struct json_string *ret_string)
{
	struct json_string number;

	*ret_string = (struct json_string){0};
	if (json_sees(c, '"'))
		return json_take_string(c, ret_string);
	return take_literal(c, "null") || take_literal(c, "true") || take_literal(c, "false") ||
	       take_number(c, rule, &number);
}

/* An object of values without parts: words that nft has in its own tables, names of the document's, and
 * numbers. */
static bool take_flat(struct cursor *c, struct json_rule *rule)
{
	struct json_string key, string;

	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key) || !take_scalar(c, rule, &string))
			return false;
	} while (json_take(c, ','));
	return json_take(c, '}');
}

/* ------------------------------------------------------------------ matches */

struct match {
	struct json_string op;
	struct json_string kind;	/* of the left side */
	struct json_string name, other; /* its texts: the key of meta and ct, protocol and field */
	size_t members;
	struct cursor right;
	struct json_rule *rule; /* that it is in */
};

static bool take_field(struct cursor *c, struct match *match)
{
	struct json_string key, string;

	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key) || !json_take_string(c, &string) ||
		    !word_is_plain(word_of(string)))
			return false;
		*(json_is(key, "field") ? &match->other : &match->name) = string;
		if (!json_is(key, "field") &&
		    !json_is(key, json_is(match->kind, "payload") ? "protocol" : "key"))
			return false;
		match->members++;
	} while (json_take(c, ','));
	return json_take(c, '}') && (json_is(match->kind, "payload") ||
				     json_is(match->kind, "meta") || json_is(match->kind, "ct"));
}

/* Of a concatenation. */
static bool take_fields(struct cursor *c, struct match *match)
{
	if (!json_take(c, '['))
		return false;
	do {
		struct match field = {0};

		if (!json_take(c, '{') || !json_take_key(c, &field.kind) ||
		    !take_field(c, &field) || !json_take(c, '}'))
			return false;
		match->members++;
	} while (json_take(c, ','));
	return json_take(c, ']');
}

static bool take_left(struct cursor *c, struct match *match)
{
	return json_take(c, '{') && json_take_key(c, &match->kind) &&
	       (json_is(match->kind, "concat") ? take_fields(c, match) : take_field(c, match)) &&
	       json_take(c, '}');
}

/* What a value of that field is; MARK_NONE where it is not left open. */
static enum mark mark_of(const struct match *match)
{
	bool port = json_is(match->other, "sport") || json_is(match->other, "dport");
	bool address = json_is(match->other, "saddr") || json_is(match->other, "daddr");

	if (!json_is(match->kind, "payload") || match->members != 2 ||
	    !word_is_operator(word_of(match->op)))
		return MARK_NONE;
	if (port && (json_is(match->name, "tcp") || json_is(match->name, "udp") ||
		     json_is(match->name, "sctp") || json_is(match->name, "th")))
		return MARK_PORT;
	if (address && json_is(match->name, "ip"))
		return MARK_IPV4;
	return address && json_is(match->name, "ip6") ? MARK_IPV6 : MARK_NONE;
}

/* May words stand on the right, as nft alone knows them? */
static bool has_words(const struct match *match)
{
	return (json_is(match->kind, "ct") &&
		(json_is(match->name, "state") || json_is(match->name, "status"))) ||
	       (json_is(match->kind, "meta") &&
		(json_is(match->name, "iifname") || json_is(match->name, "oifname")));
}

/* A number or a text: a set of the document, an address or a number, or a word that is known there. */
static bool take_symbol(struct cursor *c, const struct match *match, struct json_string *ret_symbol)
{
	bool protocols = json_is(match->name, "l4proto") || json_is(match->name, "nfproto") ||
			 json_is(match->name, "protocol") || json_is(match->other, "protocol") ||
			 json_is(match->other, "nexthdr");
	struct word word;

	if (!json_sees(c, '"'))
		return take_number(c, match->rule, ret_symbol);
	if (!json_take_string(c, ret_symbol) || !ret_symbol->length)
		return false;
	word = word_of(*ret_symbol);
	if (word_is_number(word)) {
		add_symbol(match->rule, *ret_symbol);
		return true;
	}
	if (*word.start == '@')
		return word_is_identifier((struct word){word.start + 1, word.length - 1});
	return has_words(match) || (protocols && word_is_plain(word));
}

/* {"addr": …, "len": …} */
static bool take_prefix(struct cursor *c, const struct match *match)
{
	enum mark mark = mark_of(match);
	struct json_string key, address = {0}, length = {0};
	uint64_t bits;

	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key) ||
		    !(json_is(key, "addr")  ? take_symbol(c, match, &address)
		      : json_is(key, "len") ? take_number(c, match->rule, &length)
					    : false))
			return false;
	} while (json_take(c, ','));
	if (!json_take(c, '}') || !address.start || !length.start)
		return false;
	if ((mark == MARK_IPV4 || mark == MARK_IPV6) && length.length &&
	    decimal_read(length.start, length.start + length.length, mark == MARK_IPV6 ? 128 : 32,
			 &bits) == length.length &&
	    bits)
		add_hole(match->rule, mark, (unsigned)bits, address);
	return true;
}

static bool take_range(struct cursor *c, const struct match *match)
{
	struct json_string symbol;

	return json_take(c, '[') && take_symbol(c, match, &symbol) && json_take(c, ',') &&
	       take_symbol(c, match, &symbol) && json_take(c, ']');
}

/* Flags, or the values of a concatenation. */
static bool take_symbols(struct cursor *c, const struct match *match)
{
	struct json_string symbol;

	if (!json_take(c, '['))
		return false;
	do {
		if (!take_symbol(c, match, &symbol) || *symbol.start == '@')
			return false;
	} while (json_take(c, ','));
	return json_take(c, ']');
}

typedef bool take_fn(struct cursor *c, const struct match *match);

/* What an object holds, behind its '{': a prefix, a range, or that other one. */
static bool take_object(struct cursor *c, const struct match *match, const char *other,
			take_fn *take_other)
{
	struct json_string key;

	return json_take_key(c, &key) &&
	       (json_is(key, "prefix")	? take_prefix(c, match)
		: json_is(key, "range") ? take_range(c, match)
		: json_is(key, other)	? take_other(c, match)
					: false) &&
	       json_take(c, '}');
}

static bool take_element(struct cursor *c, const struct match *match)
{
	struct json_string symbol;

	if (json_take(c, '{'))
		return take_object(c, match, "concat", take_symbols);
	return take_symbol(c, match, &symbol) && *symbol.start != '@';
}

/* None of the values in a set is left open. */
static bool take_set(struct cursor *c, const struct match *match)
{
	const struct holes holes = match->rule->holes;

	match->rule->sets = true;
	if (!json_take(c, '['))
		return false;
	do {
		if (!take_element(c, match))
			return false;
	} while (json_take(c, ','));
	match->rule->holes = holes;
	return json_take(c, ']');
}

static bool take_right(struct cursor *c, const struct match *match)
{
	enum mark mark = mark_of(match);
	struct json_string symbol;

	if (json_sees(c, '['))
		return json_is(match->kind, "ct") && has_words(match) && take_symbols(c, match);
	if (json_take(c, '{'))
		return take_object(c, match, "set", take_set);
	if (!take_symbol(c, match, &symbol))
		return false;
	if (mark != MARK_NONE)
		add_hole(match->rule, mark, mark == MARK_IPV6 ? 128 : 32, symbol);
	return true;
}

static bool take_match(struct cursor *c, struct json_rule *rule)
{
	struct match match = {.rule = rule};
	struct json_string key;

	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key))
			return false;
		if (json_is(key, "right")) { /* what it is depends on the left side */
			match.right = *c;
			if (!json_cursor_skip_value(c))
				return false;
		} else if (!(json_is(key, "op")	    ? json_take_string(c, &match.op)
			     : json_is(key, "left") ? take_left(c, &match)
						    : false)) {
			return false;
		}
	} while (json_take(c, ','));
	return json_take(c, '}') && match.op.start && match.members && match.right.at &&
	       take_right(&match.right, &match);
}

/* ------------------------------------------------------------------ statements */

static bool take_counter(struct cursor *c, struct json_rule *rule)
{
	struct json_string key, number;

	if (take_literal(c, "null"))
		return true;
	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key) ||
		    (!json_is(key, "packets") && !json_is(key, "bytes")) ||
		    !take_number(c, rule, &number))
			return false;
		add_hole(rule, MARK_COUNTER, 0, number);
	} while (json_take(c, ','));
	return json_take(c, '}');
}

static bool is_bare(struct json_string key)
{
	return json_is(key, "accept") || json_is(key, "drop") || json_is(key, "continue") ||
	       json_is(key, "return") || json_is(key, "notrack");
}

static bool take_statement(struct cursor *c, struct json_rule *rule)
{
	struct json_string key;
	bool ok;

	if (!json_take(c, '{') || !json_take_key(c, &key))
		return false;
	if (json_is(key, "match"))
		ok = take_match(c, rule);
	else if (json_is(key, "counter"))
		ok = take_counter(c, rule);
	else if (is_bare(key))
		ok = take_literal(c, "null");
	else if (json_is(key, "jump") || json_is(key, "goto") || json_is(key, "limit"))
		ok = take_flat(c, rule);
	else if (json_is(key, "log") || json_is(key, "reject"))
		ok = take_literal(c, "null") || take_flat(c, rule);
	else
		ok = false;
	return ok && json_take(c, '}');
}

static bool take_statements(struct cursor *c, struct json_rule *rule)
{
	if (!json_take(c, '['))
		return false;
	do {
		if (!take_statement(c, rule))
			return false;
	} while (json_take(c, ','));
	return json_take(c, ']');
}

/* ------------------------------------------------------------------ rules */

static bool take_comment(struct cursor *c, struct json_rule *rule)
{
	struct json_string comment;

	if (!json_take_string(c, &comment))
		return false;
	if (add_hole(rule, MARK_COMMENT, 0, comment))
		add_symbol(rule, comment);
	return true;
}

static bool take_handle(struct cursor *c, struct json_rule *rule)
{
	struct json_string number;

	return take_number(c, rule, &number) && add_hole(rule, MARK_HANDLE, 0, number);
}

static bool take_member(struct cursor *c, struct json_string key, struct json_rule *rule)
{
	if (json_is(key, "comment"))
		return take_comment(c, rule);
	if (json_is(key, "handle"))
		return take_handle(c, rule);
	return json_is(key, "expr") && take_statements(c, rule);
}

static struct json_string *name_of(struct json_string key, struct json_rule *rule)
{
	if (json_is(key, "family"))
		return &rule->family;
	if (json_is(key, "table"))
		return &rule->table;
	return json_is(key, "chain") ? &rule->chain : NULL;
}

bool json_rule_read(struct cursor *c, struct json_rule *ret_rule)
{
	struct json_rule rule = {.plain = true};
	struct json_string key, *name;

	if (!json_take(c, '{'))
		return false;
	do {
		const char *value;

		if (!json_take_key(c, &key) || json_is(key, "index"))
			return false;
		value = c->at;
		name = name_of(key, &rule);
		if (name ? json_take_string(c, name) : take_member(c, key, &rule))
			continue;
		rule.plain = false;
		c->at = value;
		if (name || !json_cursor_skip_value(c))
			return false;
	} while (json_take(c, ','));
	if (!json_take(c, '}') || !rule.family.start || !rule.table.start || !rule.chain.start)
		return false;
	*ret_rule = rule;
	return true;
}
