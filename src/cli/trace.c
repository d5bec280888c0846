/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace PACKET [DOCUMENT...] */
#include "cli/cli.h"

bool run_trace(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_document_free_p) struct untrack_document *document = NULL;
	autoclean(untrack_free_p) struct untrack *untrack = NULL;

	if (in->operand_count > 1) {
		document = read_documents(in, in->operands + 1, in->operand_count - 1, err);
		if (!document)
			return false;
	}
	untrack = untrack_new(&in->context, err);
	return untrack && print_result(in, untrack_trace(untrack, in->operands[0], document, err),
				       false, ret_status, err);
}
