/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/probe.h"

#include "base/cleanup.h"
#include "kernel/conntrack.h"
#include "kernel/probe_packet.h"
#include "model/record.h"
#include "model/ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel queues for later it has worked on by then, however busy the machine. */
#define WAIT_MS 5000
/* Of frames for experiments. (IEEE 802) */
#define FENCE_TYPE 0x88b5
#define RECEIVE_SIZE 65536

void probe_result_free(struct probe_result *result)
{
	array_for_each(step, &result->steps) {
		free(step->table);
		free(step->chain);
		free(step->target);
	}
	array_free(&result->steps);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* A mark outlives the way through a veth pair inside of one namespace. */
static bool set_mark(int fd, uint32_t mark, int *ret_errno)
{
	if (!mark || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0)
		return true;
	*ret_errno = errno;
	return false;
}

static bool send_frame(const struct probe *probe, const struct buf *packet, int *ret_errno)
{
	autoclose int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	struct ifreq request = {0};
	struct ether_header ether = {
		.ether_type = htons(probe->family == INET_V4 ? ETHERTYPE_IP : ETHERTYPE_IPV6)};
	autobuf frame = {0};

	strcpy(request.ifr_name, probe->device);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0) {
		*ret_errno = errno;
		return false;
	}
	if (!set_mark(fd, probe->mark, ret_errno))
		return false;
	memcpy(ether.ether_dhost, request.ifr_hwaddr.sa_data, ETH_ALEN);
	ether.ether_shost[0] = 2; /* locally administered */
	to.sll_ifindex = (int)if_nametoindex(probe->peer);
	buf_put(&frame, &ether, sizeof(ether));
	buf_put(&frame, packet->data, packet->len);
	if (frame.failed ||
	    sendto(fd, frame.data, frame.len, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		*ret_errno = frame.failed ? ENOMEM : errno;
		return false;
	}
	return true;
}

static socklen_t put_address(const struct probe *probe, const struct inet_address *address,
			     struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (probe->family == INET_V4) {
		four->sin_family = AF_INET;
		memcpy(&four->sin_addr, address->byte, sizeof(four->sin_addr));
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	memcpy(&six->sin6_addr, address->byte, sizeof(six->sin6_addr));
	return sizeof(*six);
}

/* With its own header, past the protocols; it is routed as if a socket with that address sent it.
 */
static bool send_raw(const struct probe *probe, const struct buf *packet, int *ret_errno)
{
	bool four = probe->family == INET_V4;
	autoclose int fd = socket(four ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_storage from, to;
	socklen_t length = put_address(probe, &probe->tuple.source, &from);
	int on = 1;

	put_address(probe, &probe->tuple.destination, &to);
	if (fd < 0 || (!four && setsockopt(fd, SOL_IPV6, IPV6_HDRINCL, &on, sizeof(on)) < 0)) {
		*ret_errno = errno;
		return false;
	}
	if (!set_mark(fd, probe->mark, ret_errno))
		return false;
	/* An address that is not this host's cannot be bound to, and is sent from all the same. */
	if (bind(fd, (struct sockaddr *)&from, length) < 0 && errno != EADDRNOTAVAIL) {
		*ret_errno = errno;
		return false;
	}
	/* EPERM is a rule's drop. */
	if (sendto(fd, packet->data, packet->len, 0, (struct sockaddr *)&to, length) < 0 &&
	    errno != EPERM) {
		*ret_errno = errno;
		return false;
	}
	return true;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/*
 * The kernel queues what comes in, one queue a processor, first in, first out. So the process stays
 * on one, and a frame that is sent behind the packet, and seen to come in, says that the kernel is
 * through with the packet.
 */
struct fence {
	int fd;
	int in, out; /* interfaces */
};

static bool fence_open(const struct probe *probe, struct fence *ret_fence,
		       struct untrack_error *err)
{
	struct fence fence = {
		.in = (int)if_nametoindex(probe->from_here ? "lo" : probe->device),
		.out = (int)if_nametoindex(probe->from_here ? "lo" : probe->peer),
	};
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol =
					 htons(ETH_P_ALL), /* seen ahead of ingress chains */
				 .sll_ifindex = fence.in};
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	fence.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fence.fd < 0 || bind(fence.fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    sched_setaffinity(0, sizeof(here), &here) < 0) {
		error_errno(err, errno, "cannot watch the scratch namespace's interface");
		if (fence.fd >= 0)
			close(fence.fd);
		return false;
	}
	*ret_fence = fence;
	return true;
}

static void fence_close(struct fence *fence)
{
	close(fence->fd);
}

static bool fence_is_there(const struct fence *fence)
{
	struct sockaddr_ll from = {0};
	socklen_t size = sizeof(from);
	struct ether_header head;
	ssize_t len = recvfrom(fence->fd, &head, sizeof(head), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &size);

	return len == (ssize_t)sizeof(head) && head.ether_type == htons(FENCE_TYPE) &&
	       from.sll_pkttype != PACKET_OUTGOING;
}

static bool fence_wait(const struct fence *fence, struct untrack_error *err)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = fence->out};
	struct {
		struct ether_header head;
		char padding[ETH_ZLEN - ETH_HLEN];
	} frame = {.head = {.ether_type = htons(FENCE_TYPE)}};
	struct pollfd waiting = {.fd = fence->fd, .events = POLLIN};

	if (sendto(fence->fd, &frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return error_errno(err, errno, "cannot send in the scratch namespace");
	while (poll(&waiting, 1, WAIT_MS) > 0)
		if (fence_is_there(fence))
			return true;
	return error_set(err, ERROR_SYSTEM, "the kernel did not work on the packet within %d s",
			 WAIT_MS / 1000);
}

/* --- what is told of it ----------------------------------------------------------------------- */

enum {
	RECORD_STEP = 1, /* of the fields that follow */
	RECORD_FAMILY,
	RECORD_TABLE,
	RECORD_CHAIN,
	RECORD_HANDLE,
	RECORD_TYPE,
	RECORD_VERDICT,
	RECORD_TARGET,
	RECORD_OIF,
	RECORD_ERRNO,
	RECORD_ANSWER, /* struct flow_tuple */
};

/* Packets that are followed, by the ids that the kernel gives them. */
struct listening {
	const struct probe *probe;
	uint32_t ids[8];
	size_t n;
	struct buf *output;
};

static bool is_followed(struct listening *at, uint32_t id, struct span attrs)
{
	struct span header, transport = {0};

	for (size_t i = 0; i < at->n; i++)
		if (at->ids[i] == id)
			return true;
	if (!attr_find(attrs, NFTA_TRACE_NETWORK_HEADER, &header) ||
	    at->n == sizeof(at->ids) / sizeof(*at->ids))
		return false;
	attr_find(attrs, NFTA_TRACE_TRANSPORT_HEADER, &transport);
	if (!probe_is_its_own(at->probe, header, transport))
		return false;
	at->ids[at->n++] = id;
	return true;
}

static void take_step(struct listening *at, uint8_t family, struct span attrs)
{
	const char *table = attr_find_text(attrs, NFTA_TRACE_TABLE);
	uint32_t type = attr_find_be32(attrs, NFTA_TRACE_TYPE);
	uint32_t verdict = attr_find_be32(attrs, NFTA_TRACE_POLICY);
	const char *target = NULL;
	struct span body;
	size_t place;

	if (!table || !is_followed(at, attr_find_be32(attrs, NFTA_TRACE_ID), attrs))
		return;
	if (attr_find(attrs, NFTA_TRACE_VERDICT, &body)) {
		verdict = attr_find_be32(body, NFTA_VERDICT_CODE);
		target = attr_find_text(body, NFTA_VERDICT_CHAIN);
	}
	place = record_begin(at->output, RECORD_STEP);
	record_put_u32(at->output, RECORD_FAMILY, family);
	record_put_text(at->output, RECORD_TABLE, table);
	record_put_text(at->output, RECORD_CHAIN, attr_find_text(attrs, NFTA_TRACE_CHAIN));
	record_put_u64(at->output, RECORD_HANDLE, attr_find_be64(attrs, NFTA_TRACE_RULE_HANDLE));
	record_put_u32(at->output, RECORD_TYPE, type);
	record_put_u32(at->output, RECORD_VERDICT, verdict);
	record_put_text(at->output, RECORD_TARGET, target);
	record_put_u32(at->output, RECORD_OIF, attr_find_be32(attrs, NFTA_TRACE_OIF));
	record_end(at->output, place);
}

static void take_messages(struct listening *at, const uint8_t *data, size_t length)
{
	const uint16_t wanted = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE;

	while (length >= sizeof(struct nlmsghdr)) {
		const size_t head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
		struct nlmsghdr message;

		memcpy(&message, data, sizeof(message));
		if (message.nlmsg_len < head || message.nlmsg_len > length)
			return;
		if (message.nlmsg_type == wanted)
			take_step(at, data[NLMSG_HDRLEN],
				  (struct span){data + head, message.nlmsg_len - head});
		if (NLMSG_ALIGN(message.nlmsg_len) >= length)
			return;
		length -= NLMSG_ALIGN(message.nlmsg_len);
		data += NLMSG_ALIGN(message.nlmsg_len);
	}
}

/* What is there: the kernel is through with the packet. */
static bool take_all(int fd, struct listening *at, struct untrack_error *err)
{
	autofree uint8_t *buffer = malloc(RECEIVE_SIZE);
	ssize_t len;

	if (!buffer)
		return error_memory(err);
	while ((len = recv(fd, buffer, RECEIVE_SIZE, MSG_DONTWAIT)) > 0 ||
	       (len < 0 && errno == EINTR))
		if (len > 0)
			take_messages(at, buffer, (size_t)len);
	if (len < 0 && errno != EAGAIN)
		return error_errno(err, errno, "cannot receive the packet's trace");
	return true;
}

static int open_listener(struct untrack_error *err)
{
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTRACE, room = 4 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		error_errno(err, errno, "cannot listen to nftrace");
		return -1;
	}
	/* A long ruleset tells much; without the right to, the default has to do. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return steal_fd(&fd);
}

/* --- the connection table --------------------------------------------------------------------- */

struct finding_entry {
	const struct probe *probe;
	bool found;
	struct flow_tuple answer;
};

static bool note_entry(void *arg, const struct flow_entry *entry)
{
	struct finding_entry *at = arg;
	const struct flow_tuple *tuple = &at->probe->tuple;

	if (entry->protocol != at->probe->protocol || entry->family != at->probe->family ||
	    memcmp(&entry->original.source, &tuple->source, sizeof(tuple->source)) ||
	    memcmp(&entry->original.destination, &tuple->destination, sizeof(tuple->destination)) ||
	    entry->original.source_port != tuple->source_port ||
	    entry->original.destination_port != tuple->destination_port)
		return true;
	at->found = true;
	at->answer = entry->reply;
	return false;
}

static bool any_entry(void *arg, const struct flow_entry *entry)
{
	(void)arg;
	(void)entry;
	return true;
}

/* --- in the namespace ------------------------------------------------------------------------- */

static bool send_and_listen(void *arg, struct buf *output, struct untrack_error *err)
{
	const struct probe *probe = arg;
	struct listening at = {.probe = probe, .output = output};
	struct finding_entry entry = {.probe = probe};
	autoclose int fd = open_listener(err);
	int errno_value = 0;
	__attribute__((cleanup(fence_close))) struct fence fence = {.fd = -1};
	autobuf packet = {0};
	uint64_t ignored;
	bool sent;

	if (fd < 0 || (probe->fresh && !conntrack_delete_if(any_entry, NULL, &ignored, err)))
		return false;
	probe_packet(probe, &packet);
	if (!buf_ok(&packet, err) || !fence_open(probe, &fence, err))
		return false;
	sent = probe->from_here ? send_raw(probe, &packet, &errno_value)
				: send_frame(probe, &packet, &errno_value);
	if (!sent) {
		record_put_u32(output, RECORD_ERRNO, (uint32_t)errno_value);
		return buf_ok(output, err);
	}
	if (!fence_wait(&fence, err) || !take_all(fd, &at, err) ||
	    !conntrack_each(note_entry, &entry, err))
		return false;
	if (entry.found)
		record_put(output, RECORD_ANSWER, &entry.answer, sizeof(entry.answer));
	return buf_ok(output, err);
}

static bool read_step(struct span body, struct probe_step *step, struct untrack_error *err)
{
	struct record field;
	uint32_t family = 0, verdict = 0;
	bool ok = true;

	while (ok && record_next(&body, &field)) {
		switch (field.type) {
		case RECORD_FAMILY:
			ok = record_u32(&field, &family, err);
			break;
		case RECORD_TABLE:
			ok = record_text(&field, &step->table, err);
			break;
		case RECORD_CHAIN:
			ok = record_text(&field, &step->chain, err);
			break;
		case RECORD_HANDLE:
			ok = record_u64(&field, &step->handle, err);
			break;
		case RECORD_TYPE:
			ok = record_u32(&field, &step->type, err);
			break;
		case RECORD_VERDICT:
			ok = record_u32(&field, &verdict, err);
			break;
		case RECORD_TARGET:
			ok = record_text(&field, &step->target, err);
			break;
		case RECORD_OIF:
			ok = record_u32(&field, &step->oif, err);
			break;
		default:
			break;
		}
	}
	step->family = (uint8_t)family;
	step->verdict = (int32_t)verdict;
	return ok && step->chain ? true : record_damaged(err, "a packet's trace");
}

static bool read_result(struct span output, struct probe_result *result, struct untrack_error *err)
{
	struct record record;
	uint32_t errno_value;

	result->sent = true;
	while (record_next(&output, &record)) {
		struct probe_step step = {0};

		if (record.type == RECORD_ERRNO) {
			if (!record_u32(&record, &errno_value, err))
				return false;
			result->sent = false;
			result->errno_value = (int)errno_value;
		} else if (record.type == RECORD_ANSWER &&
			   record.body.len == sizeof(result->answer)) {
			result->entry = true;
			memcpy(&result->answer, record.body.data, sizeof(result->answer));
		} else if (record.type == RECORD_STEP) {
			bool ok = read_step(record.body, &step, err);

			if (!array_push(&result->steps, step)) {
				free(step.table);
				free(step.chain);
				free(step.target);
				return error_memory(err);
			}
			if (!ok)
				return false;
		}
	}
	return true;
}

bool probe_send(const struct netns *ns, const struct probe *probe, struct probe_result *ret_result,
		struct untrack_error *err)
{
	/* The child only reads it. */
	void *arg = (void *)(uintptr_t)probe;
	autoprobe result = {0};
	autobuf output = {0};

	if (!netns_run(ns, send_and_listen, arg, &output, err) ||
	    !read_result(buf_span(&output), &result, err))
		return false;
	*ret_result = result;
	result = (struct probe_result){0};
	return true;
}
