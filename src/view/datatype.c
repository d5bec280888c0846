/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/datatype.h"

#include "base/inet.h"

#include <linux/netfilter/nf_tables.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_NUMBER, KIND_HOST_NUMBER, KIND_ADDRESS, KIND_ETHER, KIND_PROTOCOL, KIND_TEXT };

/* The numbers are nft's (include/datatype.h: enum datatypes). Host order is told where it is so. */
static const struct {
	uint32_t type;
	uint8_t length;
	enum kind kind;
} types[] = {
	{2, 1, KIND_HOST_NUMBER},  /* nf_proto */
	{5, 16, KIND_TEXT},	   /* string */
	{7, 4, KIND_ADDRESS},	   /* ipv4_addr */
	{8, 16, KIND_ADDRESS},	   /* ipv6_addr */
	{9, 6, KIND_ETHER},	   /* ether_addr */
	{10, 2, KIND_NUMBER},	   /* ether_type */
	{11, 2, KIND_HOST_NUMBER}, /* arp_op */
	{12, 1, KIND_PROTOCOL},	   /* inet_proto */
	{13, 2, KIND_NUMBER},	   /* inet_service */
	{14, 1, KIND_NUMBER},	   /* icmp_type */
	{15, 1, KIND_NUMBER},	   /* tcp_flag */
	{16, 1, KIND_NUMBER},	   /* dccp_pkttype */
	{17, 1, KIND_NUMBER},	   /* mh_type */
	{18, 8, KIND_HOST_NUMBER}, /* time */
	{19, 4, KIND_HOST_NUMBER}, /* mark */
	{20, 4, KIND_HOST_NUMBER}, /* iface_index */
	{21, 2, KIND_HOST_NUMBER}, /* iface_type */
	{22, 4, KIND_HOST_NUMBER}, /* realm */
	{23, 4, KIND_HOST_NUMBER}, /* classid */
	{24, 4, KIND_HOST_NUMBER}, /* uid */
	{25, 4, KIND_HOST_NUMBER}, /* gid */
	{26, 4, KIND_HOST_NUMBER}, /* ct_state */
	{27, 1, KIND_HOST_NUMBER}, /* ct_dir */
	{28, 4, KIND_HOST_NUMBER}, /* ct_status */
	{29, 1, KIND_NUMBER},	   /* icmpv6_type */
	{31, 1, KIND_HOST_NUMBER}, /* pkt_type */
	{32, 1, KIND_NUMBER},	   /* icmp_code */
	{33, 1, KIND_NUMBER},	   /* icmpv6_code */
	{34, 1, KIND_NUMBER},	   /* icmpx_code */
	{35, 4, KIND_HOST_NUMBER}, /* devgroup */
	{36, 1, KIND_NUMBER},	   /* dscp */
	{37, 1, KIND_NUMBER},	   /* ecn */
	{38, 4, KIND_HOST_NUMBER}, /* fib_addrtype */
	{41, 16, KIND_TEXT},	   /* ifname */
	{42, 1, KIND_NUMBER},	   /* igmp_type */
};

static size_t type_length(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return types[i].length;
	return 0;
}

static enum kind type_kind(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return types[i].kind;
	return KIND_NUMBER;
}

static size_t split(uint32_t type, size_t length, struct datatype_field *fields)
{
	size_t count = 0;

	for (uint32_t rest = type; rest; rest >>= 6)
		count++;
	if (count <= 1) {
		fields[0] = (struct datatype_field){type, length};
		return 1;
	}
	for (size_t i = 0; i < count && i < DATATYPE_FIELDS_MAX; i++) {
		uint32_t one = type >> 6 * (count - 1 - i) & 0x3f;

		fields[i] = (struct datatype_field){one, type_length(one)};
	}
	return count;
}

size_t datatype_fields(const struct set *set, struct datatype_field fields[DATATYPE_FIELDS_MAX])
{
	struct span attrs = buf_span(&set->attrs), desc, concat;
	size_t count = split(attr_find_be32(attrs, NFTA_SET_KEY_TYPE),
			     attr_find_be32(attrs, NFTA_SET_KEY_LEN), fields);
	size_t i = 0;

	if (count == 1 || !attr_find(attrs, NFTA_SET_DESC, &desc) ||
	    !attr_find(desc, NFTA_SET_DESC_CONCAT, &concat))
		return count;
	attr_for_each(field, concat) {
		if (i < count)
			fields[i++].length = attr_find_be32(field.body, NFTA_SET_FIELD_LEN);
	}
	return count;
}

size_t datatype_data_fields(const struct set *set, size_t length,
			    struct datatype_field fields[DATATYPE_FIELDS_MAX])
{
	return split(attr_find_be32(buf_span(&set->attrs), NFTA_SET_DATA_TYPE), length, fields);
}

static uint64_t number(struct span value, bool host)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < value.len; i++)
		sum = sum << 8 | value.data[host ? value.len - 1 - i : i];
	return sum;
}

json_t *datatype_number(struct span value)
{
	return json_integer((json_int_t)number(value, false));
}

static json_t *address(struct span value)
{
	struct inet_range range = {.family = value.len == 4 ? INET_V4 : INET_V6};
	char text[INET_TEXT_MAX];

	memcpy(range.first.byte, value.data, value.len);
	range.last = range.first;
	return json_string(inet_format(&range, text));
}

static json_t *protocol(struct span value)
{
	const struct protoent *entry = value.len ? getprotobynumber(value.data[0]) : NULL;

	return entry ? json_string(entry->p_name) : datatype_number(value);
}

static json_t *single(const struct datatype_field *field, struct span value)
{
	char text[64];

	switch (type_kind(field->type)) {
	case KIND_ADDRESS:
		return address(value);
	case KIND_ETHER:
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", value.data[0],
			 value.data[1], value.data[2], value.data[3], value.data[4], value.data[5]);
		return json_string(text);
	case KIND_PROTOCOL:
		return protocol(value);
	case KIND_TEXT:
		snprintf(text, sizeof(text), "%.*s", (int)value.len, (const char *)value.data);
		return json_string(text);
	case KIND_HOST_NUMBER:
		return json_integer((json_int_t)number(value, true));
	case KIND_NUMBER:
	default:
		return datatype_number(value);
	}
}

/* "eth*": from "eth\0…" to "eth\xff…". */
static json_t *wildcard(struct span from)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s*", (int)from.len, (const char *)from.data);
	return json_string(text);
}

json_t *datatype_value(const struct datatype_field *field, struct span from, struct span last)
{
	struct inet_range range = {.family = from.len == 4 ? INET_V4 : INET_V6};
	int length = -1;

	if (!last.len || span_equal(from, last))
		return single(field, from);
	if (type_kind(field->type) == KIND_TEXT)
		return wildcard(from);
	if (type_kind(field->type) == KIND_ADDRESS) {
		memcpy(range.first.byte, from.data, from.len);
		memcpy(range.last.byte, last.data, last.len);
		length = inet_prefix_length(&range);
	}
	if (length >= 0)
		return json_pack("{s:{s:o, s:i}}", "prefix", "addr", single(field, from), "len",
				 length);
	return json_pack("{s:[o, o]}", "range", single(field, from), single(field, last));
}

const char *element_comment(struct span element)
{
	struct span data;

	if (!attr_find(element, NFTA_SET_ELEM_USERDATA, &data) || data.len < 2 || data.data[0] ||
	    data.data[1] > data.len - 2)
		return NULL;
	return attr_text((struct span){data.data + 2, data.data[1]});
}
