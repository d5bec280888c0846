/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: reads, compiles, rehearses and lints a document, without changing anything. */
#include "api/documents.h"
#include "api/judge.h"
#include "api/rehearse.h"
#include "base/cleanup.h"
#include "view/check.h"

struct untrack_result *untrack_check(struct untrack *untrack,
				     const struct untrack_document *document,
				     const struct untrack_check_options *options,
				     struct untrack_error *error)
{
	autodocument_maker made = {0};
	autotarget target = {0};
	autofindings findings = {0};
	expectations expected = {0};
	struct untrack_result *result;

	if (options && options->size >= sizeof(*options) && options->against) {
		error_set(error, ERROR_USAGE, "--against is not supported yet");
		return NULL;
	}
	autoenter entered = netns_enter(&untrack->ns, error);
	if (entered.failed || !document_of(document, error) ||
	    !document_maker_init(document_of(document, err), NULL, &made, error) ||
	    !made.maker.make(&made.maker, untrack, &target, error) || !rehearse(&target, error))
		return NULL;
	struct judging judging = {
		.untrack = untrack, .document = document->document, .target = &target};
	if (!judge(&judging, &target.warnings, &findings, error))
		return NULL;
	result = result_new(findings_count(&findings, SEVERITY_ERROR) != 0,
			    view_check_json(&findings, &expected),
			    view_check_text(&findings, &expected), error);
	if (result)
		result_take_warnings(result, &target.warnings);
	return result;
}
