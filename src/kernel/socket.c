/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/socket.h"

#include "base/later.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel puts at most 32 KiB into one message of a dump (af_netlink.c: netlink_dump). */
enum { RECEIVE_SIZE = 128 * 1024, RECEIVE_ROOM = 4 * 1024 * 1024 };

bool netlink_open(struct netlink *netlink, const struct netns *ns, struct untrack_error *err)
{
	struct netlink made = {0};
	int fd = netns_netlink_socket(ns, NETLINK_NETFILTER, err), one = 1;

	if (fd < 0)
		return false;
	made.socket = mnl_socket_fdopen(fd);
	if (!made.socket) {
		close(fd);
		return error_memory(err);
	}
	made.buffer = malloc(RECEIVE_SIZE);
	if (!made.buffer || mnl_socket_bind(made.socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int why = errno;

		netlink_close(&made);
		return error_errno(err, why, "the netlink socket cannot be set up");
	}
	/* Errors that name the attribute and do not repeat the message. Both are hints. */
	mnl_socket_setsockopt(made.socket, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(made.socket, NETLINK_CAP_ACK, &one, sizeof(one));
	netlink_receive_room(&made, RECEIVE_ROOM);
	*netlink = made;
	return true;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	free(netlink->buffer);
	*netlink = (struct netlink){0};
}

void netlink_close_later(struct netlink *netlink)
{
	/* libmnl closes what it was given; with another descriptor that is not the socket's end */
	int other = netlink->socket ? fcntl(mnl_socket_get_fd(netlink->socket), F_DUPFD_CLOEXEC, 0)
				    : -1;

	netlink_close(netlink);
	if (other >= 0)
		close_later(other);
}

static void make_room(struct netlink *netlink, int forced, int asked, int bytes)
{
	int fd = mnl_socket_get_fd(netlink->socket);

	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, asked, &bytes, sizeof(bytes));
}

void netlink_receive_room(struct netlink *netlink, int bytes)
{
	make_room(netlink, SO_RCVBUFFORCE, SO_RCVBUF, bytes);
}

void netlink_send_room(struct netlink *netlink, int bytes)
{
	make_room(netlink, SO_SNDBUFFORCE, SO_SNDBUF, bytes);
}

size_t netlink_message_begin(struct buf *b, uint16_t type, uint16_t flags, uint8_t family,
			     uint16_t resource, uint32_t sequence)
{
	struct nlmsghdr head = {
		.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = sequence};
	struct nfgenmsg general = {
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
	size_t begin = b->len;

	buf_put(b, &head, sizeof(head));
	buf_put(b, &general, sizeof(general));
	return begin;
}

void netlink_message_end(struct buf *b, size_t begin)
{
	uint32_t len = (uint32_t)(b->len - begin);

	if (b->failed)
		return;
	memcpy(b->data + begin, &len, sizeof(len)); /* nlmsg_len is the first field */
}

int netlink_send(struct netlink *netlink, struct span bytes)
{
	ssize_t sent;

	do
		sent = mnl_socket_sendto(netlink->socket, bytes.data, bytes.len);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? errno : 0;
}

ssize_t netlink_receive(struct netlink *netlink, bool wait)
{
	struct sockaddr_nl from;
	struct iovec body = {netlink->buffer, RECEIVE_SIZE};
	struct msghdr message;
	ssize_t len;

	do {
		message = (struct msghdr){.msg_name = &from,
					  .msg_namelen = sizeof(from),
					  .msg_iov = &body,
					  .msg_iovlen = 1};
		len = recvmsg(mnl_socket_get_fd(netlink->socket), &message,
			      wait ? 0 : MSG_DONTWAIT);
	} while ((len < 0 && errno == EINTR) || (len >= 0 && from.nl_pid != 0));
	if (len < 0)
		return -errno;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : len;
}

/* ------------------------------------------------------------------ requests */

struct exchange {
	const struct netlink_request *request;
	uint32_t sequence;
	netlink_fn *fn;
	void *arg;
	bool done;    /* nothing more comes */
	bool stopped; /* fn wants no more */
	bool changed;
	int refused; /* errno */
};

static void take_end(struct exchange *exchange, const struct nlmsghdr *head)
{
	int code = 0;

	if (mnl_nlmsg_get_payload_len(head) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(head), sizeof(code));
	exchange->done = true;
	if (code < 0)
		exchange->refused = -code;
}

static void take_answer(struct exchange *exchange, const struct nlmsghdr *head,
			struct untrack_error *err)
{
	size_t len = mnl_nlmsg_get_payload_len(head);
	struct netlink_answer answer;
	struct nfgenmsg general;

	if (len < sizeof(general))
		return;
	memcpy(&general, mnl_nlmsg_get_payload(head), sizeof(general));
	if (exchange->request->consistent &&
	    ntohs(general.res_id) != (exchange->request->generation & 0xffff))
		exchange->changed = true;
	if (exchange->stopped || exchange->changed)
		return;
	answer = (struct netlink_answer){
		.type = NFNL_MSG_TYPE(head->nlmsg_type),
		.family = general.nfgen_family,
		.attrs = {(const uint8_t *)mnl_nlmsg_get_payload(head) + sizeof(general),
			  len - sizeof(general)},
	};
	if (!exchange->fn(exchange->arg, &answer, err))
		exchange->stopped = true;
}

static void take_messages(struct exchange *exchange, const uint8_t *bytes, int len,
			  struct untrack_error *err)
{
	const struct nlmsghdr *head = (const void *)bytes;

	for (; !exchange->done && mnl_nlmsg_ok(head, len); head = mnl_nlmsg_next(head, &len)) {
		if (head->nlmsg_seq != exchange->sequence)
			continue; /* left of an earlier request */
		if (head->nlmsg_flags & NLM_F_DUMP_INTR && exchange->request->consistent)
			exchange->changed = true;
		if (head->nlmsg_type == NLMSG_ERROR || head->nlmsg_type == NLMSG_DONE) {
			take_end(exchange, head);
			continue;
		}
		take_answer(exchange, head, err);
		exchange->done = !(head->nlmsg_flags & NLM_F_MULTI);
	}
}

enum netlink_outcome netlink_ask(struct netlink *netlink, const struct netlink_request *request,
				 netlink_fn *fn, void *arg, int *ret_errno,
				 struct untrack_error *err)
{
	struct exchange exchange = {
		.request = request, .sequence = ++netlink->sequence, .fn = fn, .arg = arg};
	autoerror met = ERROR_INIT; /* the caller's may be NULL */
	autobuf bytes = {0};
	size_t begin = netlink_message_begin(&bytes, request->type,
					     request->dump	    ? NLM_F_DUMP
					     : request->acknowledge ? NLM_F_ACK
								    : 0,
					     request->family, 0, exchange.sequence);
	int why;

	buf_put(&bytes, request->attrs.data, request->attrs.len);
	netlink_message_end(&bytes, begin);
	if (!buf_ok(&bytes, err))
		return NETLINK_FAILED;
	why = netlink_send(netlink, buf_span(&bytes));
	while (!why && !exchange.done) {
		ssize_t len = netlink_receive(netlink, true);

		if (len > 0)
			take_messages(&exchange, netlink->buffer, (int)len, &met);
		else
			why = len ? (int)-len : ECONNRESET;
	}
	if (why) {
		error_errno(err, why, "netlink does not answer");
		return NETLINK_FAILED;
	}
	if (error_is_set(&met)) {
		error_move(err, &met);
		return NETLINK_FAILED;
	}
	if (exchange.changed)
		return NETLINK_CHANGED;
	if (!exchange.refused)
		return NETLINK_DONE;
	*ret_errno = exchange.refused;
	return NETLINK_REFUSED;
}

bool netlink_refused(int errno_value, const char *what, struct untrack_error *err)
{
	if (errno_value == EPERM)
		return error_set(err, ERROR_PERMISSION,
				 "%s: needs CAP_NET_ADMIN in this network namespace", what);
	return error_set(err, ERROR_KERNEL, "%s: the kernel answers: %s", what,
			 strerror(errno_value));
}
