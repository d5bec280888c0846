/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: reads, compiles, rehearses and lints a document, without changing anything. */
#include "api/against.h"
#include "api/documents.h"
#include "api/judge.h"
#include "api/rehearse.h"
#include "api/trace.h"
#include "base/cleanup.h"
#include "view/check.h"

/* The host that is checked: this one, or one that is only known by its saved ruleset. */
static bool check_on(struct untrack *host, const struct untrack_document *document,
		     const interfaces *saved, struct findings *findings, expectations *expected,
		     texts *warnings, struct untrack_error *err)
{
	const struct netns own = NETNS_OWN;
	autodocument_maker made = {0};
	autotarget target = {0};
	struct judging judging = {
		.untrack = host, .target = &target, .saved = saved != NULL, .devices = saved};

	/* Without privilege there is no way back out of a scratch namespace, and no need to enter.
	 */
	autoenter entered = netns_enter(saved ? &own : &host->ns, err);
	judging.document = entered.failed ? NULL : document_of(document, err);
	if (!judging.document ||
	    !document_maker_init(judging.document, NULL, saved ? NULL : host->store, &made, err) ||
	    !made.maker.make(&made.maker, host, &target, err) || !rehearse(&target, err))
		return false;
	/* What cannot be written here says nothing about that host. */
	if (!saved) {
		*warnings = target.warnings;
		target.warnings = (texts){0};
	}
	return judge(&judging, warnings, findings, err) &&
	       (!judging.document->policy ||
		run_expectations(host, judging.document->policy, &target, saved, warnings, expected,
				 err));
}

struct untrack_result *untrack_check(struct untrack *untrack,
				     const struct untrack_document *document,
				     const struct untrack_check_options *options,
				     struct untrack_error *error)
{
	autoagainst against = {.untrack = {.ns = NETNS_OWN}};
	autofindings findings = {0};
	expectations expected = {0};
	struct untrack_result *result = NULL;
	texts warnings = {0};
	bool saved = options && options->size >= sizeof(*options) && options->against;

	if ((!saved || against_load(untrack, options->against, &against, error)) &&
	    check_on(saved ? &against.untrack : untrack, document, saved ? &against.devices : NULL,
		     &findings, &expected, &warnings, error))
		result = result_new(!view_check_ok(&findings, &expected),
				    view_check_json(&findings, &expected),
				    view_check_text(&findings, &expected), error);
	if (result)
		result_take_warnings(result, &warnings);
	texts_free(&warnings);
	expectations_free(&expected);
	return result;
}
