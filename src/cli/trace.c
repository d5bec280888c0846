/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace PACKET [DOCUMENT...] */
#include "cli/cli.h"

#include <string.h>

bool run_trace(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_document_free_p) struct untrack_document *document = NULL;
	autoclean(untrack_free_p) struct untrack *untrack = NULL;

	/* A shell that was left to see the '>' has made a file of the rest. */
	if (!strchr(in->operands[0], '>'))
		return error_set(err, ERROR_USAGE,
				 "the packet, got '%s'; expected one argument in quotes, like "
				 "'tcp 198.51.100.7:40000 > 192.0.2.10:80'",
				 in->operands[0]);
	if (in->operand_count > 1) {
		document = read_documents(in, in->operands + 1, in->operand_count - 1, err);
		if (!document)
			return false;
	}
	untrack = untrack_new(&in->context, err);
	return untrack && print_result(in, untrack_trace(untrack, in->operands[0], document, err),
				       false, ret_status, err);
}
