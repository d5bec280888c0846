/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/lift.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of text: below, libnftables is quick enough. About a thousand addresses. */
enum { LONG = 16384, SIZE_VALUE_MAX = 100000000 };

void long_lists_free(long_lists *lists)
{
	array_for_each(list, lists) {
		free(list->table);
		free(list->set);
		packed_free(&list->keys);
	}
	array_free(lists);
}

static void lift_free(struct lift *lift)
{
	array_for_each(set, &lift->sets) {
		free(set->table);
		free(set->set);
		array_free(&set->places);
	}
	array_free(&lift->sets);
}

struct lift_set *lift_find(struct lift *lift, uint8_t family, const char *table, const char *set)
{
	struct lift_set fresh = {.family = family, .plain = true};

	array_for_each(one, &lift->sets) {
		if (one->family == family && !strcmp(one->table, table) && !strcmp(one->set, set))
			return one;
	}
	fresh.table = strdup(table);
	fresh.set = strdup(set);
	if (fresh.table && fresh.set && array_push(&lift->sets, fresh))
		return &lift->sets.v[lift->sets.n - 1];
	free(fresh.table);
	free(fresh.set);
	lift->given_up = true;
	return NULL;
}

bool lift_add_type(struct lift_set *set, const char *word, size_t length)
{
	static const struct {
		const char *word;
		enum lift_type type;
	} types[] = {
		{"ipv4_addr", LIFT_IPV4}, {"ipv6_addr", LIFT_IPV6}, {"inet_service", LIFT_PORT}};

	if (set->layout.fields == LIFT_FIELDS)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strlen(types[i].word) == length && !memcmp(types[i].word, word, length)) {
			set->layout.type[set->layout.fields++] = types[i].type;
			return true;
		}
	return false;
}

void lift_read_size(struct cursor *c, struct lift_size *size)
{
	size_t begin = (size_t)(c->at - c->text);
	unsigned value;

	if (lift_number(&c->at, c->end, SIZE_VALUE_MAX, &value))
		*size = (struct lift_size){c->source, begin, (size_t)(c->at - c->text), value};
}

/* ------------------------------------------------------------------ deciding */

static bool is_long(const struct lift_set *set)
{
	size_t size = 0;

	array_for_each(place, &set->places) {
		size += place->end - place->begin;
	}
	return size >= LONG;
}

/* Intervals of several fields are judged by the kernel alone, and listed as they came. */
static bool can_be_packed(const struct lift_set *set)
{
	return set->plain && set->layout.fields &&
	       !(set->layout.intervals && set->layout.fields > 1);
}

static bool read_places(const struct lift *lift, const struct lift_set *set, bool json,
			struct lift_keys *keys)
{
	array_for_each(place, &set->places) {
		const char *text = buf_text(lift->bytes[place->source]);
		bool ok = json ? lift_read_json(text + place->begin, text + place->end,
						&set->layout, keys)
			       : lift_read_text(text + place->begin, text + place->end,
						&set->layout, keys);

		if (!ok)
			return false;
	}
	return true;
}

/* Takes the names over where it succeeds. */
static bool take(const struct lift *lift, struct lift_set *set, bool json, long_lists *lists)
{
	struct long_list list = {
		.family = set->family, .layout = set->layout, .size = set->size.value};
	struct lift_keys keys = {0};
	bool ok = read_places(lift, set, json, &keys) &&
		  lift_pack(&keys, &set->layout, set->merge, &list.keys);

	buf_free(&keys.bytes);
	if (!ok)
		return false;
	list.table = steal_pointer(&set->table);
	list.set = steal_pointer(&set->set);
	if (array_push(lists, list))
		return true;
	set->table = list.table;
	set->set = list.set;
	packed_free(&list.keys);
	return false;
}

/* ------------------------------------------------------------------ cutting */

static int compare_places(const void *left, const void *right)
{
	const struct lift_place *a = left, *b = right;

	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return a->cut_begin < b->cut_begin ? -1 : a->cut_begin > b->cut_begin;
}

/* What is cut leaves its line ends, which are white space in both languages. */
static size_t keep_lines(char *text, size_t at, const char *from, const char *end)
{
	while (from < end && (from = memchr(from, '\n', (size_t)(end - from)))) {
		text[at++] = '\n';
		from++;
	}
	return at;
}

/* The places of one source, in order. */
static void cut(struct buf *source, const struct lift_place *places, size_t count, bool lines)
{
	char *text = (char *)source->data, *fitting;
	size_t out = places[0].cut_begin;

	for (size_t i = 0; i < count; i++) {
		size_t next = i + 1 < count ? places[i + 1].cut_begin : source->len;

		if (lines)
			out = keep_lines(text, out, text + places[i].cut_begin,
					 text + places[i].cut_end);
		memmove(text + out, text + places[i].cut_end, next - places[i].cut_end);
		out += next - places[i].cut_end;
	}
	text[out] = 0;
	source->len = out;
	fitting = realloc(text, out + 1);
	source->data = (uint8_t *)(fitting ? fitting : text);
	source->capacity = fitting ? out + 1 : source->capacity;
}

static void cut_all(const struct lift *lift, struct lift_place *places, size_t count, bool lines)
{
	size_t first = 0;

	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 1; i <= count; i++) {
		if (i < count && places[i].source == places[first].source)
			continue;
		cut(lift->bytes[places[first].source], places + first, i - first, lines);
		first = i;
	}
}

/* A set that is empty in the text needs no room there, and the kernel would clear it at once. */
static void shrink(const struct lift *lift, const struct lift_size *size)
{
	uint8_t *digits;

	if (!size->value)
		return;
	digits = lift->bytes[size->source]->data + size->begin;
	memset(digits, ' ', size->end - size->begin);
	*digits = '1';
}

void lift_long_lists(struct buf *const *bytes, size_t count, bool json, bool keep_lines,
		     long_lists *ret_lists)
{
	__attribute__((cleanup(lift_free))) struct lift lift = {.bytes = bytes};
	ARRAY(struct lift_place) places = {0};

	for (size_t i = 0; i < count && !lift.given_up; i++)
		json ? lift_scan_json(&lift, i) : lift_scan_text(&lift, i);
	array_for_each(set, &lift.sets) {
		if (lift.given_up || !can_be_packed(set) || !is_long(set) ||
		    !array_reserve(&places, places.n + set->places.n) ||
		    !take(&lift, set, json, ret_lists))
			continue;
		shrink(&lift, &set->size);
		array_for_each(place, &set->places) {
			array_push(&places, *place);
		}
	}
	if (places.n)
		cut_all(&lift, places.v, places.n, keep_lines);
	array_free(&places);
}
