/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only shows: show, check, history. */
#include "cli/cli.h"

bool run_show(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_document_free_p) struct untrack_document *document = NULL;
	autoclean(untrack_free_p) struct untrack *untrack = NULL;
	bool as_text = in->given & OPTION(TEXT);

	if (in->operand_count) {
		document = read_documents(in, in->operands, in->operand_count, err);
		if (!document)
			return false;
	}
	untrack = untrack_new(&in->context, err);
	return untrack && print_result(in, untrack_show(untrack, document, as_text, err), false,
				       ret_status, err);
}

bool run_check(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_document_free_p) struct untrack_document *document =
		read_documents(in, in->operands, in->operand_count, err);
	autoclean(untrack_free_p) struct untrack *untrack = NULL;

	if (!document)
		return false;
	untrack = untrack_new(&in->context, err);
	return untrack && print_result(in, untrack_check(untrack, document, &in->check, err), false,
				       ret_status, err);
}

bool run_history(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = untrack_new(&in->context, err);

	return untrack && print_result(in, untrack_history(untrack, err), false, ret_status, err);
}
