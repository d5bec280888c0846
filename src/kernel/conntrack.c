/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack.h"

#include "base/cleanup.h"
#include "kernel/socket.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#define SYSCTL_COUNT "net.netfilter.nf_conntrack_count"
#define SYSCTL_BUCKETS "net.netfilter.nf_conntrack_buckets"

/* What flow_entry.raw points to while fn runs. */
struct raw_entry {
	uint8_t family;
	struct span attrs;
};

/* ------------------------------------------------------------------ reading */

/* One pass over each nest: an entry is read in the time that it takes to receive it, or less. */

static uint8_t byte_of(struct span body)
{
	return body.len ? body.data[0] : 0;
}

static uint16_t be16_of(struct span body)
{
	return body.len < 2 ? 0 : (uint16_t)(body.data[0] << 8 | body.data[1]);
}

static void read_addresses(struct flow_tuple *tuple, struct span attrs)
{
	attr_for_each(attr, attrs) {
		bool source = attr.type == CTA_IP_V4_SRC || attr.type == CTA_IP_V6_SRC;
		size_t wanted = attr.type == CTA_IP_V4_SRC || attr.type == CTA_IP_V4_DST ? 4 : 16;

		if (attr.type <= CTA_IP_V6_DST && attr.body.len == wanted)
			memcpy((source ? &tuple->source : &tuple->destination)->byte,
			       attr.body.data, wanted);
	}
}

static void read_protocol(struct flow_tuple *tuple, uint8_t *protocol, struct span attrs)
{
	attr_for_each(attr, attrs) {
		switch (attr.type) {
		case CTA_PROTO_NUM:
			*protocol = byte_of(attr.body);
			break;
		case CTA_PROTO_SRC_PORT:
			tuple->source_port = be16_of(attr.body);
			break;
		case CTA_PROTO_DST_PORT:
			tuple->destination_port = be16_of(attr.body);
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			tuple->icmp_type = byte_of(attr.body);
			break;
		case CTA_PROTO_ICMP_CODE:
		case CTA_PROTO_ICMPV6_CODE:
			tuple->icmp_code = byte_of(attr.body);
			break;
		default:
			break;
		}
	}
}

/* A zone for one direction alone is in that direction's tuple. */
static void read_tuple(struct flow_entry *entry, struct flow_tuple *tuple, struct span attrs)
{
	attr_for_each(attr, attrs) {
		if (attr.type == CTA_TUPLE_IP)
			read_addresses(tuple, attr.body);
		else if (attr.type == CTA_TUPLE_PROTO)
			read_protocol(tuple, &entry->protocol, attr.body);
		else if (attr.type == CTA_TUPLE_ZONE && !entry->zone)
			entry->zone = be16_of(attr.body);
	}
}

static void read_counters(struct flow_entry *entry, int direction, struct span counters)
{
	entry->packets[direction] = attr_find_be64(counters, CTA_COUNTERS_PACKETS);
	entry->bytes[direction] = attr_find_be64(counters, CTA_COUNTERS_BYTES);
}

static uint8_t read_tcp_state(struct span info)
{
	struct span tcp, state;

	return attr_find(info, CTA_PROTOINFO_TCP, &tcp) &&
			       attr_find(tcp, CTA_PROTOINFO_TCP_STATE, &state)
		       ? byte_of(state)
		       : 0;
}

static void read_attr(struct flow_entry *entry, const struct attr *attr)
{
	switch (attr->type) {
	case CTA_TUPLE_ORIG:
		read_tuple(entry, &entry->original, attr->body);
		break;
	case CTA_TUPLE_REPLY:
		read_tuple(entry, &entry->reply, attr->body);
		break;
	case CTA_STATUS:
		entry->status = attr_be32(attr->body);
		break;
	case CTA_PROTOINFO:
		entry->tcp_state = read_tcp_state(attr->body);
		break;
	case CTA_ZONE:
		entry->zone = be16_of(attr->body);
		break;
	case CTA_HELP:
		entry->helper = attr->body.len > 0;
		break;
	case CTA_TUPLE_MASTER:
		entry->expected = true;
		break;
	case CTA_COUNTERS_ORIG:
		read_counters(entry, 0, attr->body);
		break;
	case CTA_COUNTERS_REPLY:
		read_counters(entry, 1, attr->body);
		break;
	default:
		break;
	}
}

