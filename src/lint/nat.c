/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NAT: what a rule makes of a packet's addresses and ports, as far as it is told. */
#include "lint/decode.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

/* Values of a map that are looked at. */
#define VALUES_MAX 4096

void decode_translation(struct decoding *d, const char *what, struct translation nat)
{
	struct translation *kept = arena_get(d->arena, sizeof(*kept));

	if (!kept)
		return;
	*kept = nat;
	decode_add(d,
		   (struct fact){
			   .kind = FACT_EFFECT, .what = what, .nat = kept, .effect = EFFECT_NAT});
	decode_verdict(d, NF_ACCEPT, NULL);
}

/* What a map can give, of `length` bytes from `at` on in its values. */
static const struct ranges *map_values(struct decoding *d, const struct set *map, unsigned at,
				       unsigned length)
{
	size_t count = elements_count(&map->elements);
	struct interval *v;
	size_t n = 0;

	if (!map->elements_read || !count || count > VALUES_MAX)
		return NULL;
	v = arena_get(d->arena, count * sizeof(*v));
	for (size_t i = 0; v && i < count; i++) {
		struct span data, value;

		if (!attr_find(element_at(&map->elements, i), NFTA_SET_ELEM_DATA, &data))
			continue; /* the end of an interval */
		if (!attr_find(data, NFTA_DATA_VALUE, &value) || value.len < at + length)
			return NULL;
		v[n].first = v[n].last = number_read(value.data + at, length);
		n++;
	}
	return v && n ? ranges_make(d->arena, v, n) : NULL;
}

/* The values that a register may hold, or NULL. */
static const struct ranges *values_in(struct decoding *d, struct span data, uint16_t attribute,
				      unsigned length)
{
	unsigned slot = slot_of(attr_find_be32(data, attribute)), back = 0;
	const struct load *load;

	if (slot >= SLOTS)
		return NULL;
	/* Address and port come together from one map. */
	while (!d->slot[slot - back] && back < slot)
		back++;
	load = d->slot[slot - back];
	if (load && load->map)
		return map_values(d, load->map, 4 * back, length);
	if (!load || back || !load->constant || load->length < length)
		return NULL;
	return ranges_one(d->arena, number_read(load->bytes, length),
			  number_read(load->bytes, length));
}

/* From a lowest to a highest value; no attribute: NULL. */
static const struct ranges *translated(struct decoding *d, struct span data, uint16_t min,
				       uint16_t max, unsigned length, bool *ret_unknown)
{
	const struct ranges *low, *high;
	struct span body;

	if (!attr_find(data, min, &body))
		return NULL;
	low = values_in(d, data, min, length);
	high = attr_find(data, max, &body) ? values_in(d, data, max, length) : low;
	if (!low || !high || !low->n || !high->n) {
		*ret_unknown = true;
		return NULL;
	}
	return low == high || (low->n > 1 && high->n > 1)
		       ? low
		       : ranges_one(d->arena, low->first, high->last);
}

void decode_nat(struct decoding *d, struct span data)
{
	unsigned length = attr_find_be32(data, NFTA_NAT_FAMILY) == NFPROTO_IPV4 ? 4 : 16;
	struct translation nat = {.source = attr_find_be32(data, NFTA_NAT_TYPE) == NFT_NAT_SNAT};

	nat.address = translated(d, data, NFTA_NAT_REG_ADDR_MIN, NFTA_NAT_REG_ADDR_MAX, length,
				 &nat.unknown);
	nat.port = translated(d, data, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX, 2,
			      &nat.unknown);
	/* A prefix is mapped to a prefix. */
	nat.unknown = nat.unknown || attr_find_be32(data, NFTA_NAT_FLAGS) & NF_NAT_RANGE_NETMAP;
	decode_translation(d, nat.source ? "snat" : "dnat", nat);
}

void decode_masq(struct decoding *d, struct span data)
{
	(void)data;
	decode_translation(d, "masquerade", (struct translation){.source = true, .here = true});
}

void decode_redir(struct decoding *d, struct span data)
{
	struct translation nat = {.here = true};

	nat.port = translated(d, data, NFTA_REDIR_REG_PROTO_MIN, NFTA_REDIR_REG_PROTO_MAX, 2,
			      &nat.unknown);
	decode_translation(d, "redirect", nat);
}
