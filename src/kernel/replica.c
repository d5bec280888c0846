/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/replica.h"

#include "base/cleanup.h"
#include "kernel/rtnetlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A route through a gateway needs the route to it first. */
#define PASSES 3

void replica_free(struct replica *replica)
{
	array_free(&replica->devices);
	buf_free(&replica->messages);
	buf_free(&replica->sysctls);
}

void replica_peer_name(size_t device, char ret_name[IF_NAMESIZE])
{
	snprintf(ret_name, IF_NAMESIZE, "=%u", (unsigned)device); /* as mirror.c names it */
}

/* --- taking: rtnetlink ------------------------------------------------------------------------ */

/* Appends the message with its family header; attributes follow. Returns the place of its length.
 */
static size_t begin(struct buf *out, const struct nlmsghdr *from, uint16_t type, size_t header)
{
	struct nlmsghdr message = {.nlmsg_type = type,
				   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
						  NLM_F_REPLACE};
	size_t place = out->len;

	buf_put(out, &message, sizeof(message));
	buf_put(out, mnl_nlmsg_get_payload(from), header);
	buf_zero(out, NLMSG_ALIGN(header) - header);
	return place;
}

static void end(struct buf *out, size_t place)
{
	struct nlmsghdr message;

	if (out->failed)
		return;
	memcpy(&message, out->data + place, sizeof(message));
	message.nlmsg_len = (uint32_t)(out->len - place);
	memcpy(out->data + place, &message, sizeof(message));
}

static void copy_attr(struct buf *out, const struct nlattr *attr)
{
	buf_put(out, attr, attr->nla_len);
	buf_zero(out, NLA_ALIGN(attr->nla_len) - attr->nla_len);
}

static int take_address(const struct nlmsghdr *message, void *arg)
{
	const size_t header = sizeof(struct ifaddrmsg);
	struct buf *out = arg;
	size_t place = begin(out, message, RTM_NEWADDR, header);
	uint32_t flags = IFA_F_NODAD | IFA_F_PERMANENT;
	struct {
		struct nlattr head;
		uint32_t value;
	} attr = {{sizeof(attr), IFA_FLAGS}, flags};
	struct nlattr *one;

	mnl_attr_for_each(one, message, header) if (mnl_attr_get_type(one) != IFA_FLAGS &&
						    mnl_attr_get_type(one) != IFA_CACHEINFO)
		copy_attr(out, one);
	buf_put(out, &attr, sizeof(attr));
	end(out, place);
	return out->failed ? MNL_CB_ERROR : MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const size_t header = sizeof(*route);
	struct buf *out = arg;
	struct nlattr *one;
	size_t place;

	/* The kernel makes these itself from addresses. */
	if (route->rtm_protocol == RTPROT_KERNEL || route->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	place = begin(out, message, RTM_NEWROUTE, header);
	if (!out->failed) {
		struct rtmsg plain = *route;

		plain.rtm_flags &= RTNH_F_ONLINK;
		memcpy(out->data + place + NLMSG_HDRLEN, &plain, header);
	}
	/* Next-hop objects are not mirrored; the route names its device and gateway as well. */
	mnl_attr_for_each(one, message, header) if (mnl_attr_get_type(one) != RTA_NH_ID &&
						    mnl_attr_get_type(one) != RTA_CACHEINFO)
		copy_attr(out, one);
	end(out, place);
	return out->failed ? MNL_CB_ERROR : MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *message, void *arg)
{
	const size_t header = sizeof(struct fib_rule_hdr);
	struct buf *out = arg;
	struct nlattr *one;
	size_t place = begin(out, message, RTM_NEWRULE, header);

	mnl_attr_for_each(one, message, header) copy_attr(out, one);
	end(out, place);
	return out->failed ? MNL_CB_ERROR : MNL_CB_OK;
}

static bool take_messages(struct buf *out, struct untrack_error *err)
{
	static const unsigned char families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < sizeof(families); i++) {
		struct ifaddrmsg address = {.ifa_family = families[i]};
		struct rtmsg route = {.rtm_family = families[i]};
		struct fib_rule_hdr rule = {.family = families[i]};
		int failed =
			rtnetlink_dump(RTM_GETADDR, &address, sizeof(address), take_address, out);

		if (!failed)
			failed = rtnetlink_dump(RTM_GETRULE, &rule, sizeof(rule), take_rule, out);
		if (!failed)
			failed = rtnetlink_dump(RTM_GETROUTE, &route, sizeof(route), take_route,
						out);
		if (failed)
			return error_errno(err, failed, "cannot read addresses and routes");
	}
	return buf_ok(out, err);
}

/* --- taking: sysctls -------------------------------------------------------------------------- */

static void take_sysctl(struct buf *out, const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value[64];
	ssize_t len = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);

	if (len <= 0)
		return; /* this kernel has none such */
	value[len] = '\0';
	value[strcspn(value, "\n")] = '\0';
	buf_put(out, path, strlen(path) + 1);
	buf_put(out, value, strlen(value) + 1);
}

