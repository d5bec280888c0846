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
#define SYSCTL_MAX "net.netfilter.nf_conntrack_max"
#define SYSCTL_BUCKETS "net.netfilter.nf_conntrack_buckets"

/* What flow_entry.raw points to while fn runs. */
struct raw_entry {
	uint8_t family;
	struct span attrs;
};

/* ------------------------------------------------------------------ reading */

static struct span find(struct span attrs, uint16_t type)
{
	struct span body = {NULL, 0};

	attr_find(attrs, type, &body);
	return body;
}

static uint8_t find_byte(struct span attrs, uint16_t type)
{
	struct span body = find(attrs, type);

	return body.len ? body.data[0] : 0;
}

static uint16_t find_be16(struct span attrs, uint16_t type)
{
	struct span body = find(attrs, type);

	return body.len < 2 ? 0 : (uint16_t)(body.data[0] << 8 | body.data[1]);
}

static void read_address(struct inet_address *address, struct span ip, enum inet_family family,
			 uint16_t v4, uint16_t v6)
{
	struct span body = find(ip, family == INET_V4 ? v4 : v6);

	if (body.len == inet_length(family))
		memcpy(address->byte, body.data, body.len);
}

static void read_tuple(struct flow_tuple *tuple, uint8_t *protocol, struct span attrs,
		       enum inet_family family)
{
	struct span ip = find(attrs, CTA_TUPLE_IP), proto = find(attrs, CTA_TUPLE_PROTO);
	bool v4 = family == INET_V4;

	read_address(&tuple->source, ip, family, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
	read_address(&tuple->destination, ip, family, CTA_IP_V4_DST, CTA_IP_V6_DST);
	tuple->source_port = find_be16(proto, CTA_PROTO_SRC_PORT);
	tuple->destination_port = find_be16(proto, CTA_PROTO_DST_PORT);
	tuple->icmp_type = find_byte(proto, v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE);
	tuple->icmp_code = find_byte(proto, v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE);
	*protocol = find_byte(proto, CTA_PROTO_NUM);
}

static void read_counters(struct flow_entry *entry, int direction, struct span counters)
{
	entry->packets[direction] = attr_find_be64(counters, CTA_COUNTERS_PACKETS);
	entry->bytes[direction] = attr_find_be64(counters, CTA_COUNTERS_BYTES);
}

/* A zone for one direction alone is in that direction's tuple. */
static uint16_t read_zone(struct span attrs)
{
	uint16_t zone = find_be16(attrs, CTA_ZONE);

	if (!zone)
		zone = find_be16(find(attrs, CTA_TUPLE_ORIG), CTA_TUPLE_ZONE);
	return zone ? zone : find_be16(find(attrs, CTA_TUPLE_REPLY), CTA_TUPLE_ZONE);
}

static void read_entry(struct flow_entry *entry, const struct raw_entry *raw)
{
	struct span attrs = raw->attrs, info = find(attrs, CTA_PROTOINFO), master;
	uint8_t of_reply;

	*entry = (struct flow_entry){
		.family = raw->family == AF_INET ? INET_V4 : INET_V6,
		.status = attr_find_be32(attrs, CTA_STATUS),
		.zone = read_zone(attrs),
		.tcp_state = find_byte(find(info, CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE),
		.helper = find(attrs, CTA_HELP).len > 0,
		.raw = raw,
	};
	entry->expected = entry->status & IPS_EXPECTED ||
			  attr_find(attrs, CTA_TUPLE_MASTER, &master);
	read_tuple(&entry->original, &entry->protocol, find(attrs, CTA_TUPLE_ORIG), entry->family);
	read_tuple(&entry->reply, &of_reply, find(attrs, CTA_TUPLE_REPLY), entry->family);
	read_counters(entry, 0, find(attrs, CTA_COUNTERS_ORIG));
	read_counters(entry, 1, find(attrs, CTA_COUNTERS_REPLY));
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

static enum netlink_outcome dump(struct netlink *netlink, uint8_t message, netlink_fn *fn,
				 void *arg, struct untrack_error *err)
{
	struct netlink_request request = {
		.type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message),
		.dump = true,
	};
	enum netlink_outcome outcome;
	int why = 0;

	outcome = netlink_ask(netlink, &request, fn, arg, &why, err);
	if (outcome == NETLINK_REFUSED)
		netlink_refused(why, "the connection table cannot be read", err);
	return outcome;
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

static bool each(struct netlink *netlink, conntrack_fn *fn, void *arg, struct untrack_error *err)
{
	struct visit visit = {fn, arg};

	return dump(netlink, IPCTNL_MSG_CT_GET, take_entry, &visit, err) == NETLINK_DONE;
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

/* One answer for each processor. */
static bool take_statistics(void *arg, const struct netlink_answer *answer,
			    struct untrack_error *err)
{
	struct conntrack_status *status = arg;

	(void)err;
	status->drop += attr_find_be32(answer->attrs, CTA_STATS_DROP);
	status->early_drop += attr_find_be32(answer->attrs, CTA_STATS_EARLY_DROP);
	status->insert_failed += attr_find_be32(answer->attrs, CTA_STATS_INSERT_FAILED);
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
	if (!sysctl_read(SYSCTL_COUNT, &status.count, err) ||
	    !sysctl_read(SYSCTL_MAX, &status.max, err) ||
	    !sysctl_read(SYSCTL_BUCKETS, &status.buckets, err) ||
	    !netlink_open(&netlink, &NETNS_OWN, err) ||
	    dump(&netlink, IPCTNL_MSG_CT_GET_STATS_CPU, take_statistics, &status, err) !=
		    NETLINK_DONE)
		return false;
	*ret_status = status;
	return true;
}
