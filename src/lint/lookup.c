/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets and maps become lists of boxes. */
#include "lint/decode.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* More than this is not looked into. */
#define ELEMENTS_MAX 65536

struct looking {
	struct decoding *d;
	const struct set *set;
	struct part parts[PARTS];
	unsigned n;
	struct box_facts boxes;
	struct interval *v;
	struct verdict *verdicts;
	size_t open; /* index + 1 of the interval that waits for its end */
};

static void read_verdict(struct span element, struct verdict *ret_verdict)
{
	struct span data, verdict;

	*ret_verdict = (struct verdict){.code = NFT_CONTINUE};
	if (!attr_find(element, NFTA_SET_ELEM_DATA, &data) ||
	    !attr_find(data, NFTA_DATA_VERDICT, &verdict))
		return;
	ret_verdict->code = (int32_t)attr_find_be32(verdict, NFTA_VERDICT_CODE);
	ret_verdict->chain = attr_find_text(verdict, NFTA_VERDICT_CHAIN);
}

static bool put_box(struct looking *look, struct span element, struct span key)
{
	struct span end = element_key_end(element);
	unsigned last = look->parts[look->n - 1].at + look->parts[look->n - 1].segment.length;
	struct interval *v = look->v + look->boxes.n * look->n;

	if (key.len < last || (end.len && end.len < last))
		return false;
	for (unsigned i = 0; i < look->n; i++) {
		struct interval high;

		if (!part_interval(look->d, &look->parts[i], key.data, &v[i]) ||
		    (end.len && !part_interval(look->d, &look->parts[i], end.data, &high)))
			return false;
		if (end.len)
			v[i].last = high.last;
	}
	if (look->verdicts)
		read_verdict(element, &look->verdicts[look->boxes.n]);
	look->boxes.n++;
	return true;
}

/* Intervals of a single key have their ends as elements of their own. */
static bool put_half(struct looking *look, struct span element, struct span key, bool is_end)
{
	struct interval value;

	if (key.len < look->parts[0].segment.length ||
	    !part_interval(look->d, &look->parts[0], key.data, &value))
		return false;
	if (look->open)
		look->v[look->open - 1].last = value.first - 1;
	look->open = 0;
	if (is_end)
		return true;
	if (!put_box(look, element, key))
		return false;
	look->open = look->boxes.n;
	look->v[look->open - 1].last = number_max(key_bytes(look->parts[0].segment.key));
	return true;
}

static bool put_elements(struct looking *look)
{
	const struct elements *elements = &look->set->elements;
	bool halves = look->set->flags & NFT_SET_INTERVAL && look->n == 1;

	for (size_t i = 0; i < elements->at.n; i++) {
		struct span element = element_at(elements, i);
		uint32_t flags = attr_find_be32(element, NFTA_SET_ELEM_FLAGS);
		struct span key = element_key(element);

		if (flags & NFT_SET_ELEM_CATCHALL) {
			look->boxes.rest = true;
			if (look->verdicts)
				read_verdict(element, &look->verdicts[elements->at.n]);
		} else if (halves && !element_key_end(element).len) {
			if (!put_half(look, element, key, flags & NFT_SET_ELEM_INTERVAL_END))
				return false;
		} else if (!put_box(look, element, key)) {
			return false;
		}
	}
	if (look->verdicts && look->boxes.rest)
		look->verdicts[look->boxes.n] = look->verdicts[elements->at.n];
	return true;
}

/* Which key the boxes are in order by, and tells them apart best. */
static unsigned order_of(const struct box_facts *boxes)
{
	size_t most = 1;
	unsigned best = boxes->keys;

	for (unsigned k = 0; k < boxes->keys; k++) {
		const struct interval *v = boxes->v + k;
		size_t values = boxes->n != 0;
		bool ordered = true;

		for (size_t i = 1; i < boxes->n && ordered; i++) {
			const struct interval *next = v + boxes->keys;

			ordered = v->first <= next->first && v->last <= next->last;
			values += v->first < next->first;
			v = next;
		}
		if (!ordered || values <= most)
			continue;
		most = values;
		best = k;
	}
	return best;
}

static bool look_into(struct looking *look)
{
	size_t count = elements_count(&look->set->elements);
	enum key *keys = arena_get(look->d->arena, look->n * sizeof(*keys));

	look->v = arena_get(look->d->arena, (count * look->n + 1) * sizeof(*look->v));
	if (look->set->flags & NFT_SET_MAP)
		look->verdicts = arena_get(look->d->arena, (count + 1) * sizeof(*look->verdicts));
	if (!keys || !look->v)
		return false;
	for (unsigned i = 0; i < look->n; i++)
		keys[i] = look->parts[i].segment.key;
	look->boxes.key = keys;
	look->boxes.keys = look->n;
	look->boxes.v = look->v;
	look->boxes.verdicts = look->verdicts;
	return put_elements(look);
}

