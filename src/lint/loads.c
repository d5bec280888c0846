/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What expressions read into registers, as parts of keys. */
#include "lint/decode.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

uint64_t hash_bytes(uint64_t seed, const void *data, size_t length)
{
	const uint8_t *at = data;
	uint64_t hash = seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 0x100000001b3u; /* FNV-1a */
	return hash;
}

unsigned slot_of(uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 4;
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return reg - NFT_REG32_00;
	return SLOTS;
}

const struct load *decode_load(const struct decoding *d, struct span data, uint16_t attribute)
{
	unsigned slot = slot_of(attr_find_be32(data, attribute));

	return slot < SLOTS ? d->slot[slot] : NULL;
}

static struct load *begin(struct decoding *d, struct span data, uint16_t dreg, const char *what,
			  enum opaque kind)
{
	unsigned slot = slot_of(attr_find_be32(data, dreg));
	struct load *load = arena_get(d->scratch, sizeof(*load));

	if (!load)
		return NULL;
	load->what = what;
	load->opaque = kind;
	load->id = hash_bytes(0, what, strlen(what));
	if (slot < SLOTS)
		d->slot[slot] = load;
	return load;
}

static void put_segment(struct load *load, struct segment segment)
{
	if (load->n == SEGMENTS)
		load->segment[SEGMENTS - 1].known = false;
	else
		load->segment[load->n++] = segment;
	load->length += segment.length;
}

static void put_key(struct load *load, enum key key, bool host)
{
	unsigned length = key_bytes(key);

	put_segment(load, (struct segment){.known = true,
					   .host = host,
					   .key = key,
					   .length = length,
					   .mask = number_max(length)});
}

static void put_unknown(struct load *load, unsigned length)
{
	if (length)
		put_segment(load, (struct segment){.length = length});
}

void load_other(struct decoding *d, const char *what, struct span data, uint16_t dreg,
		enum opaque kind)
{
	struct load *load = begin(d, data, dreg, what, kind);

	if (load) {
		load->id = hash_bytes(load->id, data.data, data.len);
		put_unknown(load, 16);
	}
}

void load_map(struct decoding *d, struct span data, const struct set *map)
{
	struct load *load = begin(d, data, NFTA_LOOKUP_DREG, "map", OPAQUE_UNSURE);

	if (!load)
		return;
	load->id = hash_bytes(load->id, data.data, data.len);
	load->map = map;
	put_unknown(load, 16);
}

struct meta_key {
	uint32_t meta;
	enum key key;
	bool host;
};

static const struct meta_key meta_keys[] = {
	{NFT_META_NFPROTO, KEY_NFPROTO, false},
	{NFT_META_L4PROTO, KEY_L4PROTO, false},
	{NFT_META_PROTOCOL, KEY_ETHERTYPE, false},
	{NFT_META_IIFNAME, KEY_IIFNAME, false},
	{NFT_META_OIFNAME, KEY_OIFNAME, false},
	{NFT_META_MARK, KEY_MARK, true},
	/* By index: compare.c turns them into names. */
	{NFT_META_IIF, KEY_IIFNAME, true},
	{NFT_META_OIF, KEY_OIFNAME, true},
};

static void set_meta(struct decoding *d, struct span data)
{
	const struct load *load = decode_load(d, data, NFTA_META_SREG);
	const struct segment *segment = load && load->n == 1 ? &load->segment[0] : NULL;
	struct fact fact = {.kind = FACT_MARK, .what = "meta mark set"};
	uint32_t value;

	if (attr_find_be32(data, NFTA_META_KEY) != NFT_META_MARK)
		return;
	if (load && load->constant && load->length >= sizeof(value)) {
		memcpy(&value, load->bytes, sizeof(value));
		fact.mark.known = true;
		fact.mark.value = value;
	} else if (segment && segment->known && segment->key == KEY_MARK) {
		fact.mark.known = true;
		fact.mark.keep = (uint32_t)segment->mask;
		fact.mark.value = (uint32_t)segment->flip;
	}
	if (load && load->entry)
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = load->what});
	decode_add(d, fact);
}

