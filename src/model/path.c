/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/path.h"

#include "model/tracking.h"

#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <linux/netfilter_ipv4.h>

void stage_clear(struct stage *stage)
{
	free(stage->table);
	free(stage->chain);
	free(stage->type);
	free(stage->devices);
	free(stage->what);
	array_for_each(name, &stage->services) {
		free(*name);
	}
	array_free(&stage->services);
}

void path_free(struct path *path)
{
	if (!path)
		return;
	for (int lane = 0; lane < LANES; lane++) {
		for (int hook = 0; hook < PATH_HOOKS; hook++) {
			array_for_each(stage, &path->hooks[lane][hook]) {
				stage_clear(stage);
			}
			array_free(&path->hooks[lane][hook]);
		}
	}
	free(path);
}

const char *path_hook_name(enum path_hook hook)
{
	static const char *const names[PATH_HOOKS] = {"ingress", "prerouting",	"input", "forward",
						      "output",	 "postrouting", "egress"};

	return names[hook];
}

const char *path_lane_name(enum path_lane lane)
{
	static const char *const names[LANES] = {"ip", "bridge", "arp"};

	return names[lane];
}

bool path_place(uint8_t family, uint32_t number, enum path_lane *ret_lane, enum path_hook *ret_hook)
{
	/* Bridges have the numbers of NF_INET_* (linux/netfilter_bridge.h). */
	static const enum path_hook inet[] = {PATH_PREROUTING, PATH_INPUT,	 PATH_FORWARD,
					      PATH_OUTPUT,     PATH_POSTROUTING, PATH_INGRESS};
	static const enum path_hook arp[] = {PATH_INPUT, PATH_OUTPUT, PATH_FORWARD};
	static const enum path_hook netdev[] = {PATH_INGRESS, PATH_EGRESS};
	const enum path_hook *hooks = inet;
	enum path_lane lane = LANE_IP;
	uint32_t count = NF_INET_NUMHOOKS;

	switch (family) {
	case NFPROTO_IPV4:
	case NFPROTO_IPV6:
		break;
	case NFPROTO_INET:
		count = NF_INET_INGRESS + 1;
		break;
	case NFPROTO_BRIDGE:
		lane = LANE_BRIDGE;
		break;
	case NFPROTO_ARP:
		lane = LANE_ARP;
		hooks = arp;
		count = NF_ARP_NUMHOOKS;
		break;
	case NFPROTO_NETDEV:
		hooks = netdev;
		count = 2;
		break;
	default:
		return false;
	}
	if (number >= count)
		return false;
	*ret_lane = lane;
	*ret_hook = hooks[number];
	return true;
}

enum untracks stage_untracks(enum path_hook hook, const struct stage *stage)
{
	if (!(stage->traits & TRAIT_UNTRACKS))
		return UNTRACKS_NOT;
	return (hook == PATH_PREROUTING || hook == PATH_OUTPUT) &&
			       stage->place < NF_IP_PRI_CONNTRACK
		       ? UNTRACKS
		       : UNTRACKS_IN_VAIN;
}