static bool take_sysctls(const interfaces *devices, struct buf *out, struct untrack_error *err)
{
	static const char *const global[] = {
		"/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/net/ipv4/ip_nonlocal_bind",
		"/proc/sys/net/ipv6/conf/all/forwarding",
		"/proc/sys/net/netfilter/nf_conntrack_tcp_loose",
		"/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal",
		"/proc/sys/net/netfilter/nf_conntrack_checksum",
	};
	static const char *const each[] = {
		"ipv4/conf/%s/rp_filter",      "ipv4/conf/%s/accept_local",
		"ipv4/conf/%s/route_localnet", "ipv4/conf/%s/forwarding",
		"ipv6/conf/%s/forwarding",
	};

	for (size_t i = 0; i < sizeof(global) / sizeof(*global); i++)
		take_sysctl(out, global[i]);
	for (size_t d = 0; d <= devices->n; d++) {
		const char *name = d ? devices->v[d - 1].name : "all";

		for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
			char path[128] = "/proc/sys/net/";
			const char *mark = strchr(each[i], '%');
			size_t length = strlen(path);

			snprintf(path + length, sizeof(path) - length, "%.*s%s%s",
				 (int)(mark - each[i]), each[i], name, mark + 2);
			take_sysctl(out, path);
		}
	}
	return buf_ok(out, err);
}

bool replica_take(struct replica *ret_replica, struct untrack_error *err)
{
	autoreplica replica = {0};

	if (!interfaces_read(&replica.devices, err) || !take_messages(&replica.messages, err) ||
	    !take_sysctls(&replica.devices, &replica.sysctls, err))
		return false;
	*ret_replica = replica;
	replica = (struct replica){0};
	return true;
}

bool replica_add_default(struct replica *replica, unsigned index, struct untrack_error *err)
{
	static const unsigned char families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < sizeof(families); i++) {
		char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
		struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
		struct rtmsg *route;

		message->nlmsg_type = RTM_NEWROUTE;
		message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
		route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
		route->rtm_family = families[i];
		route->rtm_table = RT_TABLE_MAIN;
		route->rtm_protocol = RTPROT_STATIC;
		route->rtm_type = RTN_UNICAST;
		mnl_attr_put_u32(message, RTA_OIF, index);
		mnl_attr_put_u32(message, RTA_PRIORITY, UINT32_MAX);
		buf_put(&replica->messages, message, message->nlmsg_len);
	}
	return buf_ok(&replica->messages, err);
}

/* --- building --------------------------------------------------------------------------------- */

static void write_sysctl(const char *path, const char *value)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* What this namespace has not, or may not have, stays as it is. */
	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		return;
}

static void write_sysctls(const struct buf *sysctls)
{
	const char *at = buf_text(sysctls), *end = at + sysctls->len;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		write_sysctl(at, value);
		at = value + strlen(value) + 1;
	}
}

/* 0, or the errno that the kernel answers with. */
static int talk(struct mnl_socket *socket, struct nlmsghdr *message)
{
	char answer[8192];
	ssize_t len;

	message->nlmsg_seq = 1;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return errno;
	len = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	if (len < 0)
		return errno;
	return mnl_cb_run(answer, (size_t)len, 1, mnl_socket_get_portid(socket), NULL, NULL) < 0
		       ? errno
		       : 0;
}

static int set_up(struct mnl_socket *socket, const char *name)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_flags = link->ifi_change = IFF_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return talk(socket, message);
}

/* No addresses, and no talk, of their own. */
static void calm(const char *name)
{
	static const char *const values[][2] = {{"accept_dad", "0"},
						{"addr_gen_mode", "1"},
						{"router_solicitations", "0"},
						{"accept_ra", "0"}};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", name, values[i][0]);
		write_sysctl(path, values[i][1]);
	}
}

static int set_all_up(struct mnl_socket *socket, const interfaces *devices)
{
	int failed = set_up(socket, "lo");

	calm("default");
	for (size_t i = 0; !failed && i < devices->n; i++) {
		char peer[IF_NAMESIZE];

		if (!strcmp(devices->v[i].name, "lo"))
			continue;
		replica_peer_name(i, peer);
		calm(devices->v[i].name);
		calm(peer);
		failed = set_up(socket, peer);
		if (!failed)
			failed = set_up(socket, devices->v[i].name);
	}
	return failed;
}

static bool build(void *arg, struct buf *output, struct untrack_error *err)
{
	const struct replica *replica = arg;
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int failed = socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : errno;

	(void)output;
	if (!failed)
		failed = set_all_up(socket, &replica->devices);
	for (unsigned pass = 0; !failed && pass < PASSES; pass++) {
		for (size_t at = 0; at < replica->messages.len;) {
			struct nlmsghdr *message =
				(struct nlmsghdr *)(void *)(replica->messages.data + at);

			at += NLMSG_ALIGN(message->nlmsg_len);
			talk(socket, message);
		}
	}
	write_sysctls(&replica->sysctls);
	if (socket)
		mnl_socket_close(socket);
	return !failed ||
	       error_errno(err, failed, "cannot set up the scratch namespace's interfaces");
}

bool replica_build(const struct netns *ns, const struct replica *replica, struct untrack_error *err)
{
	/* The child writes to its copy only. */
	void *arg = (void *)(uintptr_t)replica;
	autobuf nothing = {0};

	return interfaces_mirror(ns, &replica->devices, err) &&
	       netns_run(ns, build, arg, &nothing, err);
}
