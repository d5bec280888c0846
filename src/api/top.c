/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top: who fills the connection table, in one pass over it. */
#include "api/census.h"
#include "api/context.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "view/top.h"

#include <string.h>

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
