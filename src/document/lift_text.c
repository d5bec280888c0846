/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where sets and their elements are in nft text. */
#include "document/lift_words.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ sets */

/* What stands between the words of a list. False at the statement's end, of which *ret_fine tells whether
 * it was one. */
static bool goes_on(struct cursor *c, const char *separator, bool *ret_fine)
{
	struct cursor before = *c;
	struct word word = lift_next(c);

	if (word_is(word, separator))
		return true;
	*ret_fine = word_ends_statement(word) || word_is(word, "}");
	if (word_is(word, "}"))
		*c = before;
	return false;
}

/* "ipv4_addr . inet_service" */
static bool read_type(struct cursor *c, struct lift_set *set)
{
	bool fine;

	do {
		struct word word = lift_next(c);

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
		struct word protocol = lift_next(c), field = lift_next(c);
		const char *type = NULL;

		if (word_is(protocol, "ip") && word_is_any(field, addresses))
			type = "ipv4_addr";
		else if (word_is(protocol, "ip6") && word_is_any(field, addresses))
			type = "ipv6_addr";
		else if (word_is_any(protocol, transports) && word_is_any(field, ports))
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
		struct word word = lift_next(c);

		if (word_is(word, "interval"))
			set->layout.intervals = true;
		else if (!word_is(word, "constant"))
			return false;
	} while (goes_on(c, ",", &fine));
	return fine;
}

/* Up to the '}' of a list whose '{' was read, or to a variable in it; lists with blocks or names in them are
 * not plain. There is a NUL behind the text. */
static bool find_list_end(struct cursor *c, size_t *ret_begin, size_t *ret_end)
{
	static const bool stops[256] = {[0] = true,   ['}'] = true, ['#'] = true, ['{'] = true,
					['"'] = true, ['$'] = true, ['\\'] = true};

	*ret_begin = (size_t)(c->at - c->text);
	for (;;) {
		while (!stops[(uint8_t)*c->at])
			c->at++;
		if (*c->at != '#')
			break;
		lift_skip_blanks(c, true);
	}
	*ret_end = (size_t)(c->at - c->text);
	return c->at < c->end && (*c->at == '}' || *c->at == '$');
}

/* Where a word stands that was just read. */
static struct cursor at_word(const struct cursor *c, struct word word)
{
	struct cursor at = *c;

	at.at = word.start;
	return at;
}

/* What is cut when it is taken: from `begin`, in the source of that cursor, to where the cursor is. */
static struct lift_cut cut_from(const struct cursor *c, const struct cursor *begin)
{
	return (struct lift_cut){.source = c->source,
				 .begin = (size_t)(begin->at - begin->text),
				 .end = (size_t)(c->at - c->text)};
}

static void add_place(struct cursor *c, struct lift_set *set, struct lift_place place)
{
	if (!array_push(&set->places, place))
		c->lift->given_up = true;
}

/* A variable that was read as elements of a set. */
static bool use_variable(struct cursor *c, struct lift_set *set, struct word word,
			 struct lift_cut cut)
{
	struct lift_variable *variable =
		lift_find_variable(c->lift, word.start + 1, word.length - 1);

	if (!variable || !variable->plain || cut.source != c->source ||
	    (variable->table && variable->table != c->table))
		return false;
	variable->uses++;
	add_place(c, set,
		  (struct lift_place){.source = variable->cut.source,
				      .begin = variable->begin,
				      .end = variable->end,
				      .cut = cut,
				      .variable = (size_t)(variable - c->lift->variables.v)});
	return true;
}

/* What stands in front of a variable in a list: nothing, or elements with a ',' behind them. */
static bool ends_in_comma(const char *begin, const char *end)
{
	while (end > begin && strchr(" \t\n", end[-1]))
		end--;
	return end == begin || end[-1] == ',';
}

/* The elements up to the '}', which is read. False if they are not plain; nft takes no list without any. */
static bool read_items(struct cursor *c, struct lift_set *set)
{
	struct lift_place place = {.source = c->source, .variable = LIFT_NONE};

	lift_skip_blanks(c, false);
	if (c->at < c->end && *c->at == '}')
		return false;
	for (;;) {
		struct word word;

		if (!find_list_end(c, &place.begin, &place.end))
			return false;
		if (place.end > place.begin)
			add_place(c, set, place);
		word = lift_next(c);
		if (word_is(word, "}"))
			return true;
		if (!word_is_variable(word) ||
		    !ends_in_comma(c->text + place.begin, c->text + place.end) ||
		    !use_variable(c, set, word, (struct lift_cut){.source = place.source}))
			return false;
		word = lift_next_in(c, false);
		if (word_is(word, "}") || !word_is(word, ",") || c->source != place.source)
			return word_is(word, "}") && c->source == place.source;
	}
}

