/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets and elements as messages. */
#include "kernel/batch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

/* A nested attribute holds at most 64 KiB, and the kernel reads one ELEMENTS nest a message. */
enum { NEST_SIZE = 60 * 1024 };

/* Anonymous sets get their names from the kernel, by nft's own templates; ours need not be as short
 * as those must be (NFT_SET_MAX_ANONLEN). Where we found numbers they have what it would make of these. */
void batch_set_name(struct batch *batch, uint16_t type, const struct set *set)
{
	const struct batch_unnamed *unnamed = batch_unnamed(batch, set);
	const char *kind = set->flags & NFT_SET_MAP ? "__map" : "__set";
	char name[NFT_SET_MAXNAMELEN];

	if (!set_is_anonymous(set) || set_is_meter(set))
		snprintf(name, sizeof(name), "%s", set->name);
	else if (unnamed && unnamed->numbered)
		snprintf(name, sizeof(name), "%s%u", kind, unnamed->number);
	else
		snprintf(name, sizeof(name), "%s%%d", kind);
	attr_put_text(&batch->bytes, type, name);
}

void batch_add_set(struct batch *batch, const struct table *table, const struct set *set,
		   uint16_t flags)
{
	size_t begin = batch_begin(batch, NFT_MSG_NEWSET, flags, table->family);
	uint32_t id = set_is_anonymous(set) ? batch_new_id(batch, set, table) : ++batch->last_id;

	attr_put_text(&batch->bytes, NFTA_SET_TABLE, table->name);
	batch_set_name(batch, NFTA_SET_NAME, set);
	attr_put_be32(&batch->bytes, NFTA_SET_ID, id);
	batch_copy(batch, OBJECT_SET, &set->attrs);
	batch_end(batch, begin);
}

/* ------------------------------------------------------------------ elements */

/* The messages of one list of elements: a new one begins when the last is full. */
struct element_writer {
	struct batch *batch;
	const struct table *table;
	const struct set *set;
	uint8_t message;
	uint16_t flags;
	bool open;
	size_t begin, nest; /* places of what is open */
};

static void close_list(struct element_writer *writer)
{
	if (!writer->open)
		return;
	attr_nest_end(&writer->batch->bytes, writer->nest);
	batch_end(writer->batch, writer->begin);
	writer->open = false;
}

static void begin_message(struct element_writer *writer)
{
	struct buf *b = &writer->batch->bytes;

	writer->begin =
		batch_begin(writer->batch, writer->message, writer->flags, writer->table->family);
	attr_put_text(b, NFTA_SET_ELEM_LIST_TABLE, writer->table->name);
	batch_set_name(writer->batch, NFTA_SET_ELEM_LIST_SET, writer->set);
	if (set_is_anonymous(writer->set))
		attr_put_be32(b, NFTA_SET_ELEM_LIST_SET_ID, batch_id(writer->batch, writer->set));
}

static void open_list(struct element_writer *writer)
{
	begin_message(writer);
	writer->nest = attr_nest_begin(&writer->batch->bytes, NFTA_SET_ELEM_LIST_ELEMENTS);
	writer->open = true;
}

/* To delete an element its key is enough; its flags tell an interval's end from a start. An end is added
 * likewise: the timeout of 0 that the kernel dumps with it, it does not take back (nf_tables_api.c:
 * nft_add_set_elem). */
static void put_key(struct buf *b, struct span element)
{
	size_t begin = attr_nest_begin(b, NFTA_LIST_ELEM);

	attr_for_each(a, element) {
		if (a.type == NFTA_SET_ELEM_KEY || a.type == NFTA_SET_ELEM_KEY_END ||
		    a.type == NFTA_SET_ELEM_FLAGS)
			batch_copy_attr(b, a.body);
	}
	attr_nest_end(b, begin);
}

