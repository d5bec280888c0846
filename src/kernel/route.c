/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

struct asking {
	enum inet_family family;
	const struct inet_address *address;
	struct route route;
};

static int take_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct nlattr *attr;
	struct route *route = arg;

	route->local = header->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(
		attr, message,
		sizeof(*header)) if (mnl_attr_get_type(attr) == RTA_OIF &&
				     !if_indextoname(mnl_attr_get_u32(attr), route->device))
		route->device[0] = '\0';
	return MNL_CB_STOP;
}

static struct nlmsghdr *build(char *buffer, const struct asking *asking)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	size_t length = inet_length(asking->family);
	struct rtmsg *route;

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = 1;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = asking->family == INET_V4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = (unsigned char)(8 * length);
	mnl_attr_put(message, RTA_DST, length, asking->address->byte);
	return message;
}

/* In a child, in the namespace. */
static bool ask(void *arg, struct buf *output, struct untrack_error *err)
{
	struct asking *asking = arg;
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buffer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = build(buffer, asking);
	ssize_t len = -1;
	int failed = 0;

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0)
		len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	/* No route is an answer too. */
	if (len < 0)
		failed = errno;
	else
		mnl_cb_run(buffer, (size_t)len, 1, mnl_socket_get_portid(socket), take_route,
			   &asking->route);
	if (socket)
		mnl_socket_close(socket);
	buf_put(output, &asking->route, sizeof(asking->route));
	return failed ? error_errno(err, failed, "cannot ask for a route") : buf_ok(output, err);
}

bool route_find(const struct netns *ns, enum inet_family family, const struct inet_address *address,
		struct route *ret_route, struct untrack_error *err)
{
	struct asking asking = {family, address, {0}};
	autobuf output = {0};

	if (!netns_run(ns, ask, &asking, &output, err))
		return false;
	if (output.len != sizeof(*ret_route))
		return error_set(err, ERROR_SYSTEM, "a route's answer was cut short");
	memcpy(ret_route, output.data, sizeof(*ret_route));
	return true;
}
