/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/refusal.h"

#include "base/inet.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

/* nft's numbers for types of keys (libnftables datatype.h); the kernel only stores them. */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PORT = 13 };

/* The message that was refused, or NULL: batch-begin. */
static const struct batch_message *find_message(const struct refusal *refusal,
						const struct batch *batch)
{
	uint32_t index = refusal->sequence - batch->sequence - 1;

	return index < batch->messages.n ? &batch->messages.v[index] : NULL;
}

static uint8_t message_type(const struct batch *batch, const struct batch_message *message)
{
	struct nlmsghdr head;

	memcpy(&head, batch->bytes.data + message->at, sizeof(head));
	return NFNL_MSG_TYPE(head.nlmsg_type);
}

static struct span message_attrs(const struct batch *batch, const struct batch_message *message)
{
	size_t skip = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	struct nlmsghdr head;

	memcpy(&head, batch->bytes.data + message->at, sizeof(head));
	return (struct span){batch->bytes.data + message->at + skip, head.nlmsg_len - skip};
}

/* ------------------------------------------------------------------ where */

static const char *object_type_name(uint32_t type)
{
	static const char *const names[] = {
		[NFT_OBJECT_COUNTER] = "counter",	   [NFT_OBJECT_QUOTA] = "quota",
		[NFT_OBJECT_CT_HELPER] = "ct helper",	   [NFT_OBJECT_LIMIT] = "limit",
		[NFT_OBJECT_CONNLIMIT] = "ct count",	   [NFT_OBJECT_TUNNEL] = "tunnel",
		[NFT_OBJECT_CT_TIMEOUT] = "ct timeout",	   [NFT_OBJECT_SECMARK] = "secmark",
		[NFT_OBJECT_CT_EXPECT] = "ct expectation", [NFT_OBJECT_SYNPROXY] = "synproxy",
	};

	return type < sizeof(names) / sizeof(*names) && names[type] ? names[type] : "object";
}

static const char *set_word(const struct set *set)
{
	return set->flags & (NFT_SET_MAP | NFT_SET_OBJECT) ? "map" : "set";
}

static void put_operation(struct buf *out, const struct plan_step *step)
{
	switch (step->operation) {
	case OPERATION_ADD:
		break;
	case OPERATION_DELETE:
		buf_puts(out, "to delete ");
		break;
	case OPERATION_REPLACE:
		buf_puts(out, step->kind == OBJECT_RULE ? "to replace " : "to change ");
		break;
	case OPERATION_FLUSH:
		buf_puts(out, "to flush ");
		break;
	}
}

/* "rule 3 of chain inet untrack prerouting (service 'web')" */
static void put_object(struct buf *out, const struct plan_step *step)
{
	const char *family = family_name(step->table->family), *table = step->table->name;
	const char *origin = NULL;

	switch (step->kind) {
	case OBJECT_TABLE:
		buf_printf(out, "table %s %s", family, table);
		break;
	case OBJECT_CHAIN:
		buf_printf(out, "chain %s %s %s", family, table, step->chain->name);
		break;
	case OBJECT_SET:
	case OBJECT_ELEMENT:
		buf_printf(out, "%s%s %s %s %s", step->kind == OBJECT_SET ? "" : "elements of ",
			   set_word(step->set), family, table, step->set->name);
		origin = step->set->origin;
		break;
	case OBJECT_RULE:
		buf_printf(out, "rule %zu of chain %s %s %s", step->place + 1, family, table,
			   step->chain->name);
		origin = step->rule->origin;
		break;
	case OBJECT_STATEFUL:
		buf_printf(out, "%s %s %s %s", object_type_name(step->object->type), family, table,
			   step->object->name);
		origin = step->object->origin;
		break;
	case OBJECT_FLOWTABLE:
		buf_printf(out, "flowtable %s %s %s", family, table, step->flowtable->name);
		break;
	case OBJECT_KINDS:
		break;
	}
	if (origin)
		buf_printf(out, " (%s)", origin);
}