void load_meta(struct decoding *d, struct span data)
{
	uint32_t meta = attr_find_be32(data, NFTA_META_KEY);
	enum opaque kind = OPAQUE_FREE;
	struct span body;
	struct load *load;

	if (attr_find(data, NFTA_META_SREG, &body)) {
		set_meta(d, data);
		return;
	}
	/* What belongs to an interface, a socket or a zone may be the same for all packets. */
	if (meta == NFT_META_IIFTYPE || meta == NFT_META_OIFTYPE || meta == NFT_META_IIFGROUP ||
	    meta == NFT_META_OIFGROUP || meta == NFT_META_CGROUP || meta == NFT_META_SECPATH)
		kind = OPAQUE_UNSURE;
	load = begin(d, data, NFTA_META_DREG, "meta", kind);
	if (!load)
		return;
	load->id = hash_bytes(load->id, &meta, sizeof(meta));
	for (size_t i = 0; i < sizeof(meta_keys) / sizeof(*meta_keys); i++) {
		if (meta_keys[i].meta != meta)
			continue;
		if (meta == NFT_META_IIF || meta == NFT_META_OIF)
			put_segment(load, (struct segment){.known = true,
							   .host = true,
							   .key = meta_keys[i].key,
							   .length = 4,
							   .mask = number_max(4)});
		else
			put_key(load, meta_keys[i].key, meta_keys[i].host);
		return;
	}
	put_unknown(load, 4);
}

struct header_field {
	unsigned offset;
	enum key key;
};

/* One header's fields; a byte that begins none is skipped as unknown. */
static void put_header(struct load *load, const struct header_field *fields, size_t n,
		       unsigned offset, unsigned length)
{
	while (length) {
		const struct header_field *found = NULL;
		unsigned part = 1;

		for (size_t i = 0; i < n && !found; i++)
			if (offset >= fields[i].offset &&
			    offset < fields[i].offset + key_bytes(fields[i].key))
				found = &fields[i];
		if (found) {
			part = found->offset + key_bytes(found->key) - offset;
			if (part > length)
				part = length;
			put_segment(load, (struct segment){.known = true,
							   .key = found->key,
							   .offset = offset - found->offset,
							   .length = part,
							   .mask = number_max(part)});
		} else {
			put_unknown(load, part);
		}
		offset += part;
		length -= part;
	}
}

void load_payload(struct decoding *d, struct span data)
{
	static const struct header_field ipv4[] = {
		{9, KEY_L4PROTO}, {12, KEY_SADDR4}, {16, KEY_DADDR4}};
	static const struct header_field ipv6[] = {
		{6, KEY_L4PROTO}, {8, KEY_SADDR6}, {24, KEY_DADDR6}};
	static const struct header_field icmp[] = {{0, KEY_ICMPTYPE}, {1, KEY_ICMPCODE}};
	static const struct header_field tcp[] = {
		{0, KEY_SPORT}, {2, KEY_DPORT}, {13, KEY_TCPFLAGS}};
	uint32_t base = attr_find_be32(data, NFTA_PAYLOAD_BASE);
	uint32_t offset = attr_find_be32(data, NFTA_PAYLOAD_OFFSET);
	uint32_t length = attr_find_be32(data, NFTA_PAYLOAD_LEN);
	struct span body;
	struct load *load;

	if (attr_find(data, NFTA_PAYLOAD_SREG, &body))
		return; /* rewrites the packet */
	load = begin(d, data, NFTA_PAYLOAD_DREG, "payload", OPAQUE_FREE);
	if (!load || length > 64)
		return;
	load->id = hash_bytes(load->id, data.data, data.len);
	if (base == NFT_PAYLOAD_NETWORK_HEADER && d->nfproto == NFPROTO_IPV4)
		put_header(load, ipv4, 3, offset, length);
	else if (base == NFT_PAYLOAD_NETWORK_HEADER && d->nfproto == NFPROTO_IPV6)
		put_header(load, ipv6, 3, offset, length);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER &&
		 (d->l4proto == IPPROTO_ICMP || d->l4proto == IPPROTO_ICMPV6))
		put_header(load, icmp, 2, offset, length);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		put_header(load, tcp, d->l4proto == IPPROTO_TCP ? 3 : 2, offset, length);
	else
		put_unknown(load, length);
}

