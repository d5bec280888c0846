/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/hooks.h"

#include "base/cleanup.h"
#include "kernel/rtnetlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static struct device *find(devices *list, uint32_t index)
{
	array_for_each(device, list) {
		if (device->index == index)
			return device;
	}
	return NULL;
}

static int xdp_attribute(const struct nlattr *attribute, void *arg)
{
	struct device *device = arg;

	if (mnl_attr_get_type(attribute) == IFLA_XDP_ATTACHED &&
	    mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
		device->xdp = mnl_attr_get_u8(attribute) != XDP_ATTACHED_NONE;
	return MNL_CB_OK;
}

static int link_attribute(const struct nlattr *attribute, void *arg)
{
	struct device *device = arg;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(device->name, sizeof(device->name), "%s",
				 mnl_attr_get_str(attribute));
		return MNL_CB_OK;
	case IFLA_XDP:
		return mnl_attr_parse_nested(attribute, xdp_attribute, device);
	default:
		return MNL_CB_OK;
	}
}

static int link_message(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct device device = {.index = (uint32_t)header->ifi_index};
	devices *list = arg;

	if (mnl_attr_parse(message, sizeof(*header), link_attribute, &device) < 0)
		return MNL_CB_ERROR;
	if (find(list, device.index) || array_push(list, device))
		return MNL_CB_OK;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static int kind_attribute(const struct nlattr *attribute, void *arg)
{
	if (mnl_attr_get_type(attribute) == TCA_KIND &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)arg = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

static int qdisc_message(const struct nlmsghdr *message, void *arg)
{
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	struct device *device = find(arg, (uint32_t)header->tcm_ifindex);
	const char *kind = NULL;

	if (!device || mnl_attr_parse(message, sizeof(*header), kind_attribute, &kind) < 0 || !kind)
		return MNL_CB_OK;
	device->tc_egress |= !strcmp(kind, "clsact");
	device->tc_ingress |= !strcmp(kind, "clsact") || !strcmp(kind, "ingress");
	return MNL_CB_OK;
}

bool kernel_devices(devices *ret_devices, struct untrack_error *err)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
	struct tcmsg qdisc = {.tcm_family = AF_UNSPEC};
	devices list = {0};
	int failure = rtnetlink_dump(RTM_GETLINK, &link, sizeof(link), link_message, &list);

	/* A kernel without CONFIG_NET_SCHED has no qdiscs to tell. */
	if (!failure) {
		failure = rtnetlink_dump(RTM_GETQDISC, &qdisc, sizeof(qdisc), qdisc_message, &list);
		failure = failure == EOPNOTSUPP ? 0 : failure;
	}
	if (failure) {
		array_free(&list);
		return error_errno(err, failure, "cannot read this host's devices");
	}
	*ret_devices = list;
	return true;
}

bool kernel_legacy_tables(uint8_t family, texts *ret_names, struct untrack_error *err)
{
	/* The thread's own namespace: /proc/net is that of the process's first thread. */
	const char *path = family == NFPROTO_IPV4   ? "/proc/thread-self/net/ip_tables_names"
			   : family == NFPROTO_IPV6 ? "/proc/thread-self/net/ip6_tables_names"
						    : "/proc/thread-self/net/arp_tables_names";
	autofclose FILE *file = fopen(path, "re");
	char line[64];
	bool fine = true;

	if (!file)
		return errno == ENOENT || error_errno(err, errno, "cannot read '%s'", path);
	while (fine && fgets(line, sizeof(line), file)) {
		char *name;

		line[strcspn(line, "\n")] = '\0';
		name = strdup(line);
		fine = name && array_push(ret_names, name);
		if (!fine)
			free(name);
	}
	return fine || error_memory(err);
}
