/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/writer.h"

#include "base/cleanup.h"
#include "model/expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

enum { RAW_PRIORITY = -300 };

static char *copy_text(struct writer *w, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	w->failed |= text && !copy;
	return copy;
}

bool writer_begin(struct writer *w, uint8_t family, const char *table, const char *comment,
		  struct untrack_error *err)
{
	*w = (struct writer){.table = table_new(family, table)};
	if (!w->table)
		return error_memory(err);
	w->table->contents_read = true;
	attr_put_text(&w->table->attrs, NFTA_TABLE_NAME, table);
	attr_put_be32(&w->table->attrs, NFTA_TABLE_FLAGS, 0);
	if (comment)
		put_comment(&w->table->attrs, NFTA_TABLE_USERDATA, comment);
	return true;
}

static bool contents_ok(const struct table *table)
{
	bool failed = table->attrs.failed;

	array_for_each(chain, &table->chains) {
		failed |= (*chain)->attrs.failed;
		array_for_each(rule, &(*chain)->rules) {
			failed |= (*rule)->attrs.failed;
		}
	}
	array_for_each(set, &table->sets) {
		failed |= (*set)->attrs.failed || (*set)->elements.bytes.failed;
	}
	array_for_each(object, &table->objects) {
		failed |= (*object)->attrs.failed;
	}
	return !failed;
}

struct table *writer_finish(struct writer *w, struct untrack_error *err)
{
	if (w->failed || !contents_ok(w->table)) {
		error_memory(err);
		return NULL;
	}
	array_for_each(set, &w->table->sets) {
		elements_sort(&(*set)->elements);
	}
	return steal_pointer(&w->table);
}

void writer_free(struct writer *w)
{
	table_free(w->table);
	buf_free(&w->draft);
	*w = (struct writer){0};
}

static struct chain *add_chain(struct writer *w, const char *name)
{
	struct chain *chain = w->failed ? NULL : chain_new(name);

	if (!chain || !array_push(&w->table->chains, chain)) {
		chain_free(chain);
		w->failed = true;
		return NULL;
	}
	chain->rules_read = true;
	attr_put_text(&chain->attrs, NFTA_CHAIN_TABLE, w->table->name);
	attr_put_text(&chain->attrs, NFTA_CHAIN_NAME, name);
	return chain;
}

struct chain *writer_chain(struct writer *w, const char *name)
{
	return add_chain(w, name);
}

struct chain *writer_base_chain(struct writer *w, const char *name, uint32_t hook)
{
	struct chain *chain = add_chain(w, name);
	struct buf *attrs;
	size_t nest;

	if (!chain)
		return NULL;
	attrs = &chain->attrs;
	nest = attr_nest_begin(attrs, NFTA_CHAIN_HOOK);
	attr_put_be32(attrs, NFTA_HOOK_HOOKNUM, hook);
	attr_put_be32(attrs, NFTA_HOOK_PRIORITY, (uint32_t)RAW_PRIORITY);
	attr_nest_end(attrs, nest);
	attr_put_be32(attrs, NFTA_CHAIN_POLICY, NF_ACCEPT);
	attr_put_text(attrs, NFTA_CHAIN_TYPE, "filter");
	attr_put_be32(attrs, NFTA_CHAIN_FLAGS, NFT_CHAIN_BASE);
	return chain;
}

