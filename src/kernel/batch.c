/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/batch.h"

#include "kernel/socket.h"
#include "model/fields.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

/* A surprise is an error: what is added must not be there. */
enum { FLAGS_ADD = NLM_F_CREATE | NLM_F_EXCL, FLAGS_UPDATE = NLM_F_CREATE };

void batch_free(struct batch *batch)
{
	buf_free(&batch->bytes);
	array_free(&batch->messages);
	array_free(&batch->unnamed);
	array_free(&batch->numbers);
}

size_t batch_begin(struct batch *batch, uint8_t message, uint16_t flags, uint8_t family)
{
	struct batch_message entry = {.at = batch->bytes.len, .step = batch->step};
	uint32_t sequence = batch->sequence + (uint32_t)batch->messages.n + 1;

	if (!array_push(&batch->messages, entry))
		batch->bytes.failed = true;
	return netlink_message_begin(&batch->bytes, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message),
				     flags, family, 0, sequence);
}

void batch_end(struct batch *batch, size_t begin)
{
	netlink_message_end(&batch->bytes, begin);
}

void batch_copy_attr(struct buf *b, struct span body)
{
	buf_put(b, body.data - NLA_HDRLEN, body.len + NLA_HDRLEN);
	buf_zero(b, NLA_ALIGN(body.len) - body.len);
}

void batch_copy(struct batch *batch, enum object_kind kind, const struct buf *attrs)
{
	attr_for_each(a, buf_span(attrs)) {
		enum field_role role = field_role(kind, a.type);

		if (role != FIELD_KEY && role != FIELD_KERNEL)
			batch_copy_attr(&batch->bytes, a.body);
	}
}

void batch_copy_quota(struct buf *b, struct span data)
{
	attr_for_each(a, data) {
		if (a.type == NFTA_QUOTA_FLAGS)
			attr_put_be32(b, NFTA_QUOTA_FLAGS, attr_be32(a.body) & NFT_QUOTA_F_INV);
		else
			batch_copy_attr(b, a.body);
	}
}

uint32_t batch_new_id(struct batch *batch, const void *object, const struct table *table)
{
	struct batch_unnamed entry = {.object = object, .id = ++batch->last_id};

	array_for_each(numbers, &batch->numbers) {
		if (table && numbers->table == table) {
			entry.numbered = true;
			entry.number = numbers->next++;
		}
	}
	if (!array_push(&batch->unnamed, entry))
		batch->bytes.failed = true;
	return entry.id;
}

const struct batch_unnamed *batch_unnamed(const struct batch *batch, const void *object)
{
	array_for_each(entry, &batch->unnamed) {
		if (entry->object == object)
			return entry;
	}
	return NULL;
}

uint32_t batch_id(const struct batch *batch, const void *object)
{
	const struct batch_unnamed *unnamed = batch_unnamed(batch, object);

	return unnamed ? unnamed->id : 0;
}

/* ------------------------------------------------------------------ tables, chains, objects */

/* Flags are sent even when zero: without them a dormant table would stay so. */
static void table_step(struct batch *batch, const struct plan_step *step)
{
	const struct table *table = step->table;
	bool delete = step->operation == OPERATION_DELETE;
	size_t begin = batch_begin(batch, delete ? NFT_MSG_DELTABLE : NFT_MSG_NEWTABLE,
				   step->operation == OPERATION_ADD ? FLAGS_ADD
				   : delete			    ? 0
								    : FLAGS_UPDATE,
				   table->family);
	struct span flags;

	attr_put_text(&batch->bytes, NFTA_TABLE_NAME, table->name);
	if (!delete) {
		batch_copy(batch, OBJECT_TABLE, &table->attrs);
		if (!attr_find(buf_span(&table->attrs), NFTA_TABLE_FLAGS, &flags))
			attr_put_be32(&batch->bytes, NFTA_TABLE_FLAGS, 0);
	}
	batch_end(batch, begin);
}