/* Sets of several keys, and verdict maps, name states too. */
static void note_states(struct looking *look)
{
	for (size_t i = 0; i < look->boxes.n * look->n; i++)
		if (look->boxes.key[i % look->n] == KEY_CTSTATE)
			look->d->rule->states |= (uint32_t)look->v[i].first;
}

/* The condition that the register is in the set; verdicts: as a verdict map. */
static void add_lookup(struct decoding *d, struct span data, uint16_t sreg, const char *name,
		       bool negated, bool verdicts)
{
	struct looking look = {.d = d, .set = name ? table_find_set(d->table, name) : NULL};
	const struct load *load = NULL;
	struct span key = {(const uint8_t *)name, name ? strlen(name) : 0};
	unsigned length;

	if (!look.set) {
		decode_opaque(d, "set", OPAQUE_UNSURE, negated, data, 0);
		return;
	}
	length = attr_find_be32(buf_span(&look.set->attrs), NFTA_SET_KEY_LEN);
	look.n = decode_parts(d, data, sreg, length, look.parts, &load);
	if (load && load->entry)
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = load->what});
	if (!look.n || !look.set->elements_read ||
	    elements_count(&look.set->elements) > ELEMENTS_MAX || !look_into(&look)) {
		decode_opaque(d, load && look.n == 0 ? load->what : "set", OPAQUE_UNSURE, negated,
			      key, load ? load->id : 0);
		return;
	}
	look.boxes.negated = negated;
	look.boxes.ordered = order_of(&look.boxes);
	note_states(&look);
	if (verdicts)
		decode_add(d, (struct fact){.kind = FACT_VERDICTS,
					    .what = "verdict map",
					    .boxes = look.boxes});
	else if (look.n == 1 && !look.boxes.rest)
		decode_in(d, look.boxes.key[0], look.v, look.boxes.n, negated);
	else if (!look.boxes.rest)
		decode_add(d,
			   (struct fact){.kind = FACT_BOXES, .what = "set", .boxes = look.boxes});
}

void decode_lookup(struct decoding *d, struct span data)
{
	bool negated = attr_find_be32(data, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	struct span dreg;
	bool mapped = attr_find(data, NFTA_LOOKUP_DREG, &dreg);

	add_lookup(d, data, NFTA_LOOKUP_SREG, attr_find_text(data, NFTA_LOOKUP_SET), negated,
		   mapped && attr_be32(dreg) == NFT_REG_VERDICT);
	if (mapped && attr_be32(dreg) != NFT_REG_VERDICT)
		load_map(d, data, table_find_set(d->table, attr_find_text(data, NFTA_LOOKUP_SET)));
}

/* NFTA_CONNLIMIT_FLAGS of a named count; by default it is over. */
static uint32_t object_flags(const struct decoding *d, struct span data)
{
	const char *name = attr_find_text(data, NFTA_OBJREF_IMM_NAME);
	const struct stateful *object =
		name ? table_find_object(d->table, name, NFT_OBJECT_CONNLIMIT) : NULL;
	struct span body;

	if (!object || !attr_find(buf_span(&object->attrs), NFTA_OBJ_DATA, &body))
		return NFT_CONNLIMIT_F_INV;
	return attr_find_be32(body, NFTA_CONNLIMIT_FLAGS);
}

void decode_objref(struct decoding *d, struct span data)
{
	const char *map = attr_find_text(data, NFTA_OBJREF_SET_NAME);
	const struct set *set = map ? table_find_set(d->table, map) : NULL;
	uint32_t type = attr_find_be32(data, NFTA_OBJREF_IMM_TYPE);

	if (map) {
		add_lookup(d, data, NFTA_OBJREF_SET_SREG, map, false, false);
		type = set ? attr_find_be32(buf_span(&set->attrs), NFTA_SET_OBJ_TYPE) : 0;
	}
	switch (type) {
	case NFT_OBJECT_CT_HELPER:
		decode_effect(d, EFFECT_HELPER, "ct helper set");
		break;
	case NFT_OBJECT_CT_TIMEOUT:
		decode_effect(d, EFFECT_TEMPLATE, "ct timeout set");
		break;
	case NFT_OBJECT_CT_EXPECT:
		decode_effect(d, EFFECT_SET_ENTRY, "ct expectation set");
		break;
	case NFT_OBJECT_SYNPROXY:
		decode_effect(d, EFFECT_SYNPROXY, "synproxy");
		decode_verdict(d, NF_STOLEN, NULL);
		break;
	case NFT_OBJECT_LIMIT:
	case NFT_OBJECT_QUOTA:
		decode_effect(d, EFFECT_LIMIT, type == NFT_OBJECT_LIMIT ? "limit" : "quota");
		decode_chance(d, "limit");
		break;
	case NFT_OBJECT_CONNLIMIT:
		decode_count(d, object_flags(d, data) & NFT_CONNLIMIT_F_INV);
		break;
	default:
		break;
	}
}
