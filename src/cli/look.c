/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What looks at the host's traffic: status, top, suggest, flow. */
#include "cli/cli.h"

/* Rows that a terminal shows unless --limit says otherwise. */
#define TEXT_LIMIT 20

static struct untrack_result *look_status(struct untrack *untrack, const struct invocation *in,
					  struct untrack_error *err)
{
	(void)in;
	return untrack_status(untrack, err);
}

bool run_status(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	return print_look(in, look_status, ret_status, err);
}

static struct untrack_result *look_top(struct untrack *untrack, const struct invocation *in,
				       struct untrack_error *err)
{
	struct untrack_top_options options = in->top;

	options.limit = in->given & OPTION(LIMIT) ? in->limit : in->json ? 0 : TEXT_LIMIT;
	return untrack_top(untrack, &options, err);
}

bool run_top(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	return print_look(in, look_top, ret_status, err);
}

bool run_suggest(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = untrack_new(&in->context, err);

	return untrack && print_result(in, untrack_suggest(untrack, &in->suggest, err), false,
				       ret_status, err);
}

static struct untrack_result *look_flow(struct untrack *untrack, const struct invocation *in,
					struct untrack_error *err)
{
	return untrack_flow(untrack, &in->flow, err);
}

bool run_flow(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	if (in->json && in->flow.svg)
		return error_set(err, ERROR_USAGE, "--json and --svg; expected one of them");
	return print_look(in, look_flow, ret_status, err);
}
