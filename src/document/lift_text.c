/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where sets and their elements are in nft text. */
#include "document/lift.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ words */

/* A word, or a single other character; a statement's end is a line end or ';'. */
struct word {
	const char *start;
	size_t length; /* 0: the end of the text */
};

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_-./:*@$", c));
}

static struct word next_in(struct cursor *c, bool lines)
{
	struct word word;

	lift_skip_blanks(c, lines);
	word = (struct word){c->at, 0};
	if (c->at < c->end && *c->at == '"') {
		const char *end = memchr(c->at + 1, '"', (size_t)(c->end - c->at - 1));

		c->at = end ? end + 1 : c->end;
	} else {
		while (c->at < c->end && is_word_byte(*c->at))
			c->at++;
		if (c->at == word.start && c->at < c->end)
			c->at++;
	}
	word.length = (size_t)(c->at - word.start);
	return word;
}

/* The next word of the statement. */
static struct word next(struct cursor *c)
{
	return next_in(c, true);
}

static bool is(struct word word, const char *text)
{
	return word.length == strlen(text) && !memcmp(word.start, text, word.length);
}

static bool is_any(struct word word, const char *const *list)
{
	for (; *list; list++)
		if (is(word, *list))
			return true;
	return false;
}

static bool ends_statement(struct word word)
{
	return !word.length || is(word, "\n") || is(word, ";");
}

/* Behind the '}' of a block whose '{' was read. */
static void skip_block(struct cursor *c)
{
	for (unsigned depth = 1; depth;) {
		struct word word = next_in(c, false);

		if (!word.length) {
			c->lift->given_up = true;
			return;
		}
		depth += is(word, "{");
		depth -= is(word, "}");
	}
}

/* What is left of a statement, with the blocks in it; a '}' that is not its own stays. */
static void skip_statement(struct cursor *c)
{
	for (;;) {
		const char *before = c->at;
		struct word word = next(c);

		if (is(word, "}")) {
			c->at = before;
			return;
		}
		if (ends_statement(word))
			return;
		if (is(word, "{"))
			skip_block(c);
	}
}

/* ------------------------------------------------------------------ sets */

/* What stands between the words of a list. False at the statement's end, of which *ret_fine tells whether
 * it was one. */
static bool goes_on(struct cursor *c, const char *separator, bool *ret_fine)
{
	const char *before = c->at;
	struct word word = next(c);

	if (is(word, separator))
		return true;
	*ret_fine = ends_statement(word) || is(word, "}");
	if (is(word, "}"))
		c->at = before;
	return false;
}

/* "ipv4_addr . inet_service" */
static bool read_type(struct cursor *c, struct lift_set *set)
{
	bool fine;

	do {
		struct word word = next(c);

		if (!lift_add_type(set, word.start, word.length))
			return false;
	} while (goes_on(c, ".", &fine));
	return fine;
}

static const char *const addresses[] = {"saddr", "daddr", NULL};
static const char *const ports[] = {"sport", "dport", NULL};
static const char *const transports[] = {"tcp", "udp", "th", "sctp", "dccp", "udplite", NULL};

/* "ip saddr . tcp dport" */
static bool read_typeof(struct cursor *c, struct lift_set *set)
{
	bool fine;

	do {
		struct word protocol = next(c), field = next(c);
		const char *type = NULL;

		if (is(protocol, "ip") && is_any(field, addresses))
			type = "ipv4_addr";
		else if (is(protocol, "ip6") && is_any(field, addresses))
			type = "ipv6_addr";
		else if (is_any(protocol, transports) && is_any(field, ports))
			type = "inet_service";
		if (!type || !lift_add_type(set, type, strlen(type)))
			return false;
	} while (goes_on(c, ".", &fine));
	return fine;
}

static bool read_flags(struct cursor *c, struct lift_set *set)
{
	bool fine;

	do {
		struct word word = next(c);

		if (is(word, "interval"))
			set->layout.intervals = true;
		else if (!is(word, "constant"))
			return false;
	} while (goes_on(c, ",", &fine));
	return fine;
}

/* Up to the '}' of a list whose '{' was read; lists with blocks or names in them are not plain. There is
 * a NUL behind the text. */
static bool find_list_end(struct cursor *c, struct lift_place *place)
{
	static const bool stops[256] = {[0] = true,   ['}'] = true, ['#'] = true, ['{'] = true,
					['"'] = true, ['$'] = true, ['\\'] = true};

	place->begin = (size_t)(c->at - c->text);
	for (;;) {
		while (!stops[(uint8_t)*c->at])
			c->at++;
		if (*c->at == '}' || c->at >= c->end)
			break;
		if (*c->at != '#')
			return false;
		lift_skip_blanks(c, true);
	}
	place->end = (size_t)(c->at - c->text);
	c->at += c->at < c->end;
	place->cut_end = (size_t)(c->at - c->text);
	return place->cut_end > place->end;
}

/* Behind the '{' of elements. What is cut begins at `begin`. */
static void read_list(struct cursor *c, struct lift_set *set, const char *begin)
{
	struct lift_place place = {.source = c->source, .cut_begin = (size_t)(begin - c->text)};
	const char *list = c->at;

	if (!find_list_end(c, &place)) {
		c->at = list;
		skip_block(c);
		set->plain = false;
	} else if (!array_push(&set->places, place)) {
		c->lift->given_up = true;
	}
}

