/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attribute order and contents follow the dump functions of Linux 6.18 (net/netfilter/nft_*.c). */
#include "model/expr.h"

#include <linux/netfilter/nf_tables.h>

size_t expr_list_begin(struct buf *b, uint16_t type)
{
	return attr_nest_begin(b, type);
}

void expr_list_end(struct buf *b, size_t begin)
{
	attr_nest_end(b, begin);
}

struct nests {
	size_t element;
	size_t data;
};

static struct nests begin(struct buf *b, const char *name)
{
	struct nests nests = {.element = attr_nest_begin(b, NFTA_LIST_ELEM)};

	attr_put_text(b, NFTA_EXPR_NAME, name);
	nests.data = attr_nest_begin(b, NFTA_EXPR_DATA);
	return nests;
}

static void end(struct buf *b, struct nests nests)
{
	attr_nest_end(b, nests.data);
	attr_nest_end(b, nests.element);
}

static void put_register(struct buf *b, uint16_t type, unsigned slot)
{
	attr_put_be32(b, type, slot % 4 ? NFT_REG32_00 + slot : NFT_REG_1 + slot / 4);
}

static void put_data(struct buf *b, uint16_t type, const void *value, size_t length)
{
	size_t nest = attr_nest_begin(b, type);

	attr_put(b, NFTA_DATA_VALUE, value, length);
	attr_nest_end(b, nest);
}

void expr_meta_load(struct buf *b, uint32_t key, unsigned slot)
{
	struct nests nests = begin(b, "meta");

	attr_put_be32(b, NFTA_META_KEY, key);
	put_register(b, NFTA_META_DREG, slot);
	end(b, nests);
}

void expr_payload_load(struct buf *b, uint32_t base, uint32_t offset, uint32_t length,
		       unsigned slot)
{
	struct nests nests = begin(b, "payload");

	put_register(b, NFTA_PAYLOAD_DREG, slot);
	attr_put_be32(b, NFTA_PAYLOAD_BASE, base);
	attr_put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	attr_put_be32(b, NFTA_PAYLOAD_LEN, length);
	end(b, nests);
}

void expr_ct_load(struct buf *b, uint32_t key, unsigned slot)
{
	struct nests nests = begin(b, "ct");

	attr_put_be32(b, NFTA_CT_KEY, key);
	put_register(b, NFTA_CT_DREG, slot);
	end(b, nests);
}

void expr_cmp(struct buf *b, uint32_t op, unsigned slot, const void *value, size_t length)
{
	struct nests nests = begin(b, "cmp");

	put_register(b, NFTA_CMP_SREG, slot);
	attr_put_be32(b, NFTA_CMP_OP, op);
	put_data(b, NFTA_CMP_DATA, value, length);
	end(b, nests);
}

void expr_mask(struct buf *b, unsigned slot, const void *mask, size_t length)
{
	static const uint8_t zero[16];
	struct nests nests = begin(b, "bitwise");

	if (length > sizeof(zero))
		b->failed = true;
	put_register(b, NFTA_BITWISE_SREG, slot);
	put_register(b, NFTA_BITWISE_DREG, slot);
	attr_put_be32(b, NFTA_BITWISE_LEN, (uint32_t)length);
	attr_put_be32(b, NFTA_BITWISE_OP, NFT_BITWISE_BOOL);
	if (!b->failed) {
		put_data(b, NFTA_BITWISE_MASK, mask, length);
		put_data(b, NFTA_BITWISE_XOR, zero, length);
	}
	end(b, nests);
}

void expr_byteorder(struct buf *b, uint32_t op, unsigned slot, uint32_t length, uint32_t size)
{
	struct nests nests = begin(b, "byteorder");

	put_register(b, NFTA_BYTEORDER_SREG, slot);
	put_register(b, NFTA_BYTEORDER_DREG, slot);
	attr_put_be32(b, NFTA_BYTEORDER_OP, op);
	attr_put_be32(b, NFTA_BYTEORDER_LEN, length);
	attr_put_be32(b, NFTA_BYTEORDER_SIZE, size);
	end(b, nests);
}

void expr_lookup(struct buf *b, const char *set, unsigned slot)
{
	struct nests nests = begin(b, "lookup");

	attr_put_text(b, NFTA_LOOKUP_SET, set);
	put_register(b, NFTA_LOOKUP_SREG, slot);
	attr_put_be32(b, NFTA_LOOKUP_FLAGS, 0);
	end(b, nests);
}

void expr_objref_map(struct buf *b, const char *map, unsigned slot)
{
	struct nests nests = begin(b, "objref");

	put_register(b, NFTA_OBJREF_SET_SREG, slot);
	attr_put_text(b, NFTA_OBJREF_SET_NAME, map);
	end(b, nests);
}

void expr_objref(struct buf *b, const char *object, uint32_t type)
{
	struct nests nests = begin(b, "objref");

	attr_put_text(b, NFTA_OBJREF_IMM_NAME, object);
	attr_put_be32(b, NFTA_OBJREF_IMM_TYPE, type);
	end(b, nests);
}

void expr_notrack(struct buf *b)
{
	size_t element = attr_nest_begin(b, NFTA_LIST_ELEM);

	attr_put_text(b, NFTA_EXPR_NAME, "notrack");
	attr_nest_end(b, element);
}

void expr_verdict(struct buf *b, int32_t code, const char *chain)
{
	struct nests nests = begin(b, "immediate");
	size_t data, verdict;

	attr_put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = attr_nest_begin(b, NFTA_IMMEDIATE_DATA);
	verdict = attr_nest_begin(b, NFTA_DATA_VERDICT);
	attr_put_be32(b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		attr_put_text(b, NFTA_VERDICT_CHAIN, chain);
	attr_nest_end(b, verdict);
	attr_nest_end(b, data);
	end(b, nests);
}
