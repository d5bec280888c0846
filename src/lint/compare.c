/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of registers become conditions on keys. */
#include "lint/decode.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

unsigned decode_parts(const struct decoding *d, struct span data, uint16_t sreg, unsigned length,
		      struct part parts[PARTS], const struct load **ret_first)
{
	unsigned slot = slot_of(attr_find_be32(data, sreg)), n = 0, at = 0;

	*ret_first = slot < SLOTS ? d->slot[slot] : NULL;
	while (at < length) {
		const struct load *load = slot + at / 4 < SLOTS ? d->slot[slot + at / 4] : NULL;

		if (!load || !load->n || load->constant)
			return 0;
		for (unsigned i = 0; i < load->n && at < length; i++) {
			struct segment segment = load->segment[i];
			unsigned over =
				at + segment.length > length ? at + segment.length - length : 0;

			if (!segment.known || n == PARTS || (over && segment.host))
				return 0;
			segment.length -= over;
			segment.mask >>= 8 * over;
			segment.flip >>= 8 * over;
			parts[n++] = (struct part){segment, at};
			at += segment.length;
		}
		at = (at + 3) & ~3u;
	}
	return n;
}

/* Interfaces by index are known by name. */
static bool index_interval(const struct decoding *d, const uint8_t *bytes, struct interval *ret)
{
	uint32_t index;
	char name[16] = "";

	memcpy(&index, bytes, sizeof(index));
	if (index == 1)
		strcpy(name, "lo");
	if (d->source->devices)
		array_for_each(device, d->source->devices)
			if (device->index == index)
				memcpy(name, device->name, sizeof(name));
	if (index && !name[0])
		return false;
	ret->first = ret->last = number_read(name, sizeof(name));
	return true;
}

static bool is_name(const struct segment *segment)
{
	return segment->key == KEY_IIFNAME || segment->key == KEY_OIFNAME;
}

static bool is_index(const struct segment *segment)
{
	return segment->length == 4 && segment->host && is_name(segment);
}

/* The bytes as a number of the part's own length. */
static number part_number(const struct part *part, const uint8_t *bytes)
{
	uint32_t word;
	uint16_t half;

	bytes += part->at;
	if (part->segment.host && part->segment.length == sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		return word;
	}
	if (part->segment.host && part->segment.length == sizeof(half)) {
		memcpy(&half, bytes, sizeof(half));
		return half;
	}
	return number_read(bytes, part->segment.length);
}

/* How far the part's lowest bit is from the key's lowest. */
static unsigned part_shift(const struct segment *segment)
{
	return 8 * (key_bytes(segment->key) - segment->offset - segment->length);
}

bool part_interval(const struct decoding *d, const struct part *part, const uint8_t *bytes,
		   struct interval *ret_interval)
{
	const struct segment *segment = &part->segment;
	number wanted, open;

	if (is_index(segment))
		return index_interval(d, bytes + part->at, ret_interval);
	wanted = part_number(part, bytes) ^ segment->flip;
	open = ~segment->mask & number_max(segment->length);
	if (segment->offset || (open & (open + 1)) || (wanted & open))
		return false;
	/* A name ends at its NUL, and zeros follow. */
	if (is_name(segment) && memchr(bytes + part->at, 0, segment->length)) {
		ret_interval->first = ret_interval->last = wanted << part_shift(segment);
		return true;
	}
	ret_interval->first = wanted << part_shift(segment);
	ret_interval->last =
		(wanted | open) << part_shift(segment) | (((number)1 << part_shift(segment)) - 1);
	return true;
}

/* The values of a small key for which (key & mask) == value. */
static size_t try_values(const struct ranges *domain, number mask, number value,
			 struct interval v[256])
{
	size_t n = 0;

	for (size_t i = 0; i < domain->n; i++) {
		for (number at = ranges_at(domain, i)->first; at <= ranges_at(domain, i)->last;
		     at++) {
			if ((at & mask) != value)
				continue;
			if (n && v[n - 1].last + 1 == at)
				v[n - 1].last = at;
			else
				v[n++] = (struct interval){at, at};
		}
	}
	return n;
}

/* (key & mask) == value where that is no interval: small keys are tried through. */
static void add_masked(struct decoding *d, const struct part *part, const uint8_t *bytes,
		       bool negated, const char *what)
{
	const struct segment *segment = &part->segment;
	number mask = segment->mask << part_shift(segment);
	number value = (part_number(part, bytes) ^ segment->flip) << part_shift(segment);
	const struct ranges *domain;
	struct interval v[256];

	if (key_bytes(segment->key) > 1 && segment->key != KEY_CTSTATE) {
		decode_mask(d, what, segment->key, (struct masked){mask, value}, negated);
		return;
	}
	domain = key_domain(d->arena, d->domains, segment->key);
	if (domain)
		decode_in(d, segment->key, v, try_values(domain, mask, value, v), negated);
}

