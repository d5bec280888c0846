/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

bool run_import(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = NULL;
	const struct untrack_import_options *options = &in->import;

	if (options->live ? in->operand_count != 0 : !in->operand_count)
		return error_set(err, ERROR_USAGE, "import, got %s; expected FILE... or --live",
				 options->live ? "a file and --live" : "no file");
	if (!options->as_policy && (options->complete || options->live))
		return error_set(err, ERROR_USAGE, "--%s needs --as=policy",
				 options->complete ? "complete" : "live");
	untrack = untrack_new(&in->context, err);
	return untrack &&
	       print_result(in,
			    untrack_import(untrack, in->operands, in->operand_count, options, err),
			    false, ret_status, err);
}