static void set_ct(struct decoding *d, uint32_t key)
{
	switch (key) {
	case NFT_CT_ZONE:
		decode_effect(d, EFFECT_TEMPLATE, "ct zone set");
		break;
	case NFT_CT_MARK:
		decode_effect(d, EFFECT_SET_ENTRY, "ct mark set");
		break;
	case NFT_CT_LABELS:
		decode_effect(d, EFFECT_SET_ENTRY, "ct label set");
		break;
	case NFT_CT_EVENTMASK:
		decode_effect(d, EFFECT_SET_ENTRY, "ct event set");
		break;
	default:
		decode_effect(d, EFFECT_SET_ENTRY, "ct set");
	}
}

const char WHAT_NAT_STATUS[] = "ct status of NAT";
static const char status_word[] = "ct status";

static const char *ct_word(uint32_t key)
{
	static const char *const word[] = {
		[NFT_CT_DIRECTION] = "ct direction",
		[NFT_CT_STATUS] = status_word,
		[NFT_CT_MARK] = "ct mark",
		[NFT_CT_SECMARK] = "ct secmark",
		[NFT_CT_EXPIRATION] = "ct expiration",
		[NFT_CT_HELPER] = "ct helper",
		[NFT_CT_LABELS] = "ct label",
		[NFT_CT_PKTS] = "ct packets",
		[NFT_CT_BYTES] = "ct bytes",
		[NFT_CT_AVGPKT] = "ct avgpkt",
		[NFT_CT_ZONE] = "ct zone",
		[NFT_CT_ID] = "ct id",
	};

	return key < sizeof(word) / sizeof(*word) && word[key] ? word[key] : "ct original";
}

void load_ct(struct decoding *d, struct span data)
{
	uint32_t key = attr_find_be32(data, NFTA_CT_KEY);
	struct span body;
	struct load *load;

	if (attr_find(data, NFTA_CT_SREG, &body)) {
		set_ct(d, key);
		return;
	}
	load = begin(d, data, NFTA_CT_DREG, key == NFT_CT_STATE ? "ct state" : ct_word(key),
		     OPAQUE_FREE);
	if (!load)
		return;
	load->id = hash_bytes(load->id, data.data, data.len);
	if (key == NFT_CT_STATE) {
		put_key(load, KEY_CTSTATE, true);
	} else {
		load->entry = true;
		put_unknown(load, 16);
	}
}

void load_fib(struct decoding *d, struct span data)
{
	uint32_t flags = attr_find_be32(data, NFTA_FIB_FLAGS);
	struct load *load = begin(d, data, NFTA_FIB_DREG, "fib", OPAQUE_UNSURE);

	if (!load)
		return;
	load->id = hash_bytes(load->id, data.data, data.len);
	/* With an interface the answer may differ, but for addresses of this host's own it does
	 * not. */
	if (attr_find_be32(data, NFTA_FIB_RESULT) == NFT_FIB_RESULT_ADDRTYPE &&
	    !(flags & NFTA_FIB_F_MARK))
		put_key(load, flags & NFTA_FIB_F_SADDR ? KEY_SADDRTYPE : KEY_DADDRTYPE, true);
	else
		put_unknown(load, 16);
}

