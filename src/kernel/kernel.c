/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/kernel.h"

#include "kernel/socket.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

struct kernel *kernel_open(const struct netns *ns, struct untrack_error *err)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel) {
		error_memory(err);
		return NULL;
	}
	if (!netlink_open(&kernel->netlink, ns, err)) {
		free(kernel);
		return NULL;
	}
	return kernel;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	netlink_close_later(&kernel->netlink);
	free(kernel);
}

static bool take_generation(void *arg, const struct netlink_answer *answer,
			    struct untrack_error *err)
{
	uint32_t *generation = arg;

	(void)err;
	*generation = attr_find_be32(answer->attrs, NFTA_GEN_ID);
	return true;
}

bool kernel_generation(struct kernel *kernel, uint32_t *ret_generation, struct untrack_error *err)
{
	struct netlink_request request = {
		.type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
	};
	uint32_t generation = 0;
	int why = 0;

	switch (netlink_ask(&kernel->netlink, &request, take_generation, &generation, &why, err)) {
	case NETLINK_DONE:
		*ret_generation = generation;
		return true;
	case NETLINK_REFUSED:
		return netlink_refused(why, "nf_tables cannot be read", err);
	case NETLINK_CHANGED:
	case NETLINK_FAILED:
		break;
	}
	return false;
}

enum read_depth read_names(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_NAME;
}

enum read_depth read_everything(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_ALL;
}