static void add_equal(struct decoding *d, const struct part *parts, unsigned n,
		      const uint8_t *bytes, bool negated, const struct load *load, struct span id)
{
	struct interval *v = arena_get(d->arena, n * sizeof(*v));
	enum key *keys = arena_get(d->arena, n * sizeof(*keys));

	if (!v || !keys)
		return;
	for (unsigned i = 0; i < n; i++) {
		keys[i] = parts[i].segment.key;
		if (part_interval(d, &parts[i], bytes, &v[i]))
			continue;
		if (n == 1 && !is_index(&parts[i].segment))
			add_masked(d, &parts[i], bytes, negated, load->what);
		else
			decode_opaque(d, load->what, OPAQUE_UNSURE, negated, id, load->id);
		return;
	}
	if (n == 1)
		decode_in(d, keys[0], v, 1, negated);
	else
		decode_add(d, (struct fact){.kind = FACT_BOXES,
					    .what = load->what,
					    .boxes = {.keys = n,
						      .ordered = n,
						      .key = keys,
						      .n = 1,
						      .v = v,
						      .negated = negated}});
}

/* A value between two, of one whole key in network byte order. */
static bool add_between(struct decoding *d, const struct part *parts, unsigned n, number first,
			number last, bool negated)
{
	const struct segment *segment = &parts->segment;
	unsigned shift;
	struct interval v;

	if (n != 1 || segment->host || segment->offset || segment->flip ||
	    segment->mask != number_max(segment->length))
		return false;
	shift = part_shift(segment);
	v.first = first << shift;
	v.last = last << shift | (((number)1 << shift) - 1);
	decode_in(d, segment->key, &v, first <= last, negated);
	return true;
}

static bool data_value(struct span data, uint16_t attribute, struct span *ret_value)
{
	struct span body;

	return attr_find(data, attribute, &body) && attr_find(body, NFTA_DATA_VALUE, ret_value);
}

static bool add_order(struct decoding *d, const struct part *parts, unsigned n, uint32_t op,
		      const uint8_t *bytes)
{
	number value, max;

	if (n != 1)
		return false;
	value = part_number(parts, bytes);
	max = number_max(parts->segment.length);
	switch (op) {
	case NFT_CMP_LT:
		return value ? add_between(d, parts, n, 0, value - 1, false)
			     : add_between(d, parts, n, 0, max, true);
	case NFT_CMP_LTE:
		return add_between(d, parts, n, 0, value, false);
	case NFT_CMP_GT:
		return add_between(d, parts, n, 0, value, true);
	default:
		return add_between(d, parts, n, value, max, false);
	}
}

void decode_cmp(struct decoding *d, struct span data)
{
	uint32_t op = attr_find_be32(data, NFTA_CMP_OP);
	const struct load *load = NULL;
	struct part parts[PARTS];
	struct span value;
	unsigned n;

	if (!data_value(data, NFTA_CMP_DATA, &value)) {
		decode_opaque(d, "cmp", OPAQUE_UNSURE, false, data, 0);
		return;
	}
	n = decode_parts(d, data, NFTA_CMP_SREG, (unsigned)value.len, parts, &load);
	if (load && load->entry)
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = load->what});
	if (n && (op == NFT_CMP_EQ || op == NFT_CMP_NEQ))
		add_equal(d, parts, n, value.data, op == NFT_CMP_NEQ, load, value);
	else if (!n || !add_order(d, parts, n, op, value.data))
		decode_opaque(d, load ? load->what : "cmp", load ? load->opaque : OPAQUE_UNSURE,
			      op == NFT_CMP_NEQ, value, (load ? load->id : 0) + op / 2);
}

void decode_range(struct decoding *d, struct span data)
{
	bool negated = attr_find_be32(data, NFTA_RANGE_OP) == NFT_RANGE_NEQ;
	const struct load *load = NULL;
	struct part parts[PARTS];
	struct span from, to;
	unsigned n;

	if (!data_value(data, NFTA_RANGE_FROM_DATA, &from) ||
	    !data_value(data, NFTA_RANGE_TO_DATA, &to) || from.len != to.len) {
		decode_opaque(d, "range", OPAQUE_UNSURE, false, data, 0);
		return;
	}
	n = decode_parts(d, data, NFTA_RANGE_SREG, (unsigned)from.len, parts, &load);
	if (load && load->entry)
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = load->what});
	if (!n || !add_between(d, parts, n, part_number(parts, from.data),
			       part_number(parts, to.data), negated))
		decode_opaque(d, load ? load->what : "range", load ? load->opaque : OPAQUE_UNSURE,
			      negated, data, load ? load->id : 0);
}