static void read_entry(struct flow_entry *entry, const struct raw_entry *raw)
{
	*entry = (struct flow_entry){
		.family = raw->family == AF_INET ? INET_V4 : INET_V6,
		.raw = raw,
	};
	attr_for_each(attr, raw->attrs) {
		read_attr(entry, &attr);
	}
	entry->expected = entry->expected || entry->status & IPS_EXPECTED;
}

struct visit {
	conntrack_fn *fn;
	void *arg;
};

static bool take_entry(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct raw_entry raw = {answer->family, answer->attrs};
	struct visit *visit = arg;
	struct flow_entry entry;

	(void)err;
	if (raw.family != AF_INET && raw.family != AF_INET6)
		return true;
	read_entry(&entry, &raw);
	return visit->fn(visit->arg, &entry);
}

/* Without nf_conntrack there is no such sysctl, and nothing to read. */
static bool is_there(void)
{
	autoerror unknown = ERROR_INIT;
	uint64_t count;

	return sysctl_read(SYSCTL_COUNT, &count, &unknown);
}

/* A dump goes through all buckets of the host's one table, however few entries are this namespace's. */
static bool has_entries(void)
{
	autoerror unknown = ERROR_INIT;
	uint64_t count;

	return sysctl_read(SYSCTL_COUNT, &count, &unknown) && count;
}

static bool ask(struct netlink *netlink, uint8_t message, bool dump, netlink_fn *fn, void *arg,
		struct untrack_error *err)
{
	struct netlink_request request = {
		.type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message),
		.dump = dump,
		/* One answer, marked as one of several (ctnetlink_stat_ct_fill_info()). */
		.acknowledge = !dump,
	};
	enum netlink_outcome outcome;
	int why = 0;

	outcome = netlink_ask(netlink, &request, fn, arg, &why, err);
	if (outcome == NETLINK_REFUSED)
		netlink_refused(why, "the connection table cannot be read", err);
	return outcome == NETLINK_DONE;
}

static bool each(struct netlink *netlink, conntrack_fn *fn, void *arg, struct untrack_error *err)
{
	struct visit visit = {fn, arg};

	return ask(netlink, IPCTNL_MSG_CT_GET, true, take_entry, &visit, err);
}

bool conntrack_each(conntrack_fn *fn, void *arg, struct untrack_error *err)
{
	autoclean(netlink_close) struct netlink netlink = {0};

	if (!has_entries())
		return true;
	return netlink_open(&netlink, &NETNS_OWN, err) && each(&netlink, fn, arg, err);
}

/* ------------------------------------------------------------------ deleting */

enum { DELETE_AT_ONCE = 256 };

/* The entries to go, each as a message that deletes it. */
struct doomed {
	conntrack_fn *fn;
	void *arg;
	struct buf bytes;
	size_t count;
};

/* An entry's original tuple and zone name it; its id tells it from a later one of the same name. */
static bool doom(void *arg, const struct flow_entry *entry)
{
	static const uint16_t naming[] = {CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID};
	const struct raw_entry *raw = entry->raw;
	struct doomed *doomed = arg;
	struct buf *b = &doomed->bytes;
	size_t begin;

	if (!doomed->fn(doomed->arg, entry))
		return true;
	begin = netlink_message_begin(b, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
				      NLM_F_ACK, raw->family, 0, 0);
	for (size_t i = 0; i < sizeof(naming) / sizeof(*naming); i++) {
		struct span body;

		if (!attr_find(raw->attrs, naming[i], &body))
			continue;
		attr_put(b, naming[i] == CTA_TUPLE_ORIG ? CTA_TUPLE_ORIG | NLA_F_NESTED : naming[i],
			 body.data, body.len);
	}
	netlink_message_end(b, begin);
	doomed->count++;
	return !b->failed;
}

