/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where sets and their elements are in libnftables JSON. Whether it is JSON at all is judged later, of
 * what is left: what is not as expected gives the lifting up. */
#include "document/json_cursor.h"
#include "document/lift.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ sets */

/* What is found of a set before its names are known. */
struct found {
	struct json_string family, table, name;
	struct lift_set set;
	struct lift_place place;
	bool has_place;
};

static bool add_type(struct found *found, struct json_string word)
{
	return lift_add_type(&found->set, word.start, word.length);
}

static bool add_flag(struct found *found, struct json_string word)
{
	found->set.layout.intervals |= json_is(word, "interval");
	return json_is(word, "interval") || json_is(word, "constant");
}

/* A word, or a list of them. */
static bool take_words(struct cursor *c, struct found *found,
		       bool add(struct found *found, struct json_string word))
{
	struct json_string word;

	if (!json_take(c, '['))
		return json_take_string(c, &word) && add(found, word);
	do {
		if (!json_take_string(c, &word) || !add(found, word))
			return false;
	} while (json_take(c, ','));
	return json_take(c, ']');
}

/* The list; what is cut is the member, with the comma before or behind it. */
static bool take_list(struct cursor *c, struct found *found, const char *key, const char *comma)
{
	if (found->has_place || !json_sees(c, '['))
		return false;
	found->has_place = true;
	found->place.variable = LIFT_NONE;
	found->place.source = found->place.cut.source = c->source;
	found->place.begin = (size_t)(c->at + 1 - c->text);
	if (!json_cursor_skip_value(c) || c->at[-1] != ']')
		return false;
	found->place.end = (size_t)(c->at - 1 - c->text);
	found->place.cut.begin = (size_t)((comma ? comma : key) - c->text);
	found->place.cut.end = (size_t)(c->at - c->text);
	if (!comma && json_sees(c, ','))
		found->place.cut.end = (size_t)(c->at + 1 - c->text);
	return true;
}

static bool take_flag(struct cursor *c, bool *ret_value)
{
	json_cursor_skip_space(c);
	*ret_value = c->at < c->end && *c->at == 't';
	return json_cursor_skip_value(c);
}

/* One member. False where the set is not a plain one; then the value was not read. */
static bool take_member(struct cursor *c, struct found *found, struct json_string key,
			const char *comma)
{
	if (json_is(key, "family"))
		return json_take_string(c, &found->family);
	if (json_is(key, "table"))
		return json_take_string(c, &found->table);
	if (json_is(key, "name"))
		return json_take_string(c, &found->name);
	if (json_is(key, "type"))
		return take_words(c, found, add_type);
	if (json_is(key, "flags"))
		return take_words(c, found, add_flag);
	if (json_is(key, "auto-merge"))
		return take_flag(c, &found->set.merge);
	if (json_is(key, "elem"))
		return take_list(c, found, key.start - 1, comma);
	if (json_is(key, "size")) {
		struct cursor number = *c;

		json_cursor_skip_space(&number);
		lift_read_size(&number, &found->set.size);
		return json_cursor_skip_value(c);
	}
	return (json_is(key, "handle") || json_is(key, "policy") || json_is(key, "comment")) &&
	       json_cursor_skip_value(c);
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
	if (set)
		set->lists += found->has_place;
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
	struct json_string key;

	if (!json_take(c, '{'))
		return false;
	do {
		const char *value;

		comma = c->at[-1] == ',' ? c->at - 1 : NULL;
		if (!json_take_key(c, &key))
			return false;
		value = c->at;
		if (!take_member(c, &found, key, comma)) {
			found.set.plain = false;
			c->at = value;
			if (!json_cursor_skip_value(c))
				return false;
		}
	} while (json_take(c, ','));
	if (!json_take(c, '}') || !is_named(&found) || !(set = set_of(c, &found)))
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
	struct json_string key;
	struct lift_set *set;

	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key))
			return false;
		if (json_is(key, "family") || json_is(key, "table") || json_is(key, "name") ||
		    json_is(key, "elem")) {
			if (!take_member(c, &found, key, NULL))
				return false;
		} else if (!json_cursor_skip_value(c)) {
			return false;
		} else {
			plain = false;
		}
	} while (json_take(c, ','));
	if (!json_take(c, '}') || !is_named(&found) || !(set = set_of(c, &found)))
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
	struct json_string word;

	if (!json_sees(c, '{'))
		return false;
	begin = c->at;
	if (!json_take(c, '{') || !json_take_key(c, &word) ||
	    (json_is(word, "flush") && lift_has_lists(c->lift)))
		return false;
	wrapped = json_is(word, "add") || json_is(word, "create") || json_is(word, "insert");
	plain = !wrapped || json_is(word, "add"); /* others may fail */
	if (wrapped && (!json_take(c, '{') || !json_take_key(c, &word)))
		return false;
	ok = json_is(word, "set") ? read_set(c)
	     : json_is(word, "element")
		     ? read_element_command(c, plain, &set)
		     : json_cursor_skip_value(c); /* what is no declaration is refused later */
	if (!ok || !json_take(c, '}') || (wrapped && !json_take(c, '}')))
		return false;
	if (set)
		cut_command(c, set, begin);
	return true;
}

