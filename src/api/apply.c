/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff and apply: the same, with the last step off or on. */
#include "api/ahead.h"
#include "api/documents.h"
#include "api/execute.h"
#include "api/judge.h"
#include "api/judge_change.h"
#include "api/unchanged.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ahead, ahead_free)

/* The caller's options, as far as his version of the struct has them. */
static struct untrack_apply_options options_of(const struct untrack_apply_options *given)
{
	struct untrack_apply_options options = {.size = sizeof(options)};

	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	return options;
}

/* judged: is it asked whether the change would do harm? */
static struct untrack_result *change(struct untrack *untrack,
				     const struct untrack_document *document,
				     const struct untrack_apply_options *options, bool judged,
				     struct untrack_error *err)
{
	autodocument_maker made = {0};
	autofree char *name = NULL;
	struct execution execution = {
		.maker = &made.maker, .options = options, .given = judged ? document : NULL};
	autoclean(ahead_free_p) struct ahead *ahead = NULL;
	autoearly early = {0};
	struct untrack_result *result;
	autoerror why = ERROR_INIT;

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed)
		return NULL;
	result = unchanged_result(untrack, document, options, err);
	if (result || error_is_set(err) || !document_of(document, err))
		return result;
	name = document_name(document->document);
	if (!name) {
		error_memory(err);
		return NULL;
	}
	execution.document = name;
	execution.compiled = &made.compiled;
	ahead = ahead_start(untrack, document->document, options->whole_ruleset);
	if (!document_maker_init(document->document, options, untrack->store, &made, err))
		return NULL;
	made.maker.ahead = ahead;
	/* while the live ruleset is still being read */
	if (ahead && judged && document->document->kind == DOCUMENT_TEXT && !options->whole_ruleset)
		judge_early(untrack, document, made.compiled, &early);
	execution.early = &early;
	result = execute(untrack, &execution, &why);
	if (!result && made.memo.used && why.code == ERROR_KERNEL && !why.changed) {
		error_clear(&why);
		early_judgement_free(&early);
		if (document_maker_compile_whole(&made, document->document, &why))
			result = execute(untrack, &execution, &why);
	}
	if (!result && err)
		error_move(err, &why);
	return result;
}

struct untrack_result *untrack_diff(struct untrack *untrack,
				    const struct untrack_document *document,
				    const struct untrack_apply_options *options,
				    struct untrack_error *error)
{
	struct untrack_apply_options dry = options_of(options);

	dry.dry_run = true;
	return change(untrack, document, &dry, false, error);
}

struct untrack_result *untrack_apply(struct untrack *untrack,
				     const struct untrack_document *document,
				     const struct untrack_apply_options *options,
				     struct untrack_error *error)
{
	struct untrack_apply_options real = options_of(options);
	struct untrack_result *result;

	if (real.confirm_seconds && !real.guard) {
		error_set(error, ERROR_USAGE, "an armed rollback needs a guard program");
		return NULL;
	}
	if (!judge_check_forced(real.force_lint, error))
		return NULL;
	result = change(untrack, document, &real, true, error);
	if (result)
		result->status =
			0; /* also of a dry run: that there is a difference is diff's answer */
	return result;
}
