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

bool judge_change(struct untrack *untrack, const struct execution *execution,
		  const struct target *target, texts *warnings, struct untrack_error *err)
{
	struct judging judging = {.untrack = untrack, .target = target};
	autofindings findings = {0};

	if (!execution->given)
		return true;
	judging.document = document_of(execution->given, err);
	return judging.document && judge(&judging, warnings, &findings, err) &&
	       judge_refuse(&findings, !judging.document->policy, execution->options->force_lint,
			    warnings, err) &&
	       expect(untrack, judging.document->policy, target, warnings, err);
}

bool judge_change_dry(struct untrack *untrack, const struct execution *execution,
		      const struct target *target, texts *warnings, struct untrack_error *err)
{
	autoerror refusal = ERROR_INIT;

	if (judge_change(untrack, execution, target, warnings, &refusal))
		return true;
	if (refusal.code == ERROR_LINT)
		return warn(warnings, err, "apply would refuse this: %s", refusal.message);
	error_move(err, &refusal);
	return false;
}
