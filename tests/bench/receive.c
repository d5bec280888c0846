// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * receive: asks for the whole connection table and throws it away, as it comes. What this costs is the
 * kernel's: the floor under every program that reads the table. Prints the bytes received.
 */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEQUENCE = 1, SIZE = 128 * 1024 };

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* Whether the last message of a part is the dump's end. */
static int take_end(const struct nlmsghdr *head, void *arg)
{
	(void)head;
	(void)arg;
	return MNL_CB_OK;
}

int main(void)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	char *buffer = malloc(SIZE);
	unsigned long long bytes = 0;
	struct nfgenmsg *general;
	struct nlmsghdr *request;
	int more = MNL_CB_OK;

	if (!socket || !buffer || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return fail("netlink socket");
	request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = SEQUENCE;
	general = mnl_nlmsg_put_extra_header(request, sizeof(*general));
	*general = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return fail("request");
	while (more > MNL_CB_STOP) {
		const struct nlmsghdr *head = (const void *)buffer;
		ssize_t len = mnl_socket_recvfrom(socket, buffer, SIZE);

		if (len < 0)
			return fail("receive");
		bytes += (unsigned long long)len;
		/* The end comes in a part of its own, or as the first message of one. */
		if (head->nlmsg_type < NLMSG_MIN_TYPE)
			more = mnl_cb_run(buffer, (size_t)len, SEQUENCE,
					  mnl_socket_get_portid(socket), take_end, NULL);
	}
	printf("%llu\n", bytes);
	free(buffer);
	mnl_socket_close(socket);
	return more < 0 ? fail("dump") : 0;
}
