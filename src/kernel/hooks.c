/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/hooks.h"

#include "base/cleanup.h"
#include "kernel/socket.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <linux/netfilter_arp.h>
#include <stdio.h>
#include <string.h>

/* As in linux/netfilter/nfnetlink.h from 5.14 on. */
#ifndef NFNL_SUBSYS_HOOK
#define NFNL_SUBSYS_HOOK 12
#endif
#define BRIDGE_HOOKS 6 /* linux/netfilter_bridge.h: brouting is the last */
#define NETDEV_HOOKS 2

static void hook_free(struct registered_hook *hook)
{
	free(hook->function);
	free(hook->module);
	free(hook->table);
	free(hook->chain);
}

void registered_hooks_free(registered_hooks *list)
{
	array_for_each(hook, list) {
		hook_free(hook);
	}
	array_free(list);
}

/* Copies a string attribute if there is one; false without memory. */
static bool copy_text(struct span attrs, uint16_t type, char **ret_text)
{
	const char *text = attr_find_text(attrs, type);

	if (!text)
		return true;
	*ret_text = strdup(text);
	return *ret_text;
}

static bool decode_chain(struct span attrs, struct registered_hook *hook)
{
	struct span info, chain, family;

	if (!attr_find(attrs, NFNLA_HOOK_CHAIN_INFO, &info) ||
	    attr_find_be32(info, NFNLA_HOOK_INFO_TYPE) != NFNL_HOOK_TYPE_NFTABLES ||
	    !attr_find(info, NFNLA_HOOK_INFO_DESC, &chain))
		return true;
	if (attr_find(chain, NFNLA_CHAIN_FAMILY, &family) && family.len)
		hook->table_family = family.data[0];
	return copy_text(chain, NFNLA_CHAIN_TABLE, &hook->table) &&
	       copy_text(chain, NFNLA_CHAIN_NAME, &hook->chain);
}

bool registered_hook_decode(uint8_t family, struct span attrs, struct registered_hook *ret_hook)
{
	struct registered_hook hook = {.family = family};
	const char *device = attr_find_text(attrs, NFNLA_HOOK_DEV);

	hook.hook = attr_find_be32(attrs, NFNLA_HOOK_HOOKNUM);
	hook.priority = (int32_t)attr_find_be32(attrs, NFNLA_HOOK_PRIORITY);
	if (device)
		snprintf(hook.device, sizeof(hook.device), "%s", device);
	if (!copy_text(attrs, NFNLA_HOOK_FUNCTION_NAME, &hook.function) ||
	    !copy_text(attrs, NFNLA_HOOK_MODULE_NAME, &hook.module) ||
	    !decode_chain(attrs, &hook)) {
		hook_free(&hook);
		return false;
	}
	*ret_hook = hook;
	return true;
}

struct reading {
	registered_hooks *list;
	uint8_t family;
	const char *device; /* that was asked for, or NULL */
};

static bool take(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct reading *reading = arg;
	struct registered_hook hook;

	if (!registered_hook_decode(reading->family, answer->attrs, &hook))
		return error_memory(err);
	if (reading->device && !*hook.device)
		snprintf(hook.device, sizeof(hook.device), "%s", reading->device);
	if (array_push(reading->list, hook))
		return true;
	hook_free(&hook);
	return error_memory(err);
}

/* Asks for one hook. A family or hook that this kernel lacks has none. */
static bool ask(struct netlink *netlink, struct reading *reading, uint32_t hook, int *ret_errno,
		struct untrack_error *err)
{
	struct netlink_request request = {
		.type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET,
		.dump = true,
		.family = reading->family,
	};
	autobuf attrs = {0};

	*ret_errno = 0;
	attr_put_be32(&attrs, NFNLA_HOOK_HOOKNUM, hook);
	if (reading->device)
		attr_put_text(&attrs, NFNLA_HOOK_DEV, reading->device);
	if (!buf_ok(&attrs, err))
		return false;
	request.attrs = buf_span(&attrs);
	return netlink_ask(netlink, &request, take, reading, ret_errno, err) != NETLINK_FAILED;
}

static bool ask_devices(struct netlink *netlink, registered_hooks *list, struct untrack_error *err)
{
	devices all = {0};
	bool fine = kernel_devices(&all, err);
	int ignored;

	array_for_each(device, &all) {
		struct reading reading = {list, NFPROTO_NETDEV, device->name};

		for (uint32_t hook = 0; hook < NETDEV_HOOKS && fine; hook++)
			fine = ask(netlink, &reading, hook, &ignored, err);
	}
	array_free(&all);
	return fine;
}

static bool ask_all(struct netlink *netlink, registered_hooks *list, bool *ret_available,
		    struct untrack_error *err)
{
	static const struct {
		uint8_t family;
		uint32_t hooks;
	} families[] = {
		{NFPROTO_IPV4, NF_INET_NUMHOOKS},
		{NFPROTO_IPV6, NF_INET_NUMHOOKS},
		{NFPROTO_BRIDGE, BRIDGE_HOOKS},
		{NFPROTO_ARP, NF_ARP_NUMHOOKS},
	};
	int refused;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		struct reading reading = {list, families[i].family, NULL};

		for (uint32_t hook = 0; hook < families[i].hooks; hook++) {
			if (!ask(netlink, &reading, hook, &refused, err))
				return false;
			/* nfnetlink answers EINVAL where nobody serves the subsystem. */
			if (refused && i == 0)
				return true;
		}
	}
	*ret_available = true;
	return ask_devices(netlink, list, err);
}

bool kernel_hooks(registered_hooks *ret_list, bool *ret_available, struct untrack_error *err)
{
	registered_hooks list = {0};
	struct netlink netlink;
	bool available = false, fine;

	if (!netlink_open(&netlink, &NETNS_OWN, err))
		return false;
	fine = ask_all(&netlink, &list, &available, err);
	netlink_close(&netlink);
	if (!fine) {
		registered_hooks_free(&list);
		return false;
	}
	*ret_list = list;
	*ret_available = available;
	return true;
}
