/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/fields.h"

#include "model/bodies.h"

#include <linux/netfilter/nf_tables.h>

/* Newer than the headers of Debian 12; the kernel tells them, we never send them. */
enum { SET_BACKEND = 19, SET_COUNT = 20 };

struct field {
	uint16_t attribute;
	enum field_role role;
};

static const struct field table_fields[] = {
	{NFTA_TABLE_NAME, FIELD_KEY},
	{NFTA_TABLE_FLAGS, FIELD_UPDATE},
	{NFTA_TABLE_USE, FIELD_KERNEL},
	{NFTA_TABLE_HANDLE, FIELD_KERNEL},
	{NFTA_TABLE_USERDATA, FIELD_REMAKE},
	{NFTA_TABLE_OWNER, FIELD_KERNEL},
	{0, FIELD_KERNEL},
};

static const struct field chain_fields[] = {
	{NFTA_CHAIN_TABLE, FIELD_KEY},
	{NFTA_CHAIN_NAME, FIELD_KEY},
	{NFTA_CHAIN_HANDLE, FIELD_KERNEL},
	{NFTA_CHAIN_HOOK, FIELD_REMAKE},
	{NFTA_CHAIN_POLICY, FIELD_UPDATE},
	{NFTA_CHAIN_USE, FIELD_KERNEL},
	{NFTA_CHAIN_TYPE, FIELD_REMAKE},
	{NFTA_CHAIN_COUNTERS, FIELD_KERNEL},
	{NFTA_CHAIN_FLAGS, FIELD_REMAKE},
	{NFTA_CHAIN_USERDATA, FIELD_REMAKE},
	{0, FIELD_KERNEL},
};

static const struct field set_fields[] = {
	{NFTA_SET_TABLE, FIELD_KEY},
	{NFTA_SET_NAME, FIELD_KEY},
	{NFTA_SET_FLAGS, FIELD_REMAKE},
	{NFTA_SET_KEY_TYPE, FIELD_REMAKE},
	{NFTA_SET_KEY_LEN, FIELD_REMAKE},
	{NFTA_SET_DATA_TYPE, FIELD_REMAKE},
	{NFTA_SET_DATA_LEN, FIELD_REMAKE},
	{NFTA_SET_POLICY, FIELD_REMAKE},
	{NFTA_SET_DESC, FIELD_REMAKE}, /* its size: see set_desc_compare() */
	{NFTA_SET_TIMEOUT, FIELD_UPDATE},
	{NFTA_SET_GC_INTERVAL, FIELD_UPDATE},
	{NFTA_SET_USERDATA, FIELD_REMAKE},
	{NFTA_SET_OBJ_TYPE, FIELD_REMAKE},
	{NFTA_SET_HANDLE, FIELD_KERNEL},
	{NFTA_SET_EXPR, FIELD_REMAKE},
	{NFTA_SET_EXPRESSIONS, FIELD_REMAKE},
	{SET_BACKEND, FIELD_KERNEL},
	{SET_COUNT, FIELD_KERNEL},
	{0, FIELD_KERNEL},
};

static const struct field element_fields[] = {
	{NFTA_SET_ELEM_KEY, FIELD_KEY},
	{NFTA_SET_ELEM_KEY_END, FIELD_KEY},
	{NFTA_SET_ELEM_DATA, FIELD_REMAKE},
	{NFTA_SET_ELEM_FLAGS, FIELD_REMAKE},
	{NFTA_SET_ELEM_TIMEOUT, FIELD_REMAKE},
	{NFTA_SET_ELEM_EXPIRATION, FIELD_STATE},
	{NFTA_SET_ELEM_USERDATA, FIELD_REMAKE},
	{NFTA_SET_ELEM_EXPR, FIELD_REMAKE},
	{NFTA_SET_ELEM_OBJREF, FIELD_REMAKE},
	{NFTA_SET_ELEM_EXPRESSIONS, FIELD_REMAKE},
	{0, FIELD_KERNEL},
};

static const struct field rule_fields[] = {
	{NFTA_RULE_TABLE, FIELD_KEY},	    {NFTA_RULE_CHAIN, FIELD_KEY},
	{NFTA_RULE_HANDLE, FIELD_KERNEL},   {NFTA_RULE_EXPRESSIONS, FIELD_UPDATE},
	{NFTA_RULE_COMPAT, FIELD_UPDATE},   {NFTA_RULE_POSITION, FIELD_KERNEL},
	{NFTA_RULE_USERDATA, FIELD_UPDATE}, {0, FIELD_KERNEL},
};

static const struct field stateful_fields[] = {
	{NFTA_OBJ_TABLE, FIELD_KEY},
	{NFTA_OBJ_NAME, FIELD_KEY},
	{NFTA_OBJ_TYPE, FIELD_KEY},
	{NFTA_OBJ_DATA, FIELD_REMAKE}, /* by its type: see stateful_data_compare() */
	{NFTA_OBJ_USE, FIELD_KERNEL},
	{NFTA_OBJ_HANDLE, FIELD_KERNEL},
	{NFTA_OBJ_USERDATA, FIELD_REMAKE},
	{0, FIELD_KERNEL},
};

