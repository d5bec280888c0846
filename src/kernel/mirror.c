/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/mirror.h"

#include "base/cleanup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

static void nameindex_free(struct if_nameindex **list)
{
	if (*list)
		if_freenameindex(*list);
}

bool interfaces_read(interfaces *ret_list, struct untrack_error *err)
{
	__attribute__((cleanup(nameindex_free))) struct if_nameindex *all = if_nameindex();
	interfaces list = {0};

	if (!all)
		return error_errno(err, errno, "cannot list the network interfaces");
	for (struct if_nameindex *one = all; one->if_index; one++) {
		struct interface copy = {.index = one->if_index};

		strncpy(copy.name, one->if_name, sizeof(copy.name) - 1);
		if (!array_push(&list, copy)) {
			array_free(&list);
			return error_memory(err);
		}
	}
	*ret_list = list;
	return true;
}

/* Peers get names and indexes that no interface of a host has. */
enum { PEER_INDEX = 1 << 28 };

static void put_link(struct nlmsghdr *message, const char *name, unsigned index)
{
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));

	link->ifi_index = (int)index;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
}

/* A veth pair, of which one end is the interface: made without a device node, unlike a tun. */
static struct nlmsghdr *build_pair(char *buffer, const struct interface *one, unsigned number)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *data, *peer;
	struct ifinfomsg *link;
	char name[IF_NAMESIZE];

	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	message->nlmsg_seq = number + 1;
	put_link(message, one->name, one->index);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_index = (int)(PEER_INDEX + number);
	snprintf(name, sizeof(name), "=%u", number);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return message;
}

/* 0, or the errno of what failed. */
static int make_one(struct mnl_socket *socket, const struct interface *one, unsigned number)
{
	char buffer[8192]; /* an answer is one acknowledgement, with the request in it */
	struct nlmsghdr *message = build_pair(buffer, one, number);
	ssize_t len;

	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return errno;
	len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (len < 0 || mnl_cb_run(buffer, (size_t)len, number + 1, mnl_socket_get_portid(socket),
				  NULL, NULL) < 0)
		return errno;
	return 0;
}

static bool exists(const char *name)
{
	return !strcmp(name, "lo");
}

/* In a child inside the namespace. */
static bool make_all(void *arg, struct buf *output, struct untrack_error *err)
{
	const interfaces *list = arg;
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int why = 0;

	(void)output;
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return error_errno(err, errno, "cannot make interfaces in the scratch namespace");
	for (unsigned i = 0; !why && i < list->n; i++) {
		if (exists(list->v[i].name))
			continue;
		why = make_one(socket, &list->v[i], i);
		if (why)
			error_errno(err, why,
				    "cannot make interface '%s' in the scratch namespace (named by "
				    "iifname and oifname, it is not needed)",
				    list->v[i].name);
	}
	mnl_socket_close(socket);
	return !why;
}

bool interfaces_mirror(const struct netns *ns, const interfaces *list, struct untrack_error *err)
{
	/* make_all() only reads it */
	void *arg = (void *)(uintptr_t)list;

	autobuf nothing = {0};

	return !list->n || netns_run(ns, make_all, arg, &nothing, err);
}