void writer_counter(struct writer *w, const char *name, const char *origin)
{
	struct stateful *counter = w->failed ? NULL : stateful_new(name, NFT_OBJECT_COUNTER);
	struct buf *attrs;
	size_t nest;

	if (!counter || !array_push(&w->table->objects, counter)) {
		stateful_free(counter);
		w->failed = true;
		return;
	}
	counter->origin = copy_text(w, origin);
	attrs = &counter->attrs;
	attr_put_text(attrs, NFTA_OBJ_TABLE, w->table->name);
	attr_put_text(attrs, NFTA_OBJ_NAME, name);
	attr_put_be32(attrs, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nest = attr_nest_begin(attrs, NFTA_OBJ_DATA);
	attr_put_be64(attrs, NFTA_COUNTER_BYTES, 0);
	attr_put_be64(attrs, NFTA_COUNTER_PACKETS, 0);
	attr_nest_end(attrs, nest);
}

/* ------------------------------------------------------------------ rules */

struct buf *writer_rule(struct writer *w, struct chain *chain)
{
	w->chain = chain;
	w->draft.len = 0;
	w->family = INET_ANY;
	if (chain) {
		attr_put_text(&w->draft, NFTA_RULE_TABLE, w->table->name);
		attr_put_text(&w->draft, NFTA_RULE_CHAIN, chain->name);
	}
	w->list = expr_list_begin(&w->draft, NFTA_RULE_EXPRESSIONS);
	return &w->draft;
}

void writer_rule_end(struct writer *w, const char *comment, const char *origin)
{
	struct rule *rule;

	expr_list_end(&w->draft, w->list);
	if (comment)
		put_comment(&w->draft, NFTA_RULE_USERDATA, comment);
	w->failed |= w->draft.failed || !w->chain;
	rule = w->failed ? NULL : rule_new();
	if (!rule || !array_push(&w->chain->rules, rule)) {
		rule_free(rule);
		w->failed = true;
		return;
	}
	rule->origin = copy_text(w, origin);
	buf_put(&rule->attrs, w->draft.data, w->draft.len);
}

void write_family(struct writer *w, uint8_t family)
{
	uint8_t protocol = family == INET_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (family == w->family || family == INET_ANY || w->table->family != NFPROTO_INET)
		return;
	w->family = family;
	expr_meta_load(&w->draft, NFT_META_NFPROTO, 0);
	expr_cmp(&w->draft, NFT_CMP_EQ, 0, &protocol, sizeof(protocol));
}

/* Offsets of addresses in the IPv4 and IPv6 header. */
static uint32_t address_offset(uint8_t family, bool source)
{
	if (family == INET_V4)
		return source ? 12 : 16;
	return source ? 8 : 24;
}

static void write_field(struct writer *w, const struct key *key, enum dimension field,
			unsigned slot)
{
	const struct layout *layout = &key->layout;
	bool source = (key->side == SIDE_S) == (field == DIM_NEAR);
	uint32_t length = (uint32_t)box_length(layout->family, field);

	switch (field) {
	case DIM_NEAR:
	case DIM_FAR:
		expr_payload_load(&w->draft, NFT_PAYLOAD_NETWORK_HEADER,
				  address_offset(layout->family, source), length, slot);
		break;
	case DIM_PORT:
		expr_payload_load(&w->draft, NFT_PAYLOAD_TRANSPORT_HEADER,
				  key->port == SIDE_S ? 0 : 2, length, slot);
		break;
	case DIM_PROTOCOL:
		expr_meta_load(&w->draft, NFT_META_L4PROTO, slot);
		if (layout->interval && layout->n > 1) /* does nothing, but nft writes it */
			expr_byteorder(&w->draft, NFT_BYTEORDER_HTON, slot, 1, 2);
		break;
	case DIM_INTERFACE:
		expr_meta_load(&w->draft, key->interface, slot);
		break;
	case DIMENSIONS:
		break;
	}
}

void write_key(struct writer *w, const struct key *key)
{
	unsigned slot = 0;

	write_family(w, key->layout.family);
	for (unsigned i = 0; i < key->layout.n; i++) {
		write_field(w, key, key->layout.field[i], slot);
		slot += field_words(&key->layout, key->layout.field[i]);
	}
}

void write_one_key(struct writer *w, const struct key *key, const uint8_t value[KEY_MAX])
{
	const struct layout *layout = &key->layout;

	write_family(w, layout->family);
	for (unsigned i = 0; i < layout->n; i++) {
		write_field(w, key, layout->field[i], 0);
		expr_cmp(&w->draft, NFT_CMP_EQ, 0, value,
			 box_length(layout->family, layout->field[i]));
		value += (size_t)field_words(layout, layout->field[i]) * 4;
	}
}

void write_lookup(struct writer *w, const struct key *key, const struct set *set)
{
	if (!set) {
		w->failed = true;
		return;
	}
	write_key(w, key);
	expr_lookup(&w->draft, set->name, 0);
}

void write_interface(struct writer *w, uint32_t meta, const struct interface *interface)
{
	expr_meta_load(&w->draft, meta, 0);
	expr_cmp(&w->draft, NFT_CMP_EQ, 0, interface->first,
		 interface->wildcard ? interface->length : INTERFACE_LENGTH);
}

void write_loopback(struct writer *w)
{
	static const uint32_t index = 1;

	expr_meta_load(&w->draft, NFT_META_OIF, 0);
	expr_cmp(&w->draft, NFT_CMP_EQ, 0, &index, sizeof(index));
}

/* nft loads just the bytes of a prefix that ends with one, and masks any other. */
void write_prefix(struct writer *w, bool source, const struct inet_range *prefix)
{
	int bits = inet_prefix_length(prefix);
	uint32_t length = (uint32_t)inet_length(prefix->family);
	uint32_t offset = address_offset(prefix->family, source);
	uint8_t mask[ADDRESS_LENGTH];

	write_family(w, prefix->family);
	if (bits > 0 && bits % 8 == 0)
		length = (uint32_t)bits / 8;
	expr_payload_load(&w->draft, NFT_PAYLOAD_NETWORK_HEADER, offset, length, 0);
	if (bits <= 0 || bits % 8) {
		for (uint32_t i = 0; i < length; i++)
			mask[i] = (uint8_t) ~(prefix->first.byte[i] ^ prefix->last.byte[i]);
		expr_mask(&w->draft, 0, mask, length);
	}
	expr_cmp(&w->draft, NFT_CMP_EQ, 0, prefix->first.byte, length);
}

void write_protocol(struct writer *w, uint8_t protocol)
{
	expr_meta_load(&w->draft, NFT_META_L4PROTO, 0);
	expr_cmp(&w->draft, NFT_CMP_EQ, 0, &protocol, sizeof(protocol));
}

void write_verdict(struct writer *w, int32_t code, const char *chain)
{
	expr_verdict(&w->draft, code, chain);
}
