/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/statistics.h"

#include "base/cleanup.h"
#include "kernel/socket.h"

#include <inttypes.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>

#define SLAB_SIZE "/sys/kernel/slab/nf_conntrack/slab_size"
#define USUAL_ENTRY_SIZE 256 /* sizeof(struct nf_conn) in cache lines, on 64 bits */

/* In the order of enum statistic. */
static const struct {
	uint16_t attribute;
	const char *name;
} statistics[STATISTICS] = {
	{CTA_STATS_FOUND, "found"},
	{CTA_STATS_INVALID, "invalid"},
	{CTA_STATS_INSERT, "insert"},
	{CTA_STATS_INSERT_FAILED, "insert_failed"},
	{CTA_STATS_DROP, "drop"},
	{CTA_STATS_EARLY_DROP, "early_drop"},
	{CTA_STATS_ERROR, "error"},
	{CTA_STATS_SEARCH_RESTART, "search_restart"},
	{CTA_STATS_CLASH_RESOLVE, "clash_resolve"},
	{CTA_STATS_CHAIN_TOOLONG, "chain_toolong"},
};

const char *statistic_name(enum statistic statistic)
{
	return statistics[statistic].name;
}

/* One answer for each processor, whose number is in the header's res_id; they come in its order. */
static bool take(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	cpus_statistics *cpus = arg;
	struct cpu_statistics one = {.cpu = (uint32_t)cpus->n};

	for (unsigned i = 0; i < STATISTICS; i++)
		one.count[i] = attr_find_be32(answer->attrs, statistics[i].attribute);
	return array_push(cpus, one) || error_memory(err);
}

bool conntrack_statistics(cpus_statistics *ret_cpus, struct untrack_error *err)
{
	struct netlink_request request = {
		.type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU,
		.dump = true,
	};
	autoclean(netlink_close) struct netlink netlink = {0};
	cpus_statistics cpus = {0};
	int why = 0;

	if (!netlink_open(&netlink, &NETNS_OWN, err))
		return false;
	switch (netlink_ask(&netlink, &request, take, &cpus, &why, err)) {
	case NETLINK_DONE:
		*ret_cpus = cpus;
		return true;
	case NETLINK_REFUSED:
		netlink_refused(why, "the statistics of connection tracking cannot be read", err);
		break;
	case NETLINK_CHANGED:
	case NETLINK_FAILED:
		break;
	}
	array_free(&cpus);
	return false;
}

uint64_t conntrack_entry_size(void)
{
	autofclose FILE *file = fopen(SLAB_SIZE, "re");
	uint64_t size;

	return file && fscanf(file, "%" SCNu64, &size) == 1 && size ? size : USUAL_ENTRY_SIZE;
}