/* Behind the '{' of elements; what is cut begins at `begin`. */
static void read_list(struct cursor *c, struct lift_set *set, const struct cursor *begin)
{
	struct cursor list = *c;

	if (begin->source == c->source && read_items(c, set)) {
		add_place(c, set,
			  (struct lift_place){.source = c->source,
					      .variable = LIFT_NONE,
					      .cut = cut_from(c, begin)});
	} else {
		*c = list;
		lift_skip_block(c);
		set->plain = false;
	}
}

/* What a set's elements are: a list, or a variable that holds one. */
static bool read_elements(struct cursor *c, struct lift_set *set, const struct cursor *begin)
{
	struct word word = lift_next(c);

	set->lists++;
	if (word_is_variable(word))
		return begin->source == c->source && use_variable(c, set, word, cut_from(c, begin));
	if (!word_is(word, "{"))
		return false;
	read_list(c, set, begin);
	return true;
}

/* NAME = { … }, behind `define`, at which `begin` stands. */
static void read_definition(struct cursor *c, const struct cursor *begin)
{
	struct word name = lift_next(c);
	struct lift_variable *variable = NULL, found = {.table = c->table};
	struct cursor value;

	if (!c->ended && word_is(lift_next(c), "=") && word_is(lift_next(c), "{")) {
		value = *c;
		found.plain = begin->source == c->source &&
			      find_list_end(c, &found.begin, &found.end) &&
			      word_is(lift_next(c), "}");
		found.cut = cut_from(c, begin);
		if (!found.plain) {
			*c = value;
			lift_skip_block(c);
		}
		lift_next(c);
		found.plain &= c->ended;
		variable = lift_find_variable(c->lift, name.start, name.length);
	}
	if (variable && found.plain && variable->definitions == 1 && !variable->mentions) {
		variable->table = found.table;
		variable->cut = found.cut;
		variable->begin = found.begin;
		variable->end = found.end;
		variable->plain = true;
	}
	if (!c->ended)
		lift_skip_statement(c);
}

/* How a statement of a set was read. */
enum statement {
	STATEMENT_ODD,	/* it is not a plain one */
	STATEMENT_READ, /* up to its end, or to what does not matter in it */
	STATEMENT_OPEN, /* and another may follow without a line end */
};

static enum statement read_plainly(bool plain)
{
	return plain ? STATEMENT_READ : STATEMENT_ODD;
}

/* `begin` stands at the word, which was read. */
static enum statement read_set_statement(struct cursor *c, struct lift_set *set, struct word word,
					 const struct cursor *begin)
{
	bool first;

	if (word_is(word, "type"))
		return read_plainly(read_type(c, set));
	if (word_is(word, "typeof"))
		return read_plainly(read_typeof(c, set));
	if (word_is(word, "flags"))
		return read_plainly(read_flags(c, set));
	if (word_is(word, "auto-merge")) {
		set->merge = true;
		return STATEMENT_OPEN;
	}
	if (word_is(word, "elements")) {
		first = !set->has_elements; /* nft forgets the first for a second */
		set->has_elements = true;
		return word_is(lift_next(c), "=") && read_elements(c, set, begin) && first
			       ? STATEMENT_OPEN
			       : STATEMENT_ODD;
	}
	if (word_is(word, "size")) {
		first = !set->size.value;
		lift_skip_blanks(c, true);
		lift_read_size(c, &set->size);
		return read_plainly(first);
	}
	return read_plainly(word_is(word, "policy") || word_is(word, "comment"));
}

