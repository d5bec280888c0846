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
	array_for_each(variable, &lift->variables) {
		free(variable->name);
	}
	array_free(&lift->variables);
}

struct cursor lift_cursor(struct lift *lift, size_t source)
{
	const char *text = buf_text(lift->bytes[source]);

	return (struct cursor){.text = text,
			       .at = text,
			       .end = text + lift->bytes[source]->len,
			       .lift = lift,
			       .source = source};
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

struct lift_variable *lift_find_variable(struct lift *lift, const char *name, size_t length)
{
	struct lift_variable fresh = {0};

	array_for_each(one, &lift->variables) {
		if (strlen(one->name) == length && !memcmp(one->name, name, length))
			return one;
	}
	fresh.name = strndup(name, length);
	if (fresh.name && array_push(&lift->variables, fresh))
		return &lift->variables.v[lift->variables.n - 1];
	free(fresh.name);
	lift->given_up = true;
	return NULL;
}

bool lift_has_lists(const struct lift *lift)
{
	array_for_each(set, &lift->sets) {
		if (set->places.n)
			return true;
	}
	return false;
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

static bool is_whole(const struct lift_variable *variable)
{
	return variable->plain && variable->definitions == 1 &&
	       variable->mentions == variable->uses;
}

/* Intervals of several fields are judged by the kernel alone, and listed as they came. Where nft 1.0.6 has to
 * merge a list with what was given before, it may fail. */
static bool can_be_packed(const struct lift *lift, const struct lift_set *set)
{
	array_for_each(place, &set->places) {
		if (place->variable != LIFT_NONE &&
		    (lift->unclear || !is_whole(&lift->variables.v[place->variable])))
			return false;
	}
	return set->plain && set->layout.fields &&
	       !(set->layout.intervals && set->layout.fields > 1) &&
	       !(set->merge && set->lists > 1);
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

typedef ARRAY(struct lift_cut) lift_cuts;

static int compare_cuts(const void *left, const void *right)
{
	const struct lift_cut *a = left, *b = right;

	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* What is cut leaves its line ends, which are white space in both languages. */
static size_t count_lines(const char *from, const char *end)
{
	size_t count = 0;

	while (from < end && (from = memchr(from, '\n', (size_t)(end - from)))) {
		count++;
		from++;
	}
	return count;
}

/* The cuts of one source, in order. */
static void cut(struct buf *source, const struct lift_cut *cuts, size_t count, bool lines)
{
	char *text = (char *)source->data, *fitting;
	size_t out = cuts[0].begin;

	for (size_t i = 0; i < count; i++) {
		size_t next = i + 1 < count ? cuts[i + 1].begin : source->len;
		size_t instead = cuts[i].instead ? strlen(cuts[i].instead) : 0;
		size_t ends = lines ? count_lines(text + cuts[i].begin, text + cuts[i].end) : 0;
		size_t kept = out + instead + ends;

		memcpy(text + out, cuts[i].instead ? cuts[i].instead : "", instead);
		memset(text + out + instead, '\n', ends);
		memmove(text + kept, text + cuts[i].end, next - cuts[i].end);
		out = kept + next - cuts[i].end;
	}
	text[out] = 0;
	source->len = out;
	fitting = realloc(text, out + 1);
	source->data = (uint8_t *)(fitting ? fitting : text);
	source->capacity = fitting ? out + 1 : source->capacity;
}

static void cut_all(const struct lift *lift, lift_cuts *cuts, bool lines)
{
	size_t first = 0;

	qsort(cuts->v, cuts->n, sizeof(*cuts->v), compare_cuts);
	for (size_t i = 1; i <= cuts->n; i++) {
		if (i < cuts->n && cuts->v[i].source == cuts->v[first].source)
			continue;
		cut(lift->bytes[cuts->v[first].source], cuts->v + first, i - first, lines);
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

static void add_cuts(struct lift *lift, const struct lift_set *set, lift_cuts *cuts)
{
	array_for_each(place, &set->places) {
		struct lift_variable *variable =
			place->variable == LIFT_NONE ? NULL : &lift->variables.v[place->variable];

		if (place->cut.end > place->cut.begin)
			array_push(cuts, place->cut);
		if (variable && ++variable->taken == variable->uses)
			array_push(cuts, variable->cut);
	}
}

/* Where none of the texts has that word there is nothing to look for: an escaped one is given up. */
static bool has_elements(struct buf *const *bytes, size_t count)
{
	static const char word[] = "\"elem\"";

	for (size_t i = 0; i < count; i++)
		if (memmem(buf_text(bytes[i]), bytes[i]->len, word, sizeof(word) - 1))
			return true;
	return false;
}

void lift_long_lists(struct buf *const *bytes, size_t count, bool json, bool keep_lines,
		     long_lists *ret_lists)
{
	__attribute__((cleanup(lift_free))) struct lift lift = {.bytes = bytes, .count = count};
	lift_cuts cuts = {0};

	if (json && !has_elements(bytes, count))
		return;
	if (!json)
		lift_scan_text(&lift);
	for (size_t i = 0; json && i < count && !lift.given_up; i++)
		lift_scan_json(&lift, i);
	array_for_each(set, &lift.sets) {
		if (lift.given_up || !can_be_packed(&lift, set) || !is_long(set) ||
		    !array_reserve(&cuts, cuts.n + 2 * set->places.n) ||
		    !take(&lift, set, json, ret_lists))
			continue;
		shrink(&lift, &set->size);
		add_cuts(&lift, set, &cuts);
	}
	if (cuts.n)
		cut_all(&lift, &cuts, keep_lines);
	array_free(&cuts);
}
