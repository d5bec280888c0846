/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/census.h"

#include "kernel/addresses.h"
#include "kernel/conntrack.h"

struct counting {
	struct census *census;
	bool failed;
};

static bool count(void *arg, const struct flow_entry *entry)
{
	struct counting *counting = arg;

	counting->failed = !census_count(counting->census, entry);
	return !counting->failed;
}

struct census *take_census(unsigned by, struct untrack_error *err)
{
	autoclean(census_free_p) struct census *census = NULL;
	inet_ranges locals = {0};
	struct counting counting = {0};

	if (!kernel_addresses(&locals, err))
		return NULL;
	counting.census = census = census_new(by, &locals, kernel_ephemeral_from(), err);
	array_free(&locals);
	if (!census || !conntrack_each(count, &counting, err))
		return NULL;
	if (counting.failed) {
		error_memory(err);
		return NULL;
	}
	census_sort(census);
	return steal_pointer(&census);
}
