/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes expressions in the form in which Linux 6.18 dumps them (include/uapi/linux/netfilter/
 * nf_tables.h), so that what was written equals what is read back.
 *
 * Registers are numbered as 32-bit slots 0-15 (slot 0 is NFT_REG32_00); a 128-bit register starts
 * at every fourth, and is written by its old number (NFT_REG_1 is slot 0) where the slot is one, as
 * nft_dump_register() does.
 */
#pragma once

#include "base/attr.h"

#include <stdint.h>

/* A list of expressions inside a message: NFTA_RULE_EXPRESSIONS or NFTA_SET_ELEM_EXPRESSIONS. */
size_t expr_list_begin(struct buf *b, uint16_t type);
void expr_list_end(struct buf *b, size_t begin);

void expr_meta_load(struct buf *b, uint32_t key, unsigned slot); /* NFT_META_* */
void expr_payload_load(struct buf *b, uint32_t base, uint32_t offset, uint32_t length,
		       unsigned slot);			       /* NFT_PAYLOAD_*_HEADER */
void expr_ct_load(struct buf *b, uint32_t key, unsigned slot); /* NFT_CT_* */
void expr_cmp(struct buf *b, uint32_t op, unsigned slot, const void *value, size_t length);
/* slot = (slot & mask) ^ 0 */
void expr_mask(struct buf *b, unsigned slot, const void *mask, size_t length);
/* NFT_BYTEORDER_* of each `size` bytes of `length`. nft puts one behind a protocol number inside a
 * concatenation with intervals, where length 1 and size 2 make it do nothing. */
void expr_byteorder(struct buf *b, uint32_t op, unsigned slot, uint32_t length, uint32_t size);
void expr_lookup(struct buf *b, const char *set, unsigned slot);
/* The named object that the map has for the key: match and count in one lookup. */
void expr_objref_map(struct buf *b, const char *map, unsigned slot);
/* A named object, e.g. NFT_OBJECT_COUNTER. */
void expr_objref(struct buf *b, const char *object, uint32_t type);
void expr_notrack(struct buf *b);
void expr_verdict(struct buf *b, int32_t code, const char *chain); /* chain: jump and goto only */