/* The kernel dumps one device twice, alone and as a list; only the list can say more than one. */
static void put_hook(struct buf *b, struct span hook)
{
	size_t begin = attr_nest_begin(b, NFTA_CHAIN_HOOK);
	struct span list;
	bool devices = attr_find(hook, NFTA_HOOK_DEVS, &list);

	attr_for_each(a, hook) {
		if (a.type != NFTA_HOOK_DEV || !devices)
			batch_copy_attr(b, a.body);
	}
	attr_nest_end(b, begin);
}

static void chain_step(struct batch *batch, const struct plan_step *step)
{
	const struct chain *chain = step->chain;
	bool delete = step->operation == OPERATION_DELETE;
	size_t begin;

	if (chain_is_bound(chain))
		return; /* with its rule */
	if (step->operation == OPERATION_FLUSH) {
		batch_flush_chain(batch, step);
		return;
	}
	begin = batch_begin(batch, delete ? NFT_MSG_DELCHAIN : NFT_MSG_NEWCHAIN,
			    step->operation == OPERATION_ADD ? FLAGS_ADD
			    : delete			     ? 0
							     : FLAGS_UPDATE,
			    step->table->family);
	attr_put_text(&batch->bytes, NFTA_CHAIN_TABLE, step->table->name);
	attr_put_text(&batch->bytes, NFTA_CHAIN_NAME, chain->name);
	attr_for_each(a, buf_span(&chain->attrs)) {
		enum field_role role = field_role(OBJECT_CHAIN, a.type);

		if (delete || role == FIELD_KEY || role == FIELD_KERNEL)
			continue;
		if (a.type == NFTA_CHAIN_HOOK)
			put_hook(&batch->bytes, a.body);
		else
			batch_copy_attr(&batch->bytes, a.body);
	}
	batch_end(batch, begin);
}

static void put_quota_object(struct batch *batch, const struct stateful *object)
{
	struct span data;
	size_t begin;

	if (!attr_find(buf_span(&object->attrs), NFTA_OBJ_DATA, &data))
		return;
	begin = attr_nest_begin(&batch->bytes, NFTA_OBJ_DATA);
	batch_copy_quota(&batch->bytes, data);
	attr_nest_end(&batch->bytes, begin);
	if (attr_find(buf_span(&object->attrs), NFTA_OBJ_USERDATA, &data))
		batch_copy_attr(&batch->bytes, data);
}

static void stateful_step(struct batch *batch, const struct plan_step *step)
{
	const struct stateful *object = step->object;
	bool delete = step->operation == OPERATION_DELETE;
	size_t begin = batch_begin(batch, delete ? NFT_MSG_DELOBJ : NFT_MSG_NEWOBJ,
				   step->operation == OPERATION_ADD ? FLAGS_ADD
				   : delete			    ? 0
								    : FLAGS_UPDATE,
				   step->table->family);

	attr_put_text(&batch->bytes, NFTA_OBJ_TABLE, step->table->name);
	attr_put_text(&batch->bytes, NFTA_OBJ_NAME, object->name);
	attr_put_be32(&batch->bytes, NFTA_OBJ_TYPE, object->type);
	if (!delete &&object->type == NFT_OBJECT_QUOTA)
		put_quota_object(batch, object);
	else if (!delete)
		batch_copy(batch, OBJECT_STATEFUL, &object->attrs);
	batch_end(batch, begin);
}

static void flowtable_step(struct batch *batch, const struct plan_step *step)
{
	const struct flowtable *flowtable = step->flowtable;
	bool delete = step->operation == OPERATION_DELETE;
	size_t begin = batch_begin(batch, delete ? NFT_MSG_DELFLOWTABLE : NFT_MSG_NEWFLOWTABLE,
				   step->operation == OPERATION_ADD ? FLAGS_ADD
				   : delete			    ? 0
								    : FLAGS_UPDATE,
				   step->table->family);

	attr_put_text(&batch->bytes, NFTA_FLOWTABLE_TABLE, step->table->name);
	attr_put_text(&batch->bytes, NFTA_FLOWTABLE_NAME, flowtable->name);
	if (!delete)
		batch_copy(batch, OBJECT_FLOWTABLE, &flowtable->attrs);
	batch_end(batch, begin);
}