/* The attribute of the list that spans that place; its index counts from 0. */
static bool find_at(struct span list, const uint8_t *place, struct attr *ret_attr,
		    size_t *ret_index)
{
	struct attr item;

	for (size_t i = 0; attr_next(&list, &item); i++) {
		if (place >= item.body.data - NLA_HDRLEN &&
		    place < item.body.data + item.body.len) {
			*ret_attr = item;
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static void put_key(struct buf *out, const struct set *set, struct span element)
{
	struct span key = element_key(element);
	uint32_t type = set ? attr_find_be32(buf_span(&set->attrs), NFTA_SET_KEY_TYPE) : 0;
	struct inet_range range = {.family = key.len == 4 ? INET_V4 : INET_V6};
	char text[INET_TEXT_MAX];

	if ((type == TYPE_IPV4 && key.len == 4) || (type == TYPE_IPV6 && key.len == 16)) {
		memcpy(range.first.byte, key.data, key.len);
		range.last = range.first;
		buf_puts(out, inet_format(&range, text));
	} else if (type == TYPE_PORT && key.len == 2) {
		buf_printf(out, "%d", key.data[0] << 8 | key.data[1]);
	} else if (!key.len) {
		buf_puts(out, "catch-all");
	} else {
		buf_puts(out, "0x");
		for (size_t i = 0; i < key.len; i++)
			buf_printf(out, "%02x", key.data[i]);
	}
}

static const char *chain_part(uint16_t attribute)
{
	switch (attribute) {
	case NFTA_CHAIN_HOOK:
		return ", at its hook";
	case NFTA_CHAIN_TYPE:
		return ", at its type";
	case NFTA_CHAIN_POLICY:
		return ", at its policy";
	default:
		return "";
	}
}

/* ", at expression 2 (lookup)" */
static void put_place(struct buf *out, const struct refusal *refusal, const struct batch *batch,
		      const struct batch_message *message, const struct plan_step *step)
{
	const uint8_t *place = batch->bytes.data + message->at + refusal->offset;
	uint8_t type = message_type(batch, message);
	struct attr outer, inner;
	size_t index;

	if (step->kind == OBJECT_RULE && (type == NFT_MSG_NEWSET || type == NFT_MSG_NEWSETELEM))
		buf_puts(out, ", in its anonymous set");
	if (!refusal->offset || !find_at(message_attrs(batch, message), place, &outer, &index))
		return;
	if (type == NFT_MSG_NEWCHAIN)
		buf_puts(out, chain_part(outer.type));
	else if (type == NFT_MSG_NEWRULE && outer.type == NFTA_RULE_EXPRESSIONS &&
		 find_at(outer.body, place, &inner, &index))
		buf_printf(out, ", at expression %zu (%s)", index + 1,
			   attr_find_text(inner.body, NFTA_EXPR_NAME));
	else if ((type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM) &&
		 outer.type == NFTA_SET_ELEM_LIST_ELEMENTS &&
		 find_at(outer.body, place, &inner, &index)) {
		buf_puts(out, ", at element ");
		put_key(out, step->kind == OBJECT_ELEMENT ? step->set : NULL, inner.body);
	}
}

/* ------------------------------------------------------------------ why */

/* What the errno means here, as far as it is certain. */
static const char *cause(int code, uint8_t message, enum operation operation)
{
	bool update = operation == OPERATION_REPLACE && message != NFT_MSG_NEWRULE;

	if (update && (code == EEXIST || code == EOPNOTSUPP))
		return "; that cannot change in place";
	switch (code) {
	case EEXIST:
		if (message == NFT_MSG_NEWSETELEM)
			return "; it, or an interval that overlaps it, is there already";
		return "; there is one of that name already";
	case ENOENT:
		return operation == OPERATION_DELETE ? "; it is gone already"
						     : "; something that it names does not exist";
	case EBUSY:
		return "; it is still in use";
	case EPERM:
		return "; another process owns that table";
	case EOPNOTSUPP:
		return "; this kernel does not support it there";
	case ELOOP:
		return "; its jumps go round in a circle";
	case EMLINK:
		return "; jumps are nested too deep";
	case ENFILE:
		return "; the set is full";
	default:
		return "";
	}
}

bool refusal_explain(const struct refusal *refusal, const struct batch *batch,
		     const struct plan *plan, struct untrack_error *err)
{
	const struct batch_message *message = find_message(refusal, batch);
	const struct plan_step *step;
	autobuf what = {0}, where = {0};

	if (!message && refusal->code == EPERM)
		return error_set(err, ERROR_PERMISSION,
				 "changing the ruleset needs CAP_NET_ADMIN in this network "
				 "namespace");
	if (!message)
		return error_set(err, ERROR_KERNEL, "the kernel refused the transaction: %s",
				 strerror(refusal->code));
	step = &plan->steps.v[message->step];
	put_operation(&what, step);
	put_object(&what, step);
	put_place(&where, refusal, batch, message, step);
	if (!buf_ok(&what, err) || !buf_ok(&where, err))
		return false;
	return error_set(err, refusal->code == EPERM ? ERROR_CONFLICT : ERROR_KERNEL,
			 "the kernel refused %s: %s%s%s", buf_text(&what), strerror(refusal->code),
			 buf_text(&where),
			 cause(refusal->code, message_type(batch, message), step->operation));
}

bool refusal_is_expiry(const struct refusal *refusal, const struct batch *batch,
		       const struct plan *plan)
{
	const struct batch_message *message = find_message(refusal, batch);
	const struct plan_step *step = message ? &plan->steps.v[message->step] : NULL;

	return step && refusal->code == ENOENT && step->kind == OBJECT_ELEMENT &&
	       step->operation == OPERATION_DELETE &&
	       step->set->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL);
}
