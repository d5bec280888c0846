/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets as nft 1.0.6 makes them: data types, flags, and the user data that its listing goes by. */
#include "base/cleanup.h"
#include "compile/writer.h"
#include "model/expr.h"

#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* nft's numbers for data types (nftables datatype.h); a concatenation has 6 bits for each. */
enum {
	TYPE_IPV4_ADDR = 7,
	TYPE_IPV6_ADDR = 8,
	TYPE_INET_PROTO = 12,
	TYPE_INET_SERVICE = 13,
	TYPE_ICMP_TYPE = 14,
	TYPE_ICMPV6_TYPE = 29,
	TYPE_IFNAME = 41,
	TYPE_BITS = 6,
};

/* What nft puts into a set's user data (libnftnl udata.h, nftables expression.h and proto.h). */
enum {
	UDATA_KEY_BYTEORDER = 0,
	UDATA_MERGE_ELEMENTS = 2,
	UDATA_KEY_TYPEOF = 3,
	UDATA_DATA_INTERVAL = 6,
	UDATA_TYPEOF_EXPR = 0,
	UDATA_TYPEOF_DATA = 1,
	UDATA_ELEMENT_FLAGS = 1,
	ELEMENT_INTERVAL_OPEN = 1,
	BYTEORDER_NONE = 0,
	BYTEORDER_HOST = 1,
	BYTEORDER_BIG = 2,
	EXPR_PAYLOAD = 7,
	EXPR_META = 9,
	EXPR_CONCAT = 13,
	HEADER_ICMP = 4,
	HEADER_TH = 11,
	HEADER_IP = 12,
	HEADER_IP6 = 13,
	HEADER_ICMPV6 = 14,
};

static uint32_t field_type(uint8_t family, enum dimension field)
{
	switch (field) {
	case DIM_NEAR:
	case DIM_FAR:
		return family == INET_V4 ? TYPE_IPV4_ADDR : TYPE_IPV6_ADDR;
	case DIM_PORT:
		return TYPE_INET_SERVICE;
	case DIM_PROTOCOL:
		return TYPE_INET_PROTO;
	case DIM_INTERFACE:
	case DIMENSIONS:
		break;
	}
	return TYPE_IFNAME;
}

static uint32_t key_type(const struct layout *layout)
{
	uint32_t type = 0;

	for (unsigned i = 0; i < layout->n; i++)
		type = type << TYPE_BITS | field_type(layout->family, layout->field[i]);
	return type;
}

static uint32_t set_flags(enum set_kind kind, const struct layout *layout)
{
	uint32_t flags = 0;

	if (kind == SET_ANONYMOUS)
		flags |= NFT_SET_ANONYMOUS | NFT_SET_CONSTANT;
	if (kind == SET_MAP)
		flags |= NFT_SET_OBJECT;
	if (layout->interval)
		flags |= NFT_SET_INTERVAL | (layout->n > 1 ? NFT_SET_CONCAT : 0);
	return flags;
}

/* ------------------------------------------------------------------ user data */

static void udata(struct buf *b, uint8_t type, const void *data, size_t length)
{
	buf_putc(b, (char)type);
	buf_putc(b, (char)length);
	buf_put(b, data, length);
}

static void udata_u32(struct buf *b, uint8_t type, uint32_t value) /* in host byte order */
{
	udata(b, type, &value, sizeof(value));
}

static void udata_nest(struct buf *b, uint8_t type, const struct buf *nested)
{
	udata(b, type, nested->data, nested->len);
	b->failed |= nested->failed;
}

static uint32_t key_byteorder(const struct layout *layout, enum set_kind kind)
{
	if (layout->n > 1)
		return BYTEORDER_NONE;
	switch ((enum dimension)layout->field[0]) {
	case DIM_PROTOCOL:
		return kind == SET_ANONYMOUS ? BYTEORDER_HOST : BYTEORDER_NONE;
	case DIM_INTERFACE:
		return BYTEORDER_HOST;
	case DIM_NEAR:
	case DIM_FAR:
	case DIM_PORT:
	case DIMENSIONS:
		break;
	}
	return BYTEORDER_BIG;
}

static uint32_t field_number(const struct key *key, enum dimension field)
{
	bool source = (key->side == SIDE_S) == (field == DIM_NEAR);

	if (field == DIM_PORT)
		return key->port == SIDE_S ? 1 : 2;
	if (key->layout.family == INET_V4)
		return source ? 11 : 12;
	return source ? 8 : 9;
}

/* Which expression a field comes from. */
static void udata_field(struct buf *b, const struct key *key, enum dimension field)
{
	autobuf data = {0};

	if (field == DIM_PROTOCOL || field == DIM_INTERFACE) {
		udata_u32(b, UDATA_TYPEOF_EXPR, EXPR_META);
		udata_u32(&data, 0,
			  field == DIM_PROTOCOL ? (uint32_t)NFT_META_L4PROTO : key->interface);
	} else {
		udata_u32(b, UDATA_TYPEOF_EXPR, EXPR_PAYLOAD);
		udata_u32(&data, 0,
			  field == DIM_PORT		  ? HEADER_TH
			  : key->layout.family == INET_V4 ? HEADER_IP
							  : HEADER_IP6);
		udata_u32(&data, 1, field_number(key, field));
	}
	udata_nest(b, UDATA_TYPEOF_DATA, &data);
}