static const struct field flowtable_fields[] = {
	{NFTA_FLOWTABLE_TABLE, FIELD_KEY},
	{NFTA_FLOWTABLE_NAME, FIELD_KEY},
	{NFTA_FLOWTABLE_HOOK, FIELD_REMAKE},
	{NFTA_FLOWTABLE_USE, FIELD_KERNEL},
	{NFTA_FLOWTABLE_HANDLE, FIELD_KERNEL},
	{NFTA_FLOWTABLE_FLAGS, FIELD_REMAKE},
	{0, FIELD_KERNEL},
};

static const struct field *const fields[OBJECT_KINDS] = {
	[OBJECT_TABLE] = table_fields,
	[OBJECT_CHAIN] = chain_fields,
	[OBJECT_SET] = set_fields,
	[OBJECT_ELEMENT] = element_fields,
	[OBJECT_RULE] = rule_fields,
	[OBJECT_STATEFUL] = stateful_fields,
	[OBJECT_FLOWTABLE] = flowtable_fields,
};

enum field_role field_role(enum object_kind kind, uint16_t attribute)
{
	for (const struct field *field = fields[kind]; field->attribute; field++)
		if (field->attribute == attribute)
			return field->role;
	return FIELD_KERNEL;
}

/* ------------------------------------------------------------------ objects */

static enum difference worse(enum difference a, enum difference b)
{
	return a > b ? a : b;
}

/* NFTA_SET_DESC: the size can change in place, the fields of a concatenation cannot. */
static enum difference set_desc_compare(struct span a, struct span b)
{
	if (!plain_equal(find_or_zero(a, NFTA_SET_DESC_CONCAT),
			 find_or_zero(b, NFTA_SET_DESC_CONCAT)))
		return DIFFERENCE_REMAKE;
	return plain_equal(find_or_zero(a, NFTA_SET_DESC_SIZE), find_or_zero(b, NFTA_SET_DESC_SIZE))
		       ? DIFFERENCE_NONE
		       : DIFFERENCE_UPDATE;
}

/* NFTA_OBJ_DATA, by the object's type and what Linux 6.18 takes in place of each. */
static enum difference stateful_data_compare(uint32_t type, struct span a, struct span b)
{
	switch (type) {
	case NFT_OBJECT_COUNTER:
		return DIFFERENCE_NONE;
	case NFT_OBJECT_QUOTA: {
		uint32_t flags =
			attr_find_be32(a, NFTA_QUOTA_FLAGS) ^ attr_find_be32(b, NFTA_QUOTA_FLAGS);

		return (flags & NFT_QUOTA_F_INV) || attr_find_be64(a, NFTA_QUOTA_BYTES) !=
							    attr_find_be64(b, NFTA_QUOTA_BYTES)
			       ? DIFFERENCE_UPDATE
			       : DIFFERENCE_NONE;
	}
	case NFT_OBJECT_SYNPROXY:
		return nests_equal(a, b) ? DIFFERENCE_NONE : DIFFERENCE_UPDATE;
	default:
		return nests_equal(a, b) ? DIFFERENCE_NONE : DIFFERENCE_REMAKE;
	}
}

static enum difference field_compare(enum object_kind kind, uint16_t type, uint32_t object_type,
				     struct span a, struct span b)
{
	enum field_role role = field_role(kind, type);

	if (role != FIELD_UPDATE && role != FIELD_REMAKE)
		return DIFFERENCE_NONE;
	if (kind == OBJECT_SET && type == NFTA_SET_DESC)
		return set_desc_compare(a, b);
	if (kind == OBJECT_STATEFUL && type == NFTA_OBJ_DATA)
		return stateful_data_compare(object_type, a, b);
	if (kind == OBJECT_CHAIN && type == NFTA_CHAIN_HOOK)
		return nests_equal(a, b) ? DIFFERENCE_NONE : DIFFERENCE_REMAKE;
	if (plain_equal(a, b))
		return DIFFERENCE_NONE;
	return role == FIELD_REMAKE ? DIFFERENCE_REMAKE : DIFFERENCE_UPDATE;
}

enum difference attrs_compare(enum object_kind kind, struct span a, struct span b)
{
	uint32_t type = kind == OBJECT_STATEFUL ? attr_find_be32(a, NFTA_OBJ_TYPE) : 0;
	enum difference difference = DIFFERENCE_NONE;

	attr_for_each(left, a) {
		difference = worse(difference, field_compare(kind, left.type, type, left.body,
							     find_or_zero(b, left.type)));
	}
	attr_for_each(right, b) {
		difference = worse(difference, field_compare(kind, right.type, type, right.body,
							     find_or_zero(a, right.type)));
	}
	return difference;
}
