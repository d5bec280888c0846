/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <string.h>

bool run_diff(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_document_free_p) struct untrack_document *first = NULL, *second = NULL;
	autoclean(untrack_free_p) struct untrack *untrack = NULL;
	struct untrack_result *result;

	if (in->operand_count == 2 && !strcmp(in->operands[0], "-") &&
	    !strcmp(in->operands[1], "-"))
		return error_set(err, ERROR_USAGE, "standard input cannot be both documents");
	first = read_documents(in, in->operands, 1, err);
	if (!first)
		return false;
	if (in->operand_count == 2) {
		second = read_documents(in, in->operands + 1, 1, err);
		if (!second)
			return false;
	}
	untrack = untrack_new(&in->context, err);
	if (!untrack)
		return false;
	result = second ? untrack_diff_documents(untrack, first, second, err)
			: untrack_diff(untrack, first, &in->apply, err);
	return print_result(in, result, false, ret_status, err);
}