static void put_element(struct element_writer *writer, size_t index)
{
	struct span element = element_at(&writer->set->elements, index);
	struct buf *b = &writer->batch->bytes;

	if (writer->open && b->len - writer->nest + NLA_HDRLEN + element.len > NEST_SIZE)
		close_list(writer);
	if (!writer->open)
		open_list(writer);
	if (writer->message == NFT_MSG_DELSETELEM || element_is_end(element))
		put_key(b, element);
	else
		batch_copy_attr(b, element);
}

/* Packets may have added an element to a dynamic set already, which is as good. */
static uint16_t add_flags(const struct set *set)
{
	return set->flags & NFT_SET_EVAL ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL;
}

/* Keys without anything beside them are written in place, the same for adding and deleting. The two ends of
 * an interval stay in one message. */
static void put_packed(struct element_writer *writer)
{
	const struct packed *packed = &writer->set->elements.packed;
	struct buf *b = &writer->batch->bytes;

	buf_reserve(b, packed->count * packed_size(packed));
	for (size_t i = 0; i < packed->count; i++) {
		if (writer->open && b->len - writer->nest + PACKED_ENTRY_MAX > NEST_SIZE)
			close_list(writer);
		if (!writer->open)
			open_list(writer);
		if (!buf_reserve(b, PACKED_ENTRY_MAX))
			return;
		b->len += packed_put(packed, i, b->data + b->len);
	}
	b->data[b->len] = 0;
}

static int compare_places(const void *left, const void *right, void *offsets)
{
	uint32_t a = ((uint32_t *)offsets)[*(const uint32_t *)left];
	uint32_t b = ((uint32_t *)offsets)[*(const uint32_t *)right];

	return a < b ? -1 : a > b;
}

/* Does the kernel list the elements as they came? Intervals of several fields, and bitmaps (keys of one
 * or two bytes). All others it sorts or scatters itself. */
static bool keeps_order(const struct set *set)
{
	const uint32_t interval_fields = NFT_SET_CONCAT | NFT_SET_INTERVAL;

	return (set->flags & interval_fields) == interval_fields ||
	       (!(set->flags & NFT_SET_INTERVAL) &&
		attr_find_be32(buf_span(&set->attrs), NFTA_SET_KEY_LEN) <= 2);
}

/* All elements: those that a kernel listed in the same order, where it keeps it. */
static void put_all(struct element_writer *writer)
{
	const struct elements *elements = &writer->set->elements;
	size_t count = elements_count(elements);
	bool as_read = elements->listed && elements->at.n && keeps_order(writer->set);
	uint32_t *order = as_read ? calloc(count, sizeof(*order)) : NULL;

	if (elements->packed.count) {
		put_packed(writer);
		return;
	}
	for (size_t i = 0; order && i < count; i++)
		order[i] = (uint32_t)i;
	if (order)
		qsort_r(order, count, sizeof(*order), compare_places, elements->at.v);
	else if (as_read)
		writer->batch->bytes.failed = true;
	for (size_t i = 0; i < count && !writer->batch->bytes.failed; i++)
		put_element(writer, order ? order[i] : i);
	free(order);
}

void batch_elements(struct batch *batch, const struct plan_step *step)
{
	bool add = step->operation == OPERATION_ADD;
	struct element_writer writer = {
		.batch = batch,
		.table = step->table,
		.set = step->set,
		.message = add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
		.flags = add ? add_flags(step->set) : 0,
	};

	if (step->operation == OPERATION_FLUSH) {
		begin_message(&writer); /* without a list: all of them */
		batch_end(batch, writer.begin);
		return;
	}
	if (!step->indexes && !step->first && step->count == elements_count(&step->set->elements))
		put_all(&writer);
	else
		for (uint32_t i = 0; i < step->count && !batch->bytes.failed; i++)
			put_element(&writer, step->indexes ? step->indexes[i] : step->first + i);
	close_list(&writer);
}

void batch_all_elements(struct batch *batch, const struct table *table, const struct set *set)
{
	struct element_writer writer = {
		.batch = batch,
		.table = table,
		.set = set,
		.message = NFT_MSG_NEWSETELEM,
		.flags = NLM_F_CREATE | NLM_F_EXCL,
	};

	put_all(&writer);
	close_list(&writer);
}
