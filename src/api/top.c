/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top: who fills the connection table, in one pass over it. */
#include "api/context.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "kernel/addresses.h"
#include "kernel/conntrack.h"
#include "view/top.h"

#include <string.h>

DEFINE_AUTOCLEAN(struct census, census_free)

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

/* Counts the table of the namespace that the thread is in. NULL with the error set. */
static struct census *take_census(unsigned by, struct untrack_error *err)
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

struct untrack_result *untrack_top(struct untrack *untrack, const struct untrack_top_options *given,
				   struct untrack_error *error)
{
	struct untrack_top_options options = {.size = sizeof(options)};
	autoclean(census_free_p) struct census *census = NULL;
	unsigned by = CENSUS_DEFAULT;

	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	if (options.by && !census_parse_by(options.by, &by, error))
		return NULL;
	autoenter entered = netns_enter(&untrack->ns, error);
	if (entered.failed)
		return NULL;
	census = take_census(by, error);
	if (!census)
		return NULL;
	return result_new(0, view_top_json(census, options.limit),
			  view_top_text(census, options.limit), error);
}
