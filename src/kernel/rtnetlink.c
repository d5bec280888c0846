/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/rtnetlink.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define RECEIVE_SIZE 32768
#define DUMP_ATTEMPTS 10
#define SEQUENCE 1

static void socket_p(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

static struct mnl_socket *open_socket(void)
{
	autoclean(socket_p) struct mnl_socket *socket =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int on = 1;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return NULL;
	/* Filters in the kernel, or a router would send us its whole routing table (4.20). */
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return steal_pointer(&socket);
}

static int dump_once(uint16_t type, const void *header, size_t length, mnl_cb_t fn, void *arg)
{
	autoclean(socket_p) struct mnl_socket *socket = open_socket();
	autofree uint8_t *buffer = malloc(RECEIVE_SIZE);
	struct nlmsghdr *request;
	int more = MNL_CB_OK;

	if (!socket || !buffer)
		return errno;
	request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = SEQUENCE;
	memcpy(mnl_nlmsg_put_extra_header(request, length), header, length);
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return errno;
	while (more > MNL_CB_STOP) {
		ssize_t len = mnl_socket_recvfrom(socket, buffer, RECEIVE_SIZE);

		if (len < 0)
			return errno;
		more = mnl_cb_run(buffer, (size_t)len, SEQUENCE, mnl_socket_get_portid(socket), fn,
				  arg);
	}
	return more == MNL_CB_STOP ? 0 : errno;
}

int rtnetlink_dump(uint16_t type, const void *header, size_t length, mnl_cb_t fn, void *arg)
{
	int result = EINTR;

	for (unsigned i = 0; i < DUMP_ATTEMPTS && result == EINTR; i++)
		result = dump_once(type, header, length, fn, arg);
	return result;
}