static void udata_typeof(struct buf *b, enum set_kind kind, const struct key *key)
{
	const struct layout *layout = &key->layout;
	autobuf expr = {0}, fields = {0};

	if (layout->n == 1) {
		udata_field(&expr, key, layout->field[0]);
		udata_nest(b, UDATA_KEY_TYPEOF, &expr);
		return;
	}
	udata_u32(&expr, UDATA_TYPEOF_EXPR, EXPR_CONCAT);
	for (uint8_t i = 0; kind == SET_ANONYMOUS && i < layout->n; i++) {
		autobuf field = {0};

		if (layout->interval && layout->field[i] == DIM_PROTOCOL)
			break; /* nft stops at its byteorder expression */
		udata_field(&field, key, layout->field[i]);
		udata_nest(&fields, i, &field);
	}
	udata_nest(&expr, UDATA_TYPEOF_DATA, &fields);
	udata_nest(b, UDATA_KEY_TYPEOF, &expr);
}

static void put_set_udata(struct buf *attrs, enum set_kind kind, const struct key *key)
{
	autobuf b = {0};

	udata_u32(&b, UDATA_KEY_BYTEORDER, key_byteorder(&key->layout, kind));
	if (kind == SET_ANONYMOUS && key->layout.interval)
		udata_u32(&b, UDATA_MERGE_ELEMENTS, 1);
	if (kind == SET_ANONYMOUS || key->layout.n > 1)
		udata_typeof(&b, kind, key);
	if (kind == SET_MAP)
		udata_u32(&b, UDATA_DATA_INTERVAL, 0);
	attr_put(attrs, NFTA_SET_USERDATA, b.data, b.len);
	attrs->failed |= b.failed;
}

/* ------------------------------------------------------------------ sets */

static void put_field_length(struct buf *b, uint32_t length)
{
	autobuf field = {0};

	attr_put_be32(&field, NFTA_SET_FIELD_LEN, length);
	attr_put(b, NFTA_LIST_ELEM, field.data, field.len);
	b->failed |= field.failed;
}

/* The lengths of a concatenation's fields are what the kernel compares byte by byte, so these nests
 * carry no NLA_F_NESTED, as in its dumps. */
static void put_set_desc(struct buf *attrs, const struct layout *layout, size_t size)
{
	size_t nest = attr_nest_begin(attrs, NFTA_SET_DESC);
	autobuf fields = {0};

	if (size)
		attr_put_be32(attrs, NFTA_SET_DESC_SIZE,
			      size > UINT32_MAX ? UINT32_MAX : (uint32_t)size);
	for (unsigned i = 0; layout->interval && layout->n > 1 && i < layout->n; i++)
		put_field_length(&fields, (uint32_t)box_length(layout->family, layout->field[i]));
	if (fields.len)
		attr_put(attrs, NFTA_SET_DESC_CONCAT, fields.data, fields.len);
	attrs->failed |= fields.failed;
	attr_nest_end(attrs, nest);
}

static struct set *add_set(struct writer *w, const char *name, uint32_t flags)
{
	char anonymous[32];
	struct set *set;

	if (!name) {
		snprintf(anonymous, sizeof(anonymous), "__set%u", w->anonymous++);
		name = anonymous;
	}
	set = w->failed ? NULL : set_new(name);
	if (!set || !array_push(&w->table->sets, set)) {
		set_free(set);
		w->failed = true;
		return NULL;
	}
	set->flags = flags;
	set->elements_read = true;
	attr_put_text(&set->attrs, NFTA_SET_TABLE, w->table->name);
	attr_put_text(&set->attrs, NFTA_SET_NAME, set->name);
	attr_put_be32(&set->attrs, NFTA_SET_FLAGS, flags);
	return set;
}

size_t room_to_grow(size_t count)
{
	size_t size = 2048;

	while (size < count + count / 4)
		size *= 2;
	return size;
}

struct set *writer_set(struct writer *w, enum set_kind kind, const char *name,
		       const struct key *key, size_t size)
{
	struct set *set = add_set(w, name, set_flags(kind, &key->layout));
	struct buf *attrs;

	if (!set)
		return NULL;
	attrs = &set->attrs;
	attr_put_be32(attrs, NFTA_SET_KEY_TYPE, key_type(&key->layout));
	attr_put_be32(attrs, NFTA_SET_KEY_LEN, (uint32_t)layout_key_length(&key->layout));
	if (kind == SET_MAP)
		attr_put_be32(attrs, NFTA_SET_OBJ_TYPE, NFT_OBJECT_COUNTER);
	put_set_udata(attrs, kind, key);
	put_set_desc(attrs, &key->layout, size);
	return set;
}

/* ------------------------------------------------------------------ elements */

