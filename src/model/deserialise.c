/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "model/serialise.h"
#include "model/serialise_parts.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct chain, chain_free)
DEFINE_AUTOCLEAN(struct rule, rule_free)
DEFINE_AUTOCLEAN(struct set, set_free)
DEFINE_AUTOCLEAN(struct stateful, stateful_free)
DEFINE_AUTOCLEAN(struct flowtable, flowtable_free)

/* Where an object's shared fields go; NULL where it has no such field. */
struct common {
	struct buf *attrs;
	uint64_t *handle;
	char **origin;
	uint32_t *state;
};

static bool read_common(const struct record *record, const struct common *to,
			struct untrack_error *err)
{
	switch (record->type) {
	case FIELD_NAME: /* read before the object was made */
		return true;
	case FIELD_ATTRS:
		if (to->attrs->len)
			return record_damaged(err, "attributes come twice");
		buf_put(to->attrs, record->body.data, record->body.len);
		return buf_ok(to->attrs, err);
	case FIELD_HANDLE:
		return record_u64(record, to->handle, err);
	case FIELD_ORIGIN:
		if (to->origin)
			return record_text(record, to->origin, err);
		break;
	case FIELD_STATE:
		if (to->state)
			return record_u32(record, to->state, err);
		break;
	default:
		break;
	}
	return record_damaged(err, "a field is not known");
}

/* The object's name: objects are made by their name, so it is looked for first. */
static char *read_name(struct span body, struct untrack_error *err)
{
	autofree char *name = NULL;
	struct record record;

	while (record_next(&body, &record))
		if (record.type == FIELD_NAME && !record_text(&record, &name, err))
			return NULL;
	if (!name || !*name) {
		record_damaged(err, "an object has no name");
		return NULL;
	}
	return steal_pointer(&name);
}

static bool read_end(struct span rest, struct untrack_error *err)
{
	return rest.len ? record_damaged(err, "a record is cut off") : true;
}

/* The bytes of the rule before, but for those that are told. */
static bool read_like(struct span body, const struct rule *before, struct buf *attrs,
		      struct untrack_error *err)
{
	struct differing differing;

	if (!before || attrs->len)
		return record_damaged(err, "attributes are like none");
	buf_reserve_exactly(attrs, before->attrs.len);
	buf_put(attrs, before->attrs.data, before->attrs.len);
	if (!buf_ok(attrs, err))
		return false;
	while (body.len >= sizeof(differing)) {
		memcpy(&differing, body.data, sizeof(differing));
		body.data += sizeof(differing);
		body.len -= sizeof(differing);
		if (differing.length > body.len ||
		    (size_t)differing.offset + differing.length > attrs->len)
			return record_damaged(err, "attributes are cut off");
		memcpy(attrs->data + differing.offset, body.data, differing.length);
		body.data += differing.length;
		body.len -= differing.length;
	}
	return read_end(body, err);
}

static struct rule *read_rule(struct span body, const struct rule *before,
			      struct untrack_error *err)
{
	autoclean(rule_free_p) struct rule *rule = rule_new();
	struct record record;

	if (!rule) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&body, &record)) {
		const struct common to = {&rule->attrs, &rule->handle, &rule->origin, NULL};

		if (record.type == FIELD_ATTRS_LIKE
			    ? !read_like(record.body, before, &rule->attrs, err)
			    : !read_common(&record, &to, err))
			return NULL;
	}
	return read_end(body, err) ? steal_pointer(&rule) : NULL;
}

static bool read_into_chain(const struct record *record, struct chain *chain, uint32_t *state,
			    struct untrack_error *err)
{
	autoclean(rule_free_p) struct rule *rule = NULL;

	if (record->type != FIELD_RULE)
		return read_common(
			record, &(struct common){&chain->attrs, &chain->handle, NULL, state}, err);
	rule = read_rule(record->body, chain->rules.n ? chain->rules.v[chain->rules.n - 1] : NULL,
			 err);
	if (!rule)
		return false;
	if (!array_push(&chain->rules, rule))
		return error_memory(err);
	steal_pointer(&rule);
	return true;
}

