/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/addresses.h"

#include "base/cleanup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define RECEIVE_SIZE 32768
#define DUMP_ATTEMPTS 10
#define SEQUENCE 1
#define EPHEMERAL_FROM 32768 /* net.ipv4.ip_local_port_range as kernels come */

static void socket_p(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

static void ranges_p(inet_ranges *ranges)
{
	array_free(ranges);
}

static int table_attribute(const struct nlattr *attribute, void *arg)
{
	if (mnl_attr_get_type(attribute) == RTA_DST)
		*(const struct nlattr **)arg = attribute;
	return MNL_CB_OK;
}

/* Sets the bits behind the prefix. */
static void fill(struct inet_address *address, unsigned prefix, size_t length)
{
	for (unsigned bit = prefix; bit < length * 8; bit++)
		address->byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static int route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *destination = NULL;
	enum inet_family family = header->rtm_family == AF_INET ? INET_V4 : INET_V6;
	size_t length = inet_length(family);
	inet_ranges *ranges = arg;
	struct inet_range range = {.family = family};

	if (message->nlmsg_type != RTM_NEWROUTE || header->rtm_table != RT_TABLE_LOCAL ||
	    (header->rtm_type != RTN_LOCAL && header->rtm_type != RTN_ANYCAST))
		return MNL_CB_OK;
	if (mnl_attr_parse(message, sizeof(*header), table_attribute, &destination) < 0)
		return MNL_CB_ERROR;
	if (!destination || mnl_attr_get_payload_len(destination) < length ||
	    header->rtm_dst_len > length * 8)
		return MNL_CB_OK;
	memcpy(range.first.byte, mnl_attr_get_payload(destination), length);
	range.last = range.first;
	fill(&range.last, header->rtm_dst_len, length);
	if (array_push(ranges, range))
		return MNL_CB_OK;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static struct mnl_socket *open_socket(void)
{
	autoclean(socket_p) struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int on = 1;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return NULL;
	/* Filters by table in the kernel, or a router would send us its whole routing table (4.20). */
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return steal_pointer(&socket);
}

static bool ask(struct mnl_socket *socket, uint8_t family, uint8_t *buffer)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = SEQUENCE;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->rtm_family = family;
	header->rtm_table = RT_TABLE_LOCAL;
	return mnl_socket_sendto(socket, request, request->nlmsg_len) >= 0;
}

static bool dump_once(uint8_t family, inet_ranges *ranges)
{
	autoclean(socket_p) struct mnl_socket *socket = open_socket();
	autofree uint8_t *buffer = malloc(RECEIVE_SIZE);
	int more = MNL_CB_OK;

	if (!socket || !buffer || !ask(socket, family, buffer))
		return false;
	while (more > MNL_CB_STOP) {
		ssize_t len = mnl_socket_recvfrom(socket, buffer, RECEIVE_SIZE);

		if (len < 0)
			return false;
		more = mnl_cb_run(buffer, (size_t)len, SEQUENCE, mnl_socket_get_portid(socket),
				  route, ranges);
	}
	return more == MNL_CB_STOP;
}

/* Routes that change meanwhile interrupt it (EINTR); what is read twice is merged. */
static bool dump(uint8_t family, inet_ranges *ranges)
{
	for (unsigned i = 0; i < DUMP_ATTEMPTS; i++) {
		if (dump_once(family, ranges))
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

bool kernel_addresses(inet_ranges *ret_ranges, struct untrack_error *err)
{
	autoclean(ranges_p) inet_ranges ranges = {0};

	if (!dump(AF_INET, &ranges))
		return error_errno(err, errno, "cannot read this host's addresses");
	/* A kernel without IPv6 answers EOPNOTSUPP. */
	if (!dump(AF_INET6, &ranges) && errno != EOPNOTSUPP && errno != EAFNOSUPPORT)
		return error_errno(err, errno, "cannot read this host's IPv6 addresses");
	ranges.n = inet_merge(ranges.v, ranges.n);
	*ret_ranges = ranges;
	ranges = (inet_ranges){0};
	return true;
}

uint16_t kernel_ephemeral_from(void)
{
	autofclose FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned from;

	return file && fscanf(file, "%u", &from) == 1 && from <= UINT16_MAX ? (uint16_t)from
									    : EPHEMERAL_FROM;
}