static void put_key(struct buf *b, uint16_t type, const uint8_t *key, size_t length)
{
	size_t nest = attr_nest_begin(b, type);

	attr_put(b, NFTA_DATA_VALUE, key, length);
	attr_nest_end(b, nest);
}

void writer_element(struct writer *w, struct set *set, const struct layout *layout,
		    const uint8_t key[KEY_MAX], const uint8_t *key_end, const char *counter)
{
	size_t begin, length = layout_key_length(layout);
	struct buf *b;

	if (!set) {
		w->failed = true;
		return;
	}
	b = &set->elements.bytes;
	begin = element_begin(&set->elements);
	put_key(b, NFTA_SET_ELEM_KEY, key, length);
	if (key_end)
		put_key(b, NFTA_SET_ELEM_KEY_END, key_end, length);
	if (counter)
		attr_put_text(b, NFTA_SET_ELEM_OBJREF, counter);
	w->failed |= !element_end(&set->elements, begin);
}

static void put_bound(struct writer *w, struct set *set, const uint8_t *key, size_t length,
		      uint32_t flags, bool open)
{
	size_t begin = element_begin(&set->elements);
	autobuf data = {0};

	put_key(&set->elements.bytes, NFTA_SET_ELEM_KEY, key, length);
	if (flags)
		attr_put_be32(&set->elements.bytes, NFTA_SET_ELEM_FLAGS, flags);
	if (open) {
		udata_u32(&data, UDATA_ELEMENT_FLAGS, ELEMENT_INTERVAL_OPEN);
		attr_put(&set->elements.bytes, NFTA_SET_ELEM_USERDATA, data.data, data.len);
	}
	w->failed |= data.failed | !element_end(&set->elements, begin);
}

/* False when there is none. */
static bool next_key(uint8_t *key, size_t length)
{
	while (length-- > 0)
		if (++key[length])
			return true;
	return false;
}

void writer_intervals(struct writer *w, struct set *set, const uint8_t *first, const uint8_t *last,
		      size_t stride, size_t count, size_t length)
{
	static const uint8_t zero[INTERFACE_LENGTH];
	uint8_t end[INTERFACE_LENGTH];

	if (!set) {
		w->failed = true;
		return;
	}
	if (count && memcmp(first, zero, length)) /* what comes before the first is out */
		put_bound(w, set, zero, length, NFT_SET_ELEM_INTERVAL_END, false);
	for (size_t i = 0; i < count; i++) {
		bool closed;

		memcpy(end, last + i * stride, length);
		closed = next_key(end, length);
		put_bound(w, set, first + i * stride, length, 0, !closed);
		if (closed)
			put_bound(w, set, end, length, NFT_SET_ELEM_INTERVAL_END, false);
	}
}

/* ------------------------------------------------------------------ ICMP */

static void put_icmp_udata(struct buf *attrs, bool v4)
{
	autobuf b = {0}, expr = {0}, data = {0};

	udata_u32(&b, UDATA_KEY_BYTEORDER, BYTEORDER_BIG);
	udata_u32(&expr, UDATA_TYPEOF_EXPR, EXPR_PAYLOAD);
	udata_u32(&data, 0, v4 ? HEADER_ICMP : HEADER_ICMPV6);
	udata_u32(&data, 1, 1); /* the header's field: type */
	udata_nest(&expr, UDATA_TYPEOF_DATA, &data);
	udata_nest(&b, UDATA_KEY_TYPEOF, &expr);
	attr_put(attrs, NFTA_SET_USERDATA, b.data, b.len);
	attrs->failed |= b.failed;
}

void write_icmp_error_types(struct writer *w, uint8_t family)
{
	/* destination unreachable, time exceeded, parameter problem (RFC 792); destination
	 * unreachable, packet too big, time exceeded, parameter problem (RFC 4443) */
	static const uint8_t icmp[] = {3, 11, 12}, icmpv6[] = {1, 2, 3, 4};
	bool v4 = family == INET_V4;
	const uint8_t *types = v4 ? icmp : icmpv6;
	size_t count = v4 ? sizeof(icmp) : sizeof(icmpv6);
	struct set *set = add_set(w, NULL, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	size_t nest;

	if (!set)
		return;
	attr_put_be32(&set->attrs, NFTA_SET_KEY_TYPE, v4 ? TYPE_ICMP_TYPE : TYPE_ICMPV6_TYPE);
	attr_put_be32(&set->attrs, NFTA_SET_KEY_LEN, sizeof(*types));
	put_icmp_udata(&set->attrs, v4);
	nest = attr_nest_begin(&set->attrs, NFTA_SET_DESC);
	attr_put_be32(&set->attrs, NFTA_SET_DESC_SIZE, (uint32_t)count);
	attr_nest_end(&set->attrs, nest);
	for (size_t i = 0; i < count; i++)
		put_bound(w, set, &types[i], sizeof(*types), 0, false);
	write_family(w, family);
	write_protocol(w, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	expr_payload_load(&w->draft, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(*types), 0);
	expr_lookup(&w->draft, set->name, 0);
}