/* One statement of a set; false where it is not a plain one. */
static bool read_set_statement(struct cursor *c, struct lift_set *set, struct word word)
{
	if (is(word, "type"))
		return read_type(c, set);
	if (is(word, "typeof"))
		return read_typeof(c, set);
	if (is(word, "flags"))
		return read_flags(c, set);
	if (is(word, "auto-merge"))
		return set->merge = true;
	if (is(word, "elements")) {
		const char *begin = word.start;
		struct word equals = next(c), brace = next_in(c, false);

		if (!is(equals, "=") || !is(brace, "{"))
			return false;
		read_list(c, set, begin);
		return true;
	}
	if (is(word, "size")) {
		bool first = !set->size.value;

		lift_skip_blanks(c, true);
		lift_read_size(c, &set->size);
		return first;
	}
	return is(word, "policy") || is(word, "comment");
}

static void read_set(struct cursor *c, struct lift_set *set)
{
	bool again = set->layout.fields || set->places.n;

	set->plain = set->plain && !again; /* said twice: nft judges whether it is the same */
	for (;;) {
		const char *before;
		struct word word = next_in(c, false);

		if (!word.length)
			c->lift->given_up = true;
		if (!word.length || is(word, "}"))
			return;
		if (is(word, ";"))
			continue;
		before = c->at;
		if (!read_set_statement(c, set, word)) {
			set->plain = false;
			c->at = before;
		}
		if (c->at > before && ends_statement((struct word){c->at - 1, 1}))
			continue;
		skip_statement(c);
	}
}

static struct lift_set *find_set(struct cursor *c, uint8_t family, const char *table,
				 struct word name)
{
	char *text = strndup(name.start, name.length);
	struct lift_set *set = text ? lift_find(c->lift, family, table, text) : NULL;

	free(text);
	c->lift->given_up |= !set;
	return set;
}

static void read_table(struct cursor *c, uint8_t family, const char *table)
{
	while (!c->lift->given_up) {
		struct word word = next_in(c, false), name;
		struct lift_set *set;

		if (!word.length)
			c->lift->given_up = true;
		if (!word.length || is(word, "}"))
			return;
		if (is(word, ";"))
			continue;
		if (is(word, "include")) {
			c->lift->given_up = true;
			return;
		}
		if (!is(word, "set")) {
			skip_statement(c);
			continue;
		}
		name = next(c);
		if (!is(next_in(c, false), "{"))
			c->lift->given_up = true;
		else if ((set = find_set(c, family, table, name)))
			read_set(c, set);
	}
}

/* ------------------------------------------------------------------ commands */

/* FAMILY NAME, or NAME alone. False if it is not there. */
static bool read_owner(struct cursor *c, uint8_t *ret_family, char **ret_table)
{
	struct word word = next(c);
	char *text = strndup(word.start, word.length);

	*ret_family = text ? family_parse(text) : 0;
	if (*ret_family) {
		free(text);
		word = next(c);
		text = strndup(word.start, word.length);
	} else {
		*ret_family = family_parse("ip");
	}
	*ret_table = text;
	return text && word.length && is_word_byte(*word.start);
}

static void read_table_command(struct cursor *c)
{
	char *table = NULL;
	uint8_t family;
	struct word word;

	if (!read_owner(c, &family, &table)) {
		c->lift->given_up = true;
	} else {
		word = next(c);
		if (is(word, "{"))
			read_table(c, family, table);
		else
			c->lift->given_up |= !ends_statement(word);
	}
	free(table);
}

/* add element FAMILY TABLE SET { … }; `begin` is where the command begins. */
static void read_element_command(struct cursor *c, const char *begin)
{
	char *table = NULL;
	uint8_t family;
	struct lift_set *set;

	if (!read_owner(c, &family, &table) || !(set = find_set(c, family, table, next(c))) ||
	    !is(next(c), "{"))
		c->lift->given_up = true;
	else
		read_list(c, set, begin);
	free(table);
}

static void read_add(struct cursor *c, const char *begin)
{
	static const char *const harmless[] = {"rule",	"chain", "map", "counter", "flowtable",
					       "quota", "limit", "ct",	NULL};
	struct word word = next(c);
	char *table = NULL;
	uint8_t family;
	struct lift_set *set;

	if (is(word, "element")) {
		read_element_command(c, begin);
	} else if (is(word, "table")) {
		read_table_command(c);
	} else if (is(word, "set")) {
		if (!read_owner(c, &family, &table) ||
		    !(set = find_set(c, family, table, next(c))) || !is(next(c), "{"))
			c->lift->given_up = true;
		else
			read_set(c, set);
		free(table);
	} else if (is_any(word, harmless)) {
		skip_statement(c);
	} else {
		c->lift->given_up = true;
	}
}

static bool has_lists(const struct lift *lift)
{
	array_for_each(set, &lift->sets) {
		if (set->places.n)
			return true;
	}
	return false;
}

void lift_scan_text(struct lift *lift, size_t source)
{
	static const char *const clearing[] = {"flush", "delete", "destroy", NULL};
	const char *text = buf_text(lift->bytes[source]);
	struct cursor c = {.text = text,
			   .at = text,
			   .end = text + lift->bytes[source]->len,
			   .lift = lift,
			   .source = source};

	while (!lift->given_up) {
		struct word word = next_in(&c, false);

		if (!word.length)
			return;
		if (is(word, ";"))
			continue;
		if (is(word, "table"))
			read_table_command(&c);
		else if (is(word, "add"))
			read_add(&c, word.start);
		else if (is(word, "define"))
			skip_statement(&c);
		else if (is_any(word, clearing) && !has_lists(lift))
			skip_statement(&c); /* what it clears came before */
		else
			lift->given_up = true;
	}
}
