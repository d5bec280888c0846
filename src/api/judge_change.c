/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/judge_change.h"

#include "api/judge.h"
#include "api/trace.h"
#include "base/cleanup.h"

/* What a policy expects of packets must come true. */
static bool expect(struct untrack *untrack, const struct policy *policy,
		   const struct target *target, texts *warnings, struct untrack_error *err)
{
	expectations list = {0};
	autobuf failed = {0};
	bool ok = !policy || run_expectations(untrack, policy, target, NULL, warnings, &list, err);

	array_for_each(one, &list) {
		if (!one->ok)
			buf_printf(&failed, "%sexpected '%s' to be %s: %s", failed.len ? "\n" : "",
				   one->packet, one->untracked ? "untracked" : "tracked",
				   one->found);
	}
	expectations_free(&list);
	if (!ok || !buf_ok(&failed, err))
		return false;
	return !failed.len || error_set(err, ERROR_LINT, "%s", buf_text(&failed));
}

void early_judgement_free(struct early_judgement *early)
{
	judgement_free(early->judgement);
	texts_free(&early->warnings);
	*early = (struct early_judgement){0};
}

void judge_early(struct untrack *untrack, const struct untrack_document *given,
		 const struct ruleset *compiled, struct early_judgement *ret_early)
{
	autoerror ignored = ERROR_INIT; /* it is judged again then */
	autotarget target = {0};
	struct judging judging = {.untrack = untrack,
				  .document = document_of(given, &ignored),
				  .target = &target,
				  .brief = true};
	struct kernel *kernel = context_kernel(untrack, &ignored);
	autoearly early = {0};
	uint32_t after = 0;

	if (!judging.document || !kernel)
		return;
	array_for_each(table, &compiled->tables) {
		if (!array_push(&target.pairs, (struct pair){.desired = *table, .borrowed = true}))
			return;
	}
	if (!kernel_generation(kernel, &early.generation, &ignored))
		return;
	early.judgement = judgement_new(&judging, &early.warnings, &ignored);
	if (!early.judgement || !kernel_generation(kernel, &after, &ignored) ||
	    after != early.generation)
		return;
	*ret_early = early;
	early = (struct early_judgement){0};
}

/* Once: what was begun early, if it holds; otherwise it begins now. */
static struct judgement *begin(struct early_judgement *early, const struct judging *judging,
			       texts *warnings, struct untrack_error *err)
{
	if (!early || !early->judgement || early->generation != judging->target->live->generation ||
	    !texts_copy(&early->warnings, warnings))
		return judgement_new(judging, warnings, err);
	return steal_pointer(&early->judgement);
}

bool judge_change(struct untrack *untrack, const struct execution *execution,
		  const struct target *target, const struct plan *plan, texts *warnings,
		  struct untrack_error *err)
{
	struct judging judging = {.untrack = untrack, .target = target, .brief = true};
	autoclean(judgement_free_p) struct judgement *judgement = NULL;
	autofindings findings = {0};

	if (!execution->given)
		return true;
	judging.document = document_of(execution->given, err);
	if (judging.document)
		judgement = begin(execution->early, &judging, warnings, err);
	return judgement && judgement_give(judgement, target, plan, warnings, &findings, err) &&
	       (judging.document->policy
			? judge_refuse(&findings, execution->options->force_lint, warnings, err)
			: judge_advise(&findings, judgement_is_partial(judgement), warnings,
				       err)) &&
	       expect(untrack, judging.document->policy, target, warnings, err);
}

bool judge_change_dry(struct untrack *untrack, const struct execution *execution,
		      const struct target *target, const struct plan *plan, texts *warnings,
		      struct untrack_error *err)
{
	autoerror refusal = ERROR_INIT;

	if (judge_change(untrack, execution, target, plan, warnings, &refusal))
		return true;
	if (refusal.code == ERROR_LINT)
		return warn(warnings, err, "apply would refuse this: %s", refusal.message);
	error_move(err, &refusal);
	return false;
}