static struct chain *read_chain(struct span body, struct untrack_error *err)
{
	autofree char *name = read_name(body, err);
	autoclean(chain_free_p) struct chain *chain = NULL;
	struct record record;
	uint32_t state = 0;

	if (!name)
		return NULL;
	chain = chain_new(name);
	if (!chain) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&body, &record))
		if (!read_into_chain(&record, chain, &state, err))
			return NULL;
	chain->rules_read = state & STATE_READ;
	return read_end(body, err) ? steal_pointer(&chain) : NULL;
}

static bool read_elements(struct span body, struct elements *elements, struct untrack_error *err)
{
	const uint8_t *begin = body.data;
	struct attr element;

	if (elements->at.n)
		return record_damaged(err, "elements come twice");
	buf_put(&elements->bytes, body.data, body.len);
	while (body.len) {
		uint32_t at = (uint32_t)(body.data - begin);
		size_t before = body.len;

		if (!attr_next(&body, &element) || element.type != NFTA_LIST_ELEM ||
		    before - body.len != NLA_HDRLEN + NLA_ALIGN(element.body.len))
			return record_damaged(err, "an element is cut off");
		if (!array_push(&elements->at, at))
			return error_memory(err);
	}
	return buf_ok(&elements->bytes, err);
}

static bool read_packed(struct span body, uint32_t kind, struct packed *packed,
			struct untrack_error *err)
{
	uint32_t width = kind & ~PACKED_RANGES;
	size_t entry = width * (kind & PACKED_RANGES ? 2 : 1);

	if (packed->keys || packed->stored || !width || width > NFT_DATA_VALUE_MAXLEN ||
	    !body.len || body.len % entry)
		return record_damaged(err, "a list of keys is cut off");
	packed->keys = malloc(body.len);
	if (!packed->keys)
		return error_memory(err);
	memcpy(packed->keys, body.data, body.len);
	packed->width = (uint8_t)width;
	packed->ranges = kind & PACKED_RANGES;
	packed->count = body.len / entry;
	return packed_is_sorted(packed) || record_damaged(err, "a list of keys is not sorted");
}

static bool read_stored(struct span body, uint32_t kind, struct packed *packed,
			struct untrack_error *err)
{
	uint32_t width = kind & ~PACKED_RANGES;
	uint64_t stored[2];

	if (packed->keys || packed->stored || !width || width > NFT_DATA_VALUE_MAXLEN ||
	    body.len != sizeof(stored))
		return record_damaged(err, "a list of keys is told of wrongly");
	memcpy(stored, body.data, sizeof(stored));
	if (!stored[0] || !stored[1] || stored[1] > UINT32_MAX)
		return record_damaged(err, "a list of keys has no number");
	*packed = (struct packed){.stored = stored[0],
				  .count = stored[1],
				  .width = (uint8_t)width,
				  .ranges = kind & PACKED_RANGES};
	return true;
}

static struct set *read_set(struct span body, struct untrack_error *err)
{
	autofree char *name = read_name(body, err);
	autoclean(set_free_p) struct set *set = NULL;
	struct record record;
	uint32_t state = 0, kind = 0;

	if (!name)
		return NULL;
	set = set_new(name);
	if (!set) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&body, &record)) {
		bool read;

		if (record.type == FIELD_FLAGS)
			read = record_u32(&record, &set->flags, err);
		else if (record.type == FIELD_ELEMENTS)
			read = read_elements(record.body, &set->elements, err);
		else if (record.type == FIELD_PACKED_KIND)
			read = record_u32(&record, &kind, err);
		else if (record.type == FIELD_PACKED_STORED)
			read = read_stored(record.body, kind, &set->elements.packed, err);
		else if (record.type == FIELD_PACKED)
			read = read_packed(record.body, kind, &set->elements.packed, err);
		else
			read = read_common(
				&record,
				&(struct common){&set->attrs, &set->handle, &set->origin, &state},
				err);
		if (!read)
			return NULL;
	}
	set->elements_read = state & STATE_READ;
	if (state & STATE_SORTED)
		elements_sort(&set->elements); /* they are, unless the bytes lie */
	return read_end(body, err) ? steal_pointer(&set) : NULL;
}

