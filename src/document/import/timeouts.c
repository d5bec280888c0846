/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to nfnetlink_cttimeout (linux/netfilter/nfnetlink_cttimeout.h). */
#include "document/import/timeouts.h"

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/namespace.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static bool ask(int fd, const char *name)
{
	struct nlmsghdr head = {
		.nlmsg_type = (NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8) | IPCTNL_MSG_TIMEOUT_GET,
		.nlmsg_flags = NLM_F_REQUEST,
		.nlmsg_seq = 1,
	};
	struct nfgenmsg family = {.version = NFNETLINK_V0};
	struct timeval patience = {.tv_sec = 2};
	autobuf message = {0};
	uint32_t len;

	buf_put(&message, &head, sizeof(head));
	buf_put(&message, &family, sizeof(family));
	attr_put_text(&message, CTA_TIMEOUT_NAME, name);
	if (message.failed)
		return false;
	len = (uint32_t)message.len;
	memcpy(message.data, &len, sizeof(len)); /* nlmsg_len is the first field */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return send(fd, message.data, message.len, 0) == (ssize_t)message.len;
}

/* The attributes of the answer; empty where the kernel knows no such policy. */
static struct span answer(int fd, uint8_t *bytes, size_t size)
{
	const size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	ssize_t got = recv(fd, bytes, size, 0);
	struct nlmsghdr head;

	if (got < (ssize_t)skip)
		return (struct span){0};
	memcpy(&head, bytes, sizeof(head));
	if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_len > (size_t)got || head.nlmsg_len < skip)
		return (struct span){0};
	return (struct span){bytes + skip, head.nlmsg_len - skip};
}

char *timeout_policy(const char *name, enum inet_family family, uint8_t protocol)
{
	/* By attribute number: enum ctattr_timeout_tcp, enum ctattr_timeout_udp; nft's words. */
	static const char *const tcp[] = {NULL,	      "syn_sent",   "syn_recv", "established",
					  "fin_wait", "close_wait", "last_ack", "time_wait",
					  "close",    "syn_sent2",  "retrans",	"unack"};
	static const char *const udp[] = {NULL, "unreplied", "replied"};
	const char *const *words = protocol == 6 ? tcp : udp;
	size_t count = protocol == 6 ? 12 : 3;
	struct netns own = NETNS_OWN;
	autoclose int fd = netns_netlink_socket(&own, NETLINK_NETFILTER, NULL);
	struct span attrs, body, data;
	uint8_t bytes[4096];
	uint16_t l3 = 0;
	autobuf text = {0};

	if (fd < 0 || strlen(name) > 31 || !ask(fd, name))
		return NULL;
	attrs = answer(fd, bytes, sizeof(bytes));
	if (attr_find(attrs, CTA_TIMEOUT_L3PROTO, &body) && body.len == sizeof(l3))
		memcpy(&l3, body.data, sizeof(l3));
	if (ntohs(l3) != (family == INET_V6 ? AF_INET6 : AF_INET) ||
	    !attr_find(attrs, CTA_TIMEOUT_L4PROTO, &body) || body.len != 1 ||
	    body.data[0] != protocol || !attr_find(attrs, CTA_TIMEOUT_DATA, &data))
		return NULL;
	attr_for_each(a, data)
		if (a.type && a.type < count)
			buf_printf(&text, "%s%s : %u", text.len ? ", " : "", words[a.type],
				   attr_be32(a.body));
	return text.len ? buf_steal_text(&text) : NULL;
}
