/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack.h"

#include "kernel/socket.h"
#include "kernel/sysctl.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

/* One answer for each processor (newer kernels have no /proc/net/stat/nf_conntrack). */
static bool add_cpu(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct conntrack_status *status = arg;

	(void)err;
	status->drop += attr_find_be32(answer->attrs, CTA_STATS_DROP);
	status->early_drop += attr_find_be32(answer->attrs, CTA_STATS_EARLY_DROP);
	status->insert_failed += attr_find_be32(answer->attrs, CTA_STATS_INSERT_FAILED);
	return true;
}

static bool read_drops(struct conntrack_status *status, struct untrack_error *err)
{
	__attribute__((cleanup(netlink_close))) struct netlink netlink = {0};
	struct netns own = NETNS_OWN;
	struct netlink_request request = {
		.type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU,
		.dump = true,
	};
	int why = 0;

	if (!netlink_open(&netlink, &own, err))
		return false;
	switch (netlink_ask(&netlink, &request, add_cpu, status, &why, err)) {
	case NETLINK_DONE:
		return true;
	case NETLINK_REFUSED:
		return netlink_refused(why, "cannot read the connection table's statistics", err);
	case NETLINK_CHANGED:
	case NETLINK_FAILED:
	default:
		return false;
	}
}

bool conntrack_status(struct conntrack_status *ret_status, struct untrack_error *err)
{
	struct conntrack_status status = {0};

	if (!sysctl_read("net.netfilter.nf_conntrack_count", &status.count, err) ||
	    !sysctl_read("net.netfilter.nf_conntrack_max", &status.max, err) ||
	    !sysctl_read("net.netfilter.nf_conntrack_buckets", &status.buckets, err) ||
	    !read_drops(&status, err))
		return false;
	*ret_status = status;
	return true;
}