static bool read_commands(struct cursor *c)
{
	struct json_string key;

	if (!json_take(c, '{') || !json_take_key(c, &key) || !json_is(key, "nftables") ||
	    !json_take(c, '['))
		return false;
	if (json_take(c, ']'))
		return true;
	do {
		if (!read_command(c))
			return false;
	} while (json_take(c, ','));
	return json_take(c, ']') && json_take(c, '}');
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
	struct json_string string;
	const char *at;

	json_cursor_skip_space(c);
	if (type == LIFT_PORT)
		return lift_atom(&c->at, c->end, type, ret_key);
	if (!json_take_string(c, &string))
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
	struct json_string key;

	if (!json_take(c, '{'))
		return false;
	do {
		if (!json_take_key(c, &key))
			return false;
		if (json_is(key, "addr") && !has_address) {
			has_address = true;
			if (!take_atom(c, type, first))
				return false;
		} else if (json_is(key, "len") && !has_length) {
			has_length = true;
			json_cursor_skip_space(c);
			if (!lift_number(&c->at, c->end, 128, &length))
				return false;
		} else {
			return false;
		}
	} while (json_take(c, ','));
	return json_take(c, '}') && has_address && has_length &&
	       lift_prefix(type, length, first, last);
}

static bool take_range(struct cursor *c, enum lift_type type, uint8_t *first, uint8_t *last)
{
	size_t length = type == LIFT_IPV6 ? 16 : type == LIFT_IPV4 ? 4 : 2;

	return json_take(c, '[') && take_atom(c, type, first) && json_take(c, ',') &&
	       take_atom(c, type, last) && json_take(c, ']') && memcmp(first, last, length) <= 0;
}

static bool take_interval(struct cursor *c, enum lift_type type, uint8_t *first, uint8_t *last)
{
	struct json_string key;

	if (!json_sees(c, '{')) {
		if (!take_atom(c, type, first))
			return false;
		memcpy(last, first, LIFT_KEY_MAX);
		return true;
	}
	return json_take(c, '{') && json_take_key(c, &key) &&
	       (json_is(key, "prefix")	? take_prefix(c, type, first, last)
		: json_is(key, "range") ? take_range(c, type, first, last)
					: false) &&
	       json_take(c, '}');
}

/* {"concat": […]} */
static bool take_fields(struct cursor *c, const struct lift_layout *layout, uint8_t *key)
{
	struct json_string word;

	if (!json_take(c, '{') || !json_take_key(c, &word) || !json_is(word, "concat") ||
	    !json_take(c, '['))
		return false;
	for (unsigned i = 0; i < layout->fields; i++) {
		if ((i && !json_take(c, ',')) || !take_atom(c, layout->type[i], key))
			return false;
		key += layout->type[i] == LIFT_IPV6 ? 16 : 4;
	}
	return json_take(c, ']') && json_take(c, '}');
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
	} while (json_take(&c, ','));
	json_cursor_skip_space(&c);
	return c.at == c.end && !keys->bytes.failed;
}
