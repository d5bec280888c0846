/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways back: confirm, rollback, remove. */
#include "cli/cli.h"

#include "base/buf.h"

bool run_confirm(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = untrack_new(&in->context, err);

	return untrack && print_result(in, untrack_confirm(untrack, err), true, ret_status, err);
}

bool run_rollback(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = NULL;
	uint32_t snapshot = 0;

	if (in->operand_count &&
	    !parse_number("snapshot", in->operands[0], 1, UINT32_MAX, &snapshot, err))
		return false;
	untrack = untrack_new(&in->context, err);
	return untrack &&
	       print_result(in, untrack_rollback(untrack, snapshot, err), true, ret_status, err);
}

/* The table comes as one word or as two: `remove "inet untrack"`, `remove inet untrack`. */
bool run_remove(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = NULL;
	autobuf table = {0};

	for (size_t i = 0; i < in->operand_count; i++)
		buf_printf(&table, "%s%s", i ? " " : "", in->operands[i]);
	if (!buf_ok(&table, err))
		return false;
	untrack = untrack_new(&in->context, err);
	return untrack &&
	       print_result(
		       in,
		       untrack_remove(untrack, in->operand_count ? buf_text(&table) : NULL, err),
		       true, ret_status, err);
}
