/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What connection tracking has counted since boot, by processor, over ctnetlink (newer kernels have
 * no /proc/net/stat/nf_conntrack). Of the namespace that the calling thread is in. */
#pragma once

#include "base/array.h"
#include "base/error.h"

#include <stdint.h>

/* The kernel's counters are 32 bits wide and start over. (nf_conntrack_common.h: ip_conntrack_stat)
 */
enum statistic {
	STATISTIC_FOUND,
	STATISTIC_INVALID,
	STATISTIC_INSERT,
	STATISTIC_INSERT_FAILED,
	STATISTIC_DROP,
	STATISTIC_EARLY_DROP,
	STATISTIC_ERROR,
	STATISTIC_SEARCH_RESTART,
	STATISTIC_CLASH_RESOLVE,
	STATISTIC_CHAIN_TOOLONG,
	STATISTICS
};
const char *statistic_name(enum statistic statistic); /* "found", as conntrack(8) has them */

struct cpu_statistics {
	uint32_t cpu;
	uint64_t count[STATISTICS];
};
typedef ARRAY(struct cpu_statistics) cpus_statistics;
bool conntrack_statistics(cpus_statistics *ret_cpus, struct untrack_error *err);

/* Bytes that one entry takes in the kernel's slab; what it has allocated beside (extensions for
 * NAT, helpers, accounting) is not in it. */
uint64_t conntrack_entry_size(void);
