/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where sets and their elements are in libnftables JSON. Whether it is JSON at all is judged later, of
 * what is left: what is not as expected gives the lifting up. */
#include "document/json_scan.h"
#include "document/lift.h"

#include <stdlib.h>
#include <string.h>

struct string {
	const char *start;
	size_t length;
};

static void skip_space(struct cursor *c)
{
	while (c->at < c->end &&
	       (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
		c->at++;
}

/* That character, behind white space. */
static bool take(struct cursor *c, char wanted)
{
	skip_space(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool sees(struct cursor *c, char wanted)
{
	skip_space(c);
	return c->at < c->end && *c->at == wanted;
}

/* A string without escapes. */
static bool take_string(struct cursor *c, struct string *ret_string)
{
	const char *end;

	if (!take(c, '"'))
		return false;
	end = memchr(c->at, '"', (size_t)(c->end - c->at));
	if (!end || memchr(c->at, '\\', (size_t)(end - c->at)))
		return false;
	*ret_string = (struct string){c->at, (size_t)(end - c->at)};
	c->at = end + 1;
	return true;
}

static bool is(struct string string, const char *text)
{
	return string.length == strlen(text) && !memcmp(string.start, text, string.length);
}

/* Any value. */
static bool skip_value(struct cursor *c)
{
	const struct json_text text = {c->text, (size_t)(c->end - c->text)};
	size_t begin, end;

	skip_space(c);
	begin = (size_t)(c->at - c->text);
	end = json_skip_value(text, begin);
	if (end == begin || end > text.length)
		return false;
	c->at = c->text + end;
	return true;
}

static bool take_key(struct cursor *c, struct string *ret_key)
{
	return take_string(c, ret_key) && take(c, ':');
}

/* ------------------------------------------------------------------ sets */

/* What is found of a set before its names are known. */
struct found {
	struct string family, table, name;
	struct lift_set set;
	struct lift_place place;
	bool has_place;
};

static bool add_type(struct found *found, struct string word)
{
	return lift_add_type(&found->set, word.start, word.length);
}

static bool add_flag(struct found *found, struct string word)
{
	found->set.layout.intervals |= is(word, "interval");
	return is(word, "interval") || is(word, "constant");
}

/* A word, or a list of them. */
static bool take_words(struct cursor *c, struct found *found,
		       bool add(struct found *found, struct string word))
{
	struct string word;

	if (!take(c, '['))
		return take_string(c, &word) && add(found, word);
	do {
		if (!take_string(c, &word) || !add(found, word))
			return false;
	} while (take(c, ','));
	return take(c, ']');
}

/* The list; what is cut is the member, with the comma before or behind it. */
static bool take_list(struct cursor *c, struct found *found, const char *key, const char *comma)
{
	if (found->has_place || !sees(c, '['))
		return false;
	found->has_place = true;
	found->place.variable = LIFT_NONE;
	found->place.source = found->place.cut.source = c->source;
	found->place.begin = (size_t)(c->at + 1 - c->text);
	if (!skip_value(c) || c->at[-1] != ']')
		return false;
	found->place.end = (size_t)(c->at - 1 - c->text);
	found->place.cut.begin = (size_t)((comma ? comma : key) - c->text);
	found->place.cut.end = (size_t)(c->at - c->text);
	if (!comma && sees(c, ','))
		found->place.cut.end = (size_t)(c->at + 1 - c->text);
	return true;
}

static bool take_flag(struct cursor *c, bool *ret_value)
{
	skip_space(c);
	*ret_value = c->at < c->end && *c->at == 't';
	return skip_value(c);
}

/* One member. False where the set is not a plain one; then the value was not read. */
static bool take_member(struct cursor *c, struct found *found, struct string key, const char *comma)
{
	if (is(key, "family"))
		return take_string(c, &found->family);
	if (is(key, "table"))
		return take_string(c, &found->table);
	if (is(key, "name"))
		return take_string(c, &found->name);
	if (is(key, "type"))
		return take_words(c, found, add_type);
	if (is(key, "flags"))
		return take_words(c, found, add_flag);
	if (is(key, "auto-merge"))
		return take_flag(c, &found->set.merge);
	if (is(key, "elem"))
		return take_list(c, found, key.start - 1, comma);
	if (is(key, "size")) {
		struct cursor number = *c;

		skip_space(&number);
		lift_read_size(&number, &found->set.size);
		return skip_value(c);
	}
	return (is(key, "handle") || is(key, "policy") || is(key, "comment")) && skip_value(c);
}

/* The set that it was found of. NULL (and given up) without memory. */
static struct lift_set *set_of(struct cursor *c, const struct found *found)
{
	char *family = strndup(found->family.start, found->family.length);
	char *table = strndup(found->table.start, found->table.length);
	char *name = strndup(found->name.start, found->name.length);
	struct lift_set *set = NULL;

	if (family && table && name)
		set = lift_find(c->lift, family_parse(family), table, name);
	free(family);
	free(table);
	free(name);
	c->lift->given_up |= !set || (found->has_place && !array_push(&set->places, found->place));
	return set;
}

static bool is_named(const struct found *found)
{
	return found->family.start && found->table.start && found->name.start;
}

/* The body of "set". */
static bool read_set(struct cursor *c)
{
	struct found found = {.set.plain = true};
	const char *comma = NULL;
	struct lift_set *set;
	struct string key;

	if (!take(c, '{'))
		return false;
	do {
		const char *value;

		comma = c->at[-1] == ',' ? c->at - 1 : NULL;
		if (!take_key(c, &key))
			return false;
		value = c->at;
		if (!take_member(c, &found, key, comma)) {
			found.set.plain = false;
			c->at = value;
			if (!skip_value(c))
				return false;
		}
	} while (take(c, ','));
	if (!take(c, '}') || !is_named(&found) || !(set = set_of(c, &found)))
		return false;
	set->layout = found.set.layout;
	set->merge = found.set.merge;
	set->size = found.set.size;
	set->plain = set->plain && found.set.plain && !set->declared;
	set->declared = true;
	return true;
}

/* The body of "element"; what is cut is the command. */
static bool read_element_command(struct cursor *c, bool plain, struct lift_set **ret_set)
{
	struct found found = {0};
	struct string key;
	struct lift_set *set;

	if (!take(c, '{'))
		return false;
	do {
		if (!take_key(c, &key))
			return false;
		if (is(key, "family") || is(key, "table") || is(key, "name") || is(key, "elem")) {
			if (!take_member(c, &found, key, NULL))
				return false;
		} else if (!skip_value(c)) {
			return false;
		} else {
			plain = false;
		}
	} while (take(c, ','));
	if (!take(c, '}') || !is_named(&found) || !(set = set_of(c, &found)))
		return false;
	set->plain = set->plain && plain && found.has_place;
	*ret_set = found.has_place ? set : NULL;
	return true;
}

/* ------------------------------------------------------------------ commands */

/* The last place of the set is the command from `begin` to where the cursor is: that becomes one that says
 * nothing, so that those behind it keep their numbers. */
static void cut_command(struct cursor *c, struct lift_set *set, const char *begin)
{
	struct lift_cut *cut = &set->places.v[set->places.n - 1].cut;

	cut->begin = (size_t)(begin - c->text);
	cut->end = (size_t)(c->at - c->text);
	cut->instead = "{\"metainfo\":{}}";
}

static bool read_command(struct cursor *c)
{
	struct lift_set *set = NULL; /* that the command adds elements to */
	bool wrapped, plain, ok;
	const char *begin;
	struct string word;

	if (!sees(c, '{'))
		return false;
	begin = c->at;
	if (!take(c, '{') || !take_key(c, &word) || (is(word, "flush") && lift_has_lists(c->lift)))
		return false;
	wrapped = is(word, "add") || is(word, "create") || is(word, "insert");
	plain = !wrapped || is(word, "add"); /* others may fail */
	if (wrapped && (!take(c, '{') || !take_key(c, &word)))
		return false;
	ok = is(word, "set")	   ? read_set(c)
	     : is(word, "element") ? read_element_command(c, plain, &set)
				   : skip_value(c); /* what is no declaration is refused later */
	if (!ok || !take(c, '}') || (wrapped && !take(c, '}')))
		return false;
	if (set)
		cut_command(c, set, begin);
	return true;
}

static bool read_commands(struct cursor *c)
{
	struct string key;

	if (!take(c, '{') || !take_key(c, &key) || !is(key, "nftables") || !take(c, '['))
		return false;
	if (take(c, ']'))
		return true;
	do {
		if (!read_command(c))
			return false;
	} while (take(c, ','));
	return take(c, ']') && take(c, '}');
}

void lift_scan_json(struct lift *lift, size_t source)
{
	struct cursor c = lift_cursor(lift, source);

	lift->given_up |= !read_commands(&c);
}

/* ------------------------------------------------------------------ elements */

/* An address in quotes, or a port. */
static bool take_atom(struct cursor *c, enum lift_type type, uint8_t *ret_key)
{
	struct string string;
	const char *at;

	skip_space(c);
	if (type == LIFT_PORT)
		return lift_atom(&c->at, c->end, type, ret_key);
	if (!take_string(c, &string))
		return false;
	at = string.start;
	return lift_atom(&at, string.start + string.length, type, ret_key) &&
	       at == string.start + string.length;
}

/* {"addr": …, "len": …} */
static bool take_prefix(struct cursor *c, enum lift_type type, uint8_t *first, uint8_t *last)
{
	bool has_address = false, has_length = false;
	unsigned length = 0;
	struct string key;

	if (!take(c, '{'))
		return false;
	do {
		if (!take_key(c, &key))
			return false;
		if (is(key, "addr") && !has_address) {
			has_address = true;
			if (!take_atom(c, type, first))
				return false;
		} else if (is(key, "len") && !has_length) {
			has_length = true;
			skip_space(c);
			if (!lift_number(&c->at, c->end, 128, &length))
				return false;
		} else {
			return false;
		}
	} while (take(c, ','));
	return take(c, '}') && has_address && has_length && lift_prefix(type, length, first, last);
}

static bool take_range(struct cursor *c, enum lift_type type, uint8_t *first, uint8_t *last)
{
	size_t length = type == LIFT_IPV6 ? 16 : type == LIFT_IPV4 ? 4 : 2;

	return take(c, '[') && take_atom(c, type, first) && take(c, ',') &&
	       take_atom(c, type, last) && take(c, ']') && memcmp(first, last, length) <= 0;
}

static bool take_interval(struct cursor *c, enum lift_type type, uint8_t *first, uint8_t *last)
{
	struct string key;

	if (!sees(c, '{')) {
		if (!take_atom(c, type, first))
			return false;
		memcpy(last, first, LIFT_KEY_MAX);
		return true;
	}
	return take(c, '{') && take_key(c, &key) &&
	       (is(key, "prefix")  ? take_prefix(c, type, first, last)
		: is(key, "range") ? take_range(c, type, first, last)
				   : false) &&
	       take(c, '}');
}

/* {"concat": […]} */
static bool take_fields(struct cursor *c, const struct lift_layout *layout, uint8_t *key)
{
	struct string word;

	if (!take(c, '{') || !take_key(c, &word) || !is(word, "concat") || !take(c, '['))
		return false;
	for (unsigned i = 0; i < layout->fields; i++) {
		if ((i && !take(c, ',')) || !take_atom(c, layout->type[i], key))
			return false;
		key += layout->type[i] == LIFT_IPV6 ? 16 : 4;
	}
	return take(c, ']') && take(c, '}');
}

static bool take_element(struct cursor *c, const struct lift_layout *layout, uint8_t *first,
			 uint8_t *last)
{
	memset(first, 0, LIFT_KEY_MAX);
	if (layout->intervals)
		return take_interval(c, layout->type[0], first, last);
	return layout->fields > 1 ? take_fields(c, layout, first)
				  : take_atom(c, layout->type[0], first);
}

bool lift_read_json(const char *at, const char *end, const struct lift_layout *layout,
		    struct lift_keys *keys)
{
	struct cursor c = {.text = at, .at = at, .end = end};
	uint8_t first[LIFT_KEY_MAX], last[LIFT_KEY_MAX];

	do {
		if (!take_element(&c, layout, first, last))
			return false;
		lift_push(keys, lift_width(layout), first, layout->intervals ? last : NULL);
	} while (take(&c, ','));
	skip_space(&c);
	return c.at == c.end && !keys->bytes.failed;
}