void load_immediate(struct decoding *d, struct span data)
{
	struct span body, value, verdict;
	struct load *load;

	if (!attr_find(data, NFTA_IMMEDIATE_DATA, &body))
		return;
	if (attr_find(body, NFTA_DATA_VERDICT, &verdict)) {
		decode_verdict(d, (int32_t)attr_find_be32(verdict, NFTA_VERDICT_CODE),
			       attr_find_text(verdict, NFTA_VERDICT_CHAIN));
		return;
	}
	load = begin(d, data, NFTA_IMMEDIATE_DREG, "immediate", OPAQUE_UNSURE);
	if (!load || !attr_find(body, NFTA_DATA_VALUE, &value) || value.len > sizeof(load->bytes))
		return;
	memcpy(load->bytes, value.data, value.len);
	load->length = (unsigned)value.len;
	load->constant = true;
}

static number data_number(struct span data, uint16_t attribute, const struct segment *segment,
			  unsigned at)
{
	struct span body, value;
	uint32_t host;

	if (!attr_find(data, attribute, &body) || !attr_find(body, NFTA_DATA_VALUE, &value) ||
	    value.len < at + segment->length)
		return 0;
	if (segment->host && segment->length == sizeof(host)) {
		memcpy(&host, value.data + at, sizeof(host));
		return host;
	}
	return number_read(value.data + at, segment->length);
}

/* IPS_SRC_NAT and IPS_DST_NAT: such a condition is about NAT, not about the connection. */
static bool is_nat_status(struct span data)
{
	static const struct segment word = {.host = true, .length = 4};
	number mask = data_number(data, NFTA_BITWISE_MASK, &word, 0);

	return mask && !(mask & ~(number)(1u << 4 | 1u << 5));
}

void load_bitwise(struct decoding *d, struct span data)
{
	const struct load *from = decode_load(d, data, NFTA_BITWISE_SREG);
	struct load *to = begin(d, data, NFTA_BITWISE_DREG, from ? from->what : "bitwise",
				from ? from->opaque : OPAQUE_UNSURE);
	unsigned at = 0;
	struct span body;

	if (!to)
		return;
	if (!from) {
		put_unknown(to, 16);
		return;
	}
	*to = *from;
	to->id = hash_bytes(from->id, data.data, data.len);
	to->constant = false;
	if (from->entry && from->what == status_word && is_nat_status(data))
		to->what = WHAT_NAT_STATUS;
	/* Shifts, and (since 6.12) operations on two registers, are beyond what keys tell. */
	bool plain = attr_find_be32(data, NFTA_BITWISE_OP) == NFT_BITWISE_MASK_XOR &&
		     attr_find(data, NFTA_BITWISE_MASK, &body) &&
		     attr_find(data, NFTA_BITWISE_XOR, &body);

	for (unsigned i = 0; i < to->n; i++) {
		struct segment *segment = &to->segment[i];
		number mask = data_number(data, NFTA_BITWISE_MASK, segment, at);

		segment->known = segment->known && plain;
		segment->mask &= mask;
		segment->flip =
			(segment->flip & mask) ^ data_number(data, NFTA_BITWISE_XOR, segment, at);
		at += segment->length;
	}
}

void load_byteorder(struct decoding *d, struct span data)
{
	const struct load *from = decode_load(d, data, NFTA_BYTEORDER_SREG);
	uint32_t size = attr_find_be32(data, NFTA_BYTEORDER_SIZE);
	struct load *to = begin(d, data, NFTA_BYTEORDER_DREG, from ? from->what : "byteorder",
				from ? from->opaque : OPAQUE_UNSURE);

	if (!to)
		return;
	if (!from) {
		put_unknown(to, 16);
		return;
	}
	*to = *from;
	to->id = hash_bytes(from->id, data.data, data.len);
	/* nft writes this for single bytes too, where it does nothing (nft_byteorder_eval). */
	if (attr_find_be32(data, NFTA_BYTEORDER_LEN) < size)
		return;
	if (to->n == 1 && to->segment[0].length == size && to->segment[0].mask == number_max(size))
		to->segment[0].host = !to->segment[0].host;
	else
		for (unsigned i = 0; i < to->n; i++)
			to->segment[i].known = false;
}