static void read_set(struct cursor *c, struct lift_set *set)
{
	set->plain = set->plain && !set->declared && !set->places.n; /* twice: nft judges it */
	set->declared = true;
	for (;;) {
		struct cursor begin, behind;
		enum statement how;
		struct word word;

		do
			word = lift_next_in(c, false);
		while (word_is(word, ";"));
		if (!word.length)
			c->lift->given_up = true;
		if (word_is(word, "}") || c->lift->given_up)
			return;
		begin = at_word(c, word);
		behind = *c;
		how = read_set_statement(c, set, word, &begin);
		if (how == STATEMENT_ODD) {
			set->plain = false;
			*c = behind;
		}
		if (how != STATEMENT_OPEN && !c->ended)
			lift_skip_statement(c);
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

static void read_set_of_table(struct cursor *c, uint8_t family, const char *table)
{
	struct word name = lift_next(c);
	struct lift_set *set;

	if (!word_is(lift_next_in(c, false), "{"))
		c->lift->given_up = true;
	else if ((set = find_set(c, family, table, name)))
		read_set(c, set);
}

/* Behind the '{' of a table's block. */
static void read_table(struct cursor *c, uint8_t family, const char *table)
{
	c->table = ++c->tables;
	while (!c->lift->given_up) {
		struct word word = lift_next_in(c, false);
		struct cursor begin = at_word(c, word);

		c->lift->given_up |= !word.length || word_is(word, "include");
		if (word_is(word, "}"))
			break;
		if (word_is(word, ";"))
			continue;
		if (word_is(word, "set"))
			read_set_of_table(c, family, table);
		else if (word_is(word, "define"))
			read_definition(c, &begin);
		else
			lift_skip_statement(c);
	}
	c->table = 0;
}

/* ------------------------------------------------------------------ commands */

/* FAMILY NAME, or NAME alone. False if it is not there. */
static bool read_owner(struct cursor *c, uint8_t *ret_family, char **ret_table)
{
	struct word word = lift_next(c);
	char *text = strndup(word.start, word.length);

	*ret_family = text ? family_parse(text) : 0;
	if (*ret_family) {
		free(text);
		word = lift_next(c);
		text = strndup(word.start, word.length);
	} else {
		*ret_family = family_parse("ip");
	}
	*ret_table = text;
	return text && word.length && lift_is_word_byte(*word.start);
}

static void read_table_command(struct cursor *c)
{
	char *table = NULL;
	uint8_t family;
	struct word word;

	if (!read_owner(c, &family, &table)) {
		c->lift->given_up = true;
	} else {
		word = lift_next(c);
		if (word_is(word, "{"))
			read_table(c, family, table);
		else
			c->lift->given_up |= !word_ends_statement(word);
	}
	free(table);
}

/* add element FAMILY TABLE SET { … }; the command begins at `begin`. */
static void read_element_command(struct cursor *c, const struct cursor *begin)
{
	char *table = NULL;
	uint8_t family;
	struct lift_set *set;

	if (!read_owner(c, &family, &table) || !(set = find_set(c, family, table, lift_next(c))) ||
	    !read_elements(c, set, begin))
		c->lift->given_up = true;
	lift_next(c);
	c->lift->given_up |= !c->ended;
	free(table);
}

static void read_add(struct cursor *c, const struct cursor *begin)
{
	static const char *const harmless[] = {"rule",	"chain", "map", "counter", "flowtable",
					       "quota", "limit", "ct",	NULL};
	struct word word = lift_next(c);
	char *table = NULL;
	uint8_t family;
	struct lift_set *set;

	if (word_is(word, "element")) {
		read_element_command(c, begin);
	} else if (word_is(word, "table")) {
		read_table_command(c);
	} else if (word_is(word, "set")) {
		if (!read_owner(c, &family, &table) ||
		    !(set = find_set(c, family, table, lift_next(c))) ||
		    !word_is(lift_next(c), "{"))
			c->lift->given_up = true;
		else
			read_set(c, set);
		free(table);
	} else if (word_is_any(word, harmless)) {
		lift_skip_statement(c);
	} else {
		c->lift->given_up = true;
	}
}

void lift_scan_text(struct lift *lift)
{
	static const char *const clearing[] = {"flush", "delete", "destroy", NULL};
	static const char *const naming[] = {"redefine", "undefine", NULL};
	struct cursor c = lift_cursor(lift, 0);

	while (!lift->given_up) {
		struct word word = lift_next_in(&c, false);
		struct cursor begin = at_word(&c, word);

		if (!word.length)
			return;
		if (word_is(word, ";"))
			continue;
		if (word_is(word, "table"))
			read_table_command(&c);
		else if (word_is(word, "add"))
			read_add(&c, &begin);
		else if (word_is(word, "define"))
			read_definition(&c, &begin);
		else if (word_is_any(word, naming) ||
			 (word_is_any(word, clearing) && !lift_has_lists(lift)))
			lift_skip_statement(&c); /* what it clears came before */
		else
			lift->given_up = true;
	}
}