static void set_step(struct batch *batch, const struct plan_step *step)
{
	size_t begin;

	if (set_is_anonymous(step->set))
		return; /* with its rule */
	if (step->operation != OPERATION_DELETE) {
		batch_add_set(batch, step->table, step->set,
			      step->operation == OPERATION_ADD ? FLAGS_ADD : FLAGS_UPDATE);
		return;
	}
	begin = batch_begin(batch, NFT_MSG_DELSET, 0, step->table->family);
	attr_put_text(&batch->bytes, NFTA_SET_TABLE, step->table->name);
	attr_put_text(&batch->bytes, NFTA_SET_NAME, step->set->name);
	batch_end(batch, begin);
}

static void rule_step(struct batch *batch, const struct plan_step *step, struct untrack_error *err)
{
	if (chain_is_bound(step->chain))
		return; /* with the rule that it is bound to */
	if (step->operation == OPERATION_DELETE)
		batch_delete_rule(batch, step);
	else
		batch_add_rule(batch, step, err);
}

static void write_step(struct batch *batch, const struct plan_step *step, struct untrack_error *err)
{
	switch (step->kind) {
	case OBJECT_TABLE:
		table_step(batch, step);
		break;
	case OBJECT_CHAIN:
		chain_step(batch, step);
		break;
	case OBJECT_SET:
		set_step(batch, step);
		break;
	case OBJECT_ELEMENT:
		if (!set_is_anonymous(step->set))
			batch_elements(batch, step);
		break;
	case OBJECT_RULE:
		rule_step(batch, step, err);
		break;
	case OBJECT_STATEFUL:
		stateful_step(batch, step);
		break;
	case OBJECT_FLOWTABLE:
		flowtable_step(batch, step);
		break;
	case OBJECT_KINDS:
		break;
	}
}

static void mark_last(struct batch *batch)
{
	size_t at = batch->messages.v[batch->messages.n - 1].at;
	struct nlmsghdr head;

	memcpy(&head, batch->bytes.data + at, sizeof(head));
	head.nlmsg_flags |= NLM_F_ACK;
	memcpy(batch->bytes.data + at, &head, sizeof(head));
}

/* Room for what very many rules take: a buffer that grows is copied each time. */
static void expect_rules(struct batch *batch, const struct plan *plan)
{
	size_t size = 0;

	array_for_each(step, &plan->steps) {
		if (step->kind == OBJECT_RULE && step->operation != OPERATION_DELETE)
			size += sizeof(struct nlmsghdr) + step->rule->attrs.len;
	}
	buf_reserve(&batch->bytes, size);
	if (!array_reserve(&batch->messages, plan->steps.n))
		batch->bytes.failed = true;
}

bool batch_build(struct batch *batch, const struct plan *plan, uint32_t generation, bool dry_run,
		 uint32_t sequence, struct untrack_error *err)
{
	autoerror met = ERROR_INIT;
	struct buf *b = &batch->bytes;
	size_t begin;

	batch->sequence = sequence;
	expect_rules(batch, plan);
	array_for_each(numbers, &plan->set_numbers) {
		if (!array_push(&batch->numbers, *numbers))
			return error_memory(err);
	}
	begin = netlink_message_begin(b, NFNL_MSG_BATCH_BEGIN, 0, NFPROTO_UNSPEC,
				      NFNL_SUBSYS_NFTABLES, sequence);
	if (generation)
		attr_put_be32(b, NFNL_BATCH_GENID, generation);
	netlink_message_end(b, begin);
	for (batch->step = 0; batch->step < plan->steps.n && !b->failed; batch->step++)
		write_step(batch, &plan->steps.v[batch->step], &met);
	if (error_is_set(&met)) {
		error_move(err, &met);
		return false;
	}
	if (!buf_ok(b, err))
		return false;
	if (batch->messages.n)
		mark_last(batch); /* its answer says that all went well */
	if (dry_run)
		return true; /* without the end the kernel validates and aborts */
	begin = netlink_message_begin(b, NFNL_MSG_BATCH_END, 0, NFPROTO_UNSPEC,
				      NFNL_SUBSYS_NFTABLES,
				      sequence + (uint32_t)batch->messages.n + 1);
	netlink_message_end(b, begin);
	return buf_ok(b, err);
}
