/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/addresses.h"

#include "base/cleanup.h"
#include "kernel/rtnetlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define EPHEMERAL_FROM 32768 /* net.ipv4.ip_local_port_range as kernels come */

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

/* What is read twice is merged. */
static int dump(uint8_t family, inet_ranges *ranges)
{
	struct rtmsg header = {.rtm_family = family, .rtm_table = RT_TABLE_LOCAL};

	return rtnetlink_dump(RTM_GETROUTE, &header, sizeof(header), route, ranges);
}

bool kernel_addresses(inet_ranges *ret_ranges, struct untrack_error *err)
{
	autoclean(ranges_p) inet_ranges ranges = {0};
	int failure = dump(AF_INET, &ranges);

	if (failure)
		return error_errno(err, failure, "cannot read this host's addresses");
	failure = dump(AF_INET6, &ranges);
	/* A kernel without IPv6 does not know the message. */
	if (failure && failure != EOPNOTSUPP && failure != EAFNOSUPPORT)
		return error_errno(err, failure, "cannot read this host's IPv6 addresses");
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
