/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/serialise.h"

#include "base/cleanup.h"
#include "model/serialise_parts.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <string.h>

/* Beside its attributes. A handle of 0 and an absent origin are left out. */
static void put_own(struct buf *out, const struct buf *attrs, uint64_t handle, const char *origin)
{
	if (handle)
		record_put_u64(out, FIELD_HANDLE, handle);
	record_put_text(out, FIELD_ORIGIN, origin);
	out->failed |= attrs->failed; /* what is incomplete must not be kept as if it were whole */
}

/* The fields that objects share. */
static void put_common(struct buf *out, const char *name, const struct buf *attrs, uint64_t handle,
		       const char *origin)
{
	record_put_text(out, FIELD_NAME, name);
	record_put(out, FIELD_ATTRS, attrs->data, attrs->len);
	put_own(out, attrs, handle, origin);
}

/* From there on: where they differ next, up to where they agree for longer than it takes to say so. */
static struct differing next_differing(const struct buf *a, const struct buf *b, size_t from)
{
	size_t end;

	while (from + sizeof(uint64_t) <= a->len &&
	       !memcmp(a->data + from, b->data + from, sizeof(uint64_t)))
		from += sizeof(uint64_t);
	while (from < a->len && a->data[from] == b->data[from])
		from++;
	end = from;
	for (size_t at = from; at < a->len && at < end + 1 + sizeof(struct differing); at++)
		if (a->data[at] != b->data[at])
			end = at + 1;
	return (struct differing){(uint16_t)from, (uint16_t)(end - from)};
}

/* Of rules that are alike, one behind the other, what is not: a tenth of their bytes. False: they are not. */
static bool put_like(struct buf *out, const struct buf *attrs, const struct buf *before)
{
	size_t begin = out->len, most = begin + attrs->len / 2;
	struct differing differing = {0};

	if (attrs->len != before->len || attrs->len > UINT16_MAX || attrs->failed || before->failed)
		return false;
	begin = record_begin(out, FIELD_ATTRS_LIKE);
	for (;;) {
		differing =
			next_differing(attrs, before, (size_t)differing.offset + differing.length);
		if (!differing.length)
			break;
		buf_put(out, &differing, sizeof(differing));
		buf_put(out, attrs->data + differing.offset, differing.length);
		if (out->failed || out->len > most) {
			out->len = out->failed ? out->len : begin;
			return false;
		}
	}
	record_end(out, begin);
	return true;
}

static void put_rule(struct buf *out, const struct rule *rule, const struct rule *before)
{
	size_t begin = record_begin(out, FIELD_RULE);

	if (!before || !put_like(out, &rule->attrs, &before->attrs))
		record_put(out, FIELD_ATTRS, rule->attrs.data, rule->attrs.len);
	put_own(out, &rule->attrs, rule->handle, rule->origin);
	record_end(out, begin);
}

static void put_chain(struct buf *out, const struct chain *chain)
{
	size_t begin = record_begin(out, FIELD_CHAIN);

	put_common(out, chain->name, &chain->attrs, chain->handle, NULL);
	record_put_u32(out, FIELD_STATE, chain->rules_read ? STATE_READ : 0);
	for (size_t i = 0; i < chain->rules.n; i++)
		put_rule(out, chain->rules.v[i], i ? chain->rules.v[i - 1] : NULL);
	record_end(out, begin);
}

/* Element after element, in sorted order if they are sorted, so that reading need not sort. */
static void put_elements(struct buf *out, const struct elements *elements)
{
	size_t begin = record_begin(out, FIELD_ELEMENTS);

	for (size_t i = 0; i < elements->at.n; i++) {
		struct span body = element_at(elements, i);

		buf_put(out, elements->bytes.data + elements->at.v[i],
			NLA_HDRLEN + NLA_ALIGN(body.len));
	}
	record_end(out, begin);
	out->failed |= elements->bytes.failed;
}

/* Kind of key, then the keys as they are. */
static void put_packed(struct buf *out, const struct packed *packed, uint64_t number)
{
	const uint64_t stored[] = {number, packed->count};
	size_t begin;

	if (!packed->count)
		return;
	record_put_u32(out, FIELD_PACKED_KIND,
		       packed->width | (packed->ranges ? PACKED_RANGES : 0));
	if (number) {
		record_put(out, FIELD_PACKED_STORED, stored, sizeof(stored));
		return;
	}
	begin = record_begin(out, FIELD_PACKED);
	buf_put(out, packed->keys, packed->count * packed_entry(packed));
	record_end(out, begin);
}

static void put_set(struct buf *out, const struct set *set, uint64_t number)
{
	size_t begin = record_begin(out, FIELD_SET);

	put_common(out, set->name, &set->attrs, set->handle, set->origin);
	record_put_u32(out, FIELD_STATE,
		       (set->elements_read ? STATE_READ : 0) |
			       (set->elements.sorted ? STATE_SORTED : 0));
	record_put_u32(out, FIELD_FLAGS, set->flags);
	put_elements(out, &set->elements);
	put_packed(out, &set->elements.packed, number);
	record_end(out, begin);
}

/* About as much as the many things in it will take: a buffer that grows is copied each time. */
static size_t expected_size(const struct table *table)
{
	enum { HEADS = 64 }; /* of an object's records */
	size_t size = 0;

	array_for_each(chain, &table->chains) {
		array_for_each(rule, &(*chain)->rules) {
			size += HEADS + (*rule)->attrs.len;
		}
	}
	array_for_each(set, &table->sets) {
		size += HEADS + (*set)->attrs.len + (*set)->elements.bytes.len;
	}
	return size;
}

/* What has no keys, only their number, keeps that. */
static uint64_t together(void *arg, const struct table *table, const struct set *set)
{
	(void)arg;
	(void)table;
	return set->elements.packed.keys ? 0 : set->elements.packed.stored;
}

void serialise_table(struct buf *out, const struct table *table)
{
	serialise_table_apart(out, table, together, NULL);
}

void serialise_table_apart(struct buf *out, const struct table *table, serialise_apart_fn *apart,
			   void *arg)
{
	size_t begin = record_begin(out, FIELD_TABLE);

	buf_reserve(out, expected_size(table));
	record_put_u32(out, FIELD_FORMAT, FORMAT);
	record_put_u32(out, FIELD_FAMILY, table->family);
	put_common(out, table->name, &table->attrs, table->handle, NULL);
	record_put_u32(out, FIELD_STATE,
		       (table->contents_read ? STATE_READ : 0) |
			       (table->unknown ? STATE_UNKNOWN : 0));
	array_for_each(chain, &table->chains) {
		put_chain(out, *chain);
	}
	array_for_each(set, &table->sets) {
		put_set(out, *set, apart(arg, table, *set));
	}
	array_for_each(object, &table->objects) {
		size_t object_begin = record_begin(out, FIELD_STATEFUL);

		put_common(out, (*object)->name, &(*object)->attrs, (*object)->handle,
			   (*object)->origin);
		record_put_u32(out, FIELD_TYPE, (*object)->type);
		record_end(out, object_begin);
	}
	array_for_each(flowtable, &table->flowtables) {
		size_t flowtable_begin = record_begin(out, FIELD_FLOWTABLE);

		put_common(out, (*flowtable)->name, &(*flowtable)->attrs, (*flowtable)->handle,
			   NULL);
		record_end(out, flowtable_begin);
	}
	record_end(out, begin);
}