/* Answers to what was sent: how many entries are gone through us. */
static bool count_deleted(struct netlink *netlink, size_t sent, uint64_t *deleted,
			  struct untrack_error *err)
{
	while (sent) {
		ssize_t received = netlink_receive(netlink, true);
		const struct nlmsghdr *head = (const void *)netlink->buffer;
		int len = (int)received;

		if (received < 0)
			return error_errno(err, (int)-received, "netlink does not answer");
		for (; sent && mnl_nlmsg_ok(head, len); head = mnl_nlmsg_next(head, &len)) {
			struct nlmsgerr answer;

			if (head->nlmsg_type != NLMSG_ERROR ||
			    mnl_nlmsg_get_payload_len(head) < sizeof(answer))
				continue;
			memcpy(&answer, mnl_nlmsg_get_payload(head), sizeof(answer));
			sent--;
			if (!answer.error)
				++*deleted;
			else if (answer.error != -ENOENT) /* ended meanwhile */
				netlink_refused(-answer.error, "an entry cannot be deleted", err);
		}
	}
	return true;
}

static bool delete_all(struct netlink *netlink, const struct buf *messages, uint64_t *deleted,
		       struct untrack_error *err)
{
	size_t at = 0;

	while (at < messages->len && !error_is_set(err)) {
		size_t begin = at, sent = 0;
		struct nlmsghdr head;
		int why;

		for (; at < messages->len && sent < DELETE_AT_ONCE; sent++) {
			memcpy(&head, messages->data + at, sizeof(head));
			at += NLMSG_ALIGN(head.nlmsg_len);
		}
		why = netlink_send(netlink, (struct span){messages->data + begin, at - begin});
		if (why)
			return error_errno(err, why, "entries cannot be deleted");
		if (!count_deleted(netlink, sent, deleted, err))
			return false;
	}
	return !error_is_set(err);
}

bool conntrack_delete_if(conntrack_fn *fn, void *arg, uint64_t *ret_deleted,
			 struct untrack_error *err)
{
	autoclean(netlink_close) struct netlink netlink = {0};
	struct doomed doomed = {.fn = fn, .arg = arg};
	autoerror met = ERROR_INIT; /* the caller's may be NULL */
	uint64_t deleted = 0;
	bool ok;

	if (!has_entries()) {
		*ret_deleted = 0;
		return true;
	}
	ok = netlink_open(&netlink, &NETNS_OWN, &met) && each(&netlink, doom, &doomed, &met) &&
	     buf_ok(&doomed.bytes, &met) && delete_all(&netlink, &doomed.bytes, &deleted, &met);
	buf_free(&doomed.bytes);
	if (ok)
		*ret_deleted = deleted;
	else
		error_move(err, &met);
	return ok;
}

/* ------------------------------------------------------------------ status */

static bool take_global(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct conntrack_status *status = arg;

	(void)err;
	status->count = attr_find_be32(answer->attrs, CTA_STATS_GLOBAL_ENTRIES);
	status->max = attr_find_be32(answer->attrs, CTA_STATS_GLOBAL_MAX_ENTRIES);
	return true;
}

bool conntrack_status(struct conntrack_status *ret_status, struct untrack_error *err)
{
	autoclean(netlink_close) struct netlink netlink = {0};
	struct conntrack_status status = {0};

	if (!is_there())
		return error_set(err, ERROR_SYSTEM,
				 "there is no connection tracking here: nf_conntrack is not "
				 "loaded");
	if (!sysctl_read(SYSCTL_BUCKETS, &status.buckets, err) ||
	    !netlink_open(&netlink, &NETNS_OWN, err) ||
	    !ask(&netlink, IPCTNL_MSG_CT_GET_STATS, false, take_global, &status, err))
		return false;
	*ret_status = status;
	return true;
}