static struct stateful *read_stateful(struct span body, struct untrack_error *err)
{
	autofree char *name = read_name(body, err);
	autoclean(stateful_free_p) struct stateful *object = NULL;
	struct record record;

	if (!name)
		return NULL;
	object = stateful_new(name, 0);
	if (!object) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&body, &record)) {
		bool read = record.type == FIELD_TYPE
				    ? record_u32(&record, &object->type, err)
				    : read_common(&record,
						  &(struct common){&object->attrs, &object->handle,
								   &object->origin, NULL},
						  err);

		if (!read)
			return NULL;
	}
	return read_end(body, err) ? steal_pointer(&object) : NULL;
}

static struct flowtable *read_flowtable(struct span body, struct untrack_error *err)
{
	autofree char *name = read_name(body, err);
	autoclean(flowtable_free_p) struct flowtable *flowtable = NULL;
	struct record record;

	if (!name)
		return NULL;
	flowtable = flowtable_new(name);
	if (!flowtable) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&body, &record))
		if (!read_common(
			    &record,
			    &(struct common){&flowtable->attrs, &flowtable->handle, NULL, NULL},
			    err))
			return NULL;
	return read_end(body, err) ? steal_pointer(&flowtable) : NULL;
}

/* Reads one object beneath the table and appends it to its list. */
#define READ_INTO(array, T, read)                                                                  \
	__extension__({                                                                            \
		autoclean(T##_free_p) struct T *object_ = read;                                    \
		bool done_ = object_ && (array_push(array, object_) || error_memory(err));         \
		if (done_)                                                                         \
			steal_pointer(&object_);                                                   \
		done_;                                                                             \
	})

static bool read_into_table(const struct record *record, struct table *table, uint32_t *state,
			    struct untrack_error *err)
{
	switch (record->type) {
	case FIELD_FORMAT:
	case FIELD_FAMILY: /* read before the table was made */
		return true;
	case FIELD_CHAIN:
		return READ_INTO(&table->chains, chain, read_chain(record->body, err));
	case FIELD_SET:
		return READ_INTO(&table->sets, set, read_set(record->body, err));
	case FIELD_STATEFUL:
		return READ_INTO(&table->objects, stateful, read_stateful(record->body, err));
	case FIELD_FLOWTABLE:
		return READ_INTO(&table->flowtables, flowtable, read_flowtable(record->body, err));
	default:
		return read_common(
			record, &(struct common){&table->attrs, &table->handle, NULL, state}, err);
	}
}

/* The format comes first and the family second, in this and every later format. */
static bool read_family(struct span body, uint8_t *ret_family, struct untrack_error *err)
{
	struct record record;
	uint32_t format = 0, family = 0;

	if (!record_next(&body, &record) || record.type != FIELD_FORMAT)
		return record_damaged(err, "a table has no format");
	if (!record_u32(&record, &format, err))
		return false;
	if (format != FORMAT)
		return error_set(err, ERROR_SYSTEM,
				 "the stored table is in another untrack's format, got %u; "
				 "expected %d",
				 format, FORMAT);
	if (!record_next(&body, &record) || record.type != FIELD_FAMILY)
		return record_damaged(err, "a table has no family");
	if (!record_u32(&record, &family, err))
		return false;
	if (!family || family > UINT8_MAX)
		return record_damaged(err, "a table's family is none");
	*ret_family = (uint8_t)family;
	return true;
}

struct table *deserialise_table(struct span *rest, struct untrack_error *err)
{
	autofree char *name = NULL;
	autoclean(table_free_p) struct table *table = NULL;
	struct record record;
	uint32_t state = 0;
	struct span body;
	uint8_t family = 0;

	if (!record_next(rest, &record) || record.type != FIELD_TABLE) {
		record_damaged(err, "there is no table");
		return NULL;
	}
	body = record.body;
	if (!read_family(body, &family, err) || !(name = read_name(body, err)))
		return NULL;
	table = table_new(family, name);
	if (!table) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&body, &record))
		if (!read_into_table(&record, table, &state, err))
			return NULL;
	table->contents_read = state & STATE_READ;
	table->unknown = state & STATE_UNKNOWN;
	return read_end(body, err) ? steal_pointer(&table) : NULL;
}
