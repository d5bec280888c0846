/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/judge.h"

#include "api/judge_host.h"
#include "api/outlook.h"
#include "api/touched.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/conntrack.h"
#include "lint/lint.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

/* What is asked of the live ruleset. */
struct reading {
	const struct target *target; /* whose tables come in the place of the live ones */
	bool replaced;		     /* … which are asked for nevertheless */
};

static bool is_replaced(const struct target *target, uint8_t family, const char *name)
{
	array_for_each(pair, &target->pairs) {
		const struct table *one = pair->desired ? pair->desired : pair->live;

		if (!pair->mark && one->family == family && !strcmp(one->name, name))
			return true;
	}
	return false;
}

static enum read_depth depth_of(void *arg, uint8_t family, const char *name)
{
	const struct reading *reading = arg;

	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET)
		return READ_NAME;
	return reading->replaced || !is_replaced(reading->target, family, name) ? READ_BOUNDED
										: READ_NAME;
}

/* --- judging ---------------------------------------------------------------------------------- */

static bool count_entry(void *arg, const struct flow_entry *entry)
{
	lint_count(arg, entry);
	return true;
}

static bool count_entries(struct untrack *untrack, struct lint *lint, texts *warnings,
			  struct untrack_error *err)
{
	autoerror why = ERROR_INIT;

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed)
		return false;
	return conntrack_each(count_entry, lint, &why) ||
	       warn(warnings, err, "the connection table was not looked at: %s",
		    why.message ? why.message : "out of memory");
}

/* Has the table a chain ahead of tracking, or a rule that could say notrack? */
static bool concerns_tracking(const struct table *table)
{
	static const char word[] = "notrack";
	struct chain_hook hook;

	array_for_each(chain, &table->chains) {
		if (chain_hook(*chain, &hook) && hook.priority < NF_IP_PRI_CONNTRACK)
			return true;
		array_for_each(rule, &(*chain)->rules) {
			const struct buf *attrs = &(*rule)->attrs;

			if (attrs->len && memmem(attrs->data, attrs->len, word, sizeof(word)))
				return true;
		}
	}
	return false;
}

/* A ruleset that keeps nothing out of tracking breaks nothing by that: most are such, and some are
 * long. What others' tables do to tracking is for check to tell. */
static bool is_of_no_concern(const struct judging *judging)
{
	if (!judging->brief || judging->document->policy)
		return false;
	array_for_each(pair, &judging->target->pairs) {
		if (pair->desired && concerns_tracking(pair->desired))
			return false;
	}
	return true;
}

struct judgement {
	struct untrack *untrack;
	bool brief;
	bool saved;
	struct judge_host host;
	struct lint_input input;
	struct ruleset *live;
	struct outlook outlook;
	struct lint *lint; /* NULL: there is nothing to be judged */
};

void judgement_free(struct judgement *judgement)
{
	if (!judgement)
		return;
	lint_free(judgement->lint);
	outlook_free(&judgement->outlook);
	ruleset_free(judgement->live);
	judge_host_free(&judgement->host);
	free(judgement);
}

static bool prepare(struct judgement *judgement, const struct judging *judging, texts *warnings,
		    struct untrack_error *err)
{
	struct reading reading = {.target = judging->target};
	struct lint_input *input = &judgement->input;
	struct kernel *kernel;

	if (judging->saved)
		input->devices = judging->devices;
	else if (!judge_host_read(judging->untrack, &judgement->host, input, warnings, err))
		return false;
	kernel = context_kernel(judging->untrack, err);
	/* Only where tracking could be switched back on for what is picked up in the middle. */
	reading.replaced = input->tcp_loose == KNOWN_NO;
	judgement->live = kernel ? kernel_read(kernel, depth_of, &reading, err) : NULL;
	if (!judgement->live ||
	    !outlook_make(&judgement->outlook, judging->target, judgement->live, err))
		return false;
	input->before = judgement->live;
	input->after = &judgement->outlook.after;
	input->document = &judgement->outlook.declared;
	judgement->lint = lint_new(input, err);
	return judgement->lint;
}

struct judgement *judgement_new(const struct judging *judging, texts *warnings,
				struct untrack_error *err)
{
	autoclean(judgement_free_p) struct judgement *judgement = calloc(1, sizeof(*judgement));

	if (!judgement) {
		error_memory(err);
		return NULL;
	}
	judgement->untrack = judging->untrack;
	judgement->brief = judging->brief && !judging->document->policy;
	judgement->saved = judging->saved;
	judgement->input = (struct lint_input){.policy = judging->document->policy,
					       .brief = judging->brief,
					       .forwarding = KNOWN_NOT,
					       .tcp_loose = KNOWN_NOT};
	if (!is_of_no_concern(judging) && !prepare(judgement, judging, warnings, err))
		return NULL;
	return steal_pointer(&judgement);
}

/* What is shorter is judged whole, every time that it changes. */
static bool is_long(const struct judgement *judgement)
{
	enum { WHOLE_MAX = 500 };
	size_t rules = 0;

	array_for_each(table, &judgement->outlook.after.tables) {
		array_for_each(chain, &(*table)->chains) {
			rules += (*chain)->rules.n;
		}
	}
	return rules > WHOLE_MAX;
}

bool judgement_give(struct judgement *judgement, const struct target *target,
		    const struct plan *plan, texts *warnings, struct findings *findings,
		    struct untrack_error *err)
{
	struct lint *lint = judgement->lint;
	autotouched touched = {0};

	if (!lint)
		return true;
	if (plan && judgement->brief && is_long(judgement) &&
	    !touched_find(target, plan, &touched, err))
		return false;
	if (!lint_look(lint, touched.alone ? &touched.ruleset : NULL, err) ||
	    (!judgement->saved && lint_wants_entries(lint) &&
	     !count_entries(judgement->untrack, lint, warnings, err)))
		return false;
	return lint_run(lint, findings, err);
}

bool judgement_is_partial(const struct judgement *judgement)
{
	return judgement->lint && lint_is_partial(judgement->lint);
}

bool judge(const struct judging *judging, texts *warnings, struct findings *findings,
	   struct untrack_error *err)
{
	autoclean(judgement_free_p) struct judgement *judgement =
		judgement_new(judging, warnings, err);

	return judgement &&
	       judgement_give(judgement, judging->target, NULL, warnings, findings, err) &&
	       (!judgement_is_partial(judgement) ||
		warn(warnings, err,
		     "there are too many services or notrack rules to judge them one by one: the "
		     "findings are those of the first ones"));
}

/* --- refusing --------------------------------------------------------------------------------- */

bool judge_check_forced(const char *forced, struct untrack_error *err)
{
	while (forced && *forced) {
		size_t length = strcspn(forced, ",");
		autofree char *word = strndup(forced, length);
		char shown[TEXT_SHOWN_MAX];
		const char *meant = NULL;

		if (!word)
			return error_memory(err);
		if (!lint_code_exists(word, &meant))
			return error_set(err, ERROR_USAGE,
					 "--force-lint, got '%s'; expected codes of findings, with "
					 "commas between ('untrack check' shows them)%s%s%s",
					 text_show(word, length, shown),
					 meant ? "; did you mean '" : "", meant ? meant : "",
					 meant ? "'?" : "");
		forced += length + (forced[length] == ',');
	}
	return true;
}

static bool is_forced(const char *forced, const char *code)
{
	while (forced && *forced) {
		size_t length = strcspn(forced, ",");

		if (strlen(code) == length && !strncmp(forced, code, length))
			return true;
		forced += length + (forced[length] == ',');
	}
	return false;
}

enum { ADVISED_EACH = 3 }; /* of each code, beside which a change can still be read */

/* Findings of one code, of which a long ruleset may have one for each rule. */
struct code {
	const char *name;
	size_t count;
};
typedef ARRAY(struct code) codes;

static struct code *find_code(codes *list, const char *name)
{
	array_for_each(code, list) {
		if (!strcmp(code->name, name))
			return code;
	}
	return array_push(list, (struct code){.name = name}) ? &list->v[list->n - 1] : NULL;
}

/* A few of each code; of the rest, how many. */
static bool put_advice(const struct findings *findings, bool partial, codes *list, texts *warnings,
		       struct untrack_error *err)
{
	array_for_each(finding, &findings->list) {
		struct code *code = find_code(list, finding->code);

		if (!code)
			return error_memory(err);
		if (++code->count <= ADVISED_EACH &&
		    !warn(warnings, err, "%s: %s", finding->code, finding->message))
			return false;
	}
	array_for_each(code, list) {
		if (code->count > ADVISED_EACH &&
		    !warn(warnings, err,
			  partial ? "%s: %zu more of the first ones; `untrack check` looks at more"
				  : "%s: %zu more; `untrack check` tells them all",
			  code->name, code->count - ADVISED_EACH))
			return false;
	}
	return true;
}

bool judge_advise(const struct findings *findings, bool partial, texts *warnings,
		  struct untrack_error *err)
{
	codes list = {0};
	bool ok = put_advice(findings, partial, &list, warnings, err);

	array_free(&list);
	return ok;
}

bool judge_refuse(const struct findings *findings, const char *forced, texts *warnings,
		  struct untrack_error *err)
{
	autobuf refused = {0};

	array_for_each(finding, &findings->list) {
		if (finding->severity == SEVERITY_ERROR && !is_forced(forced, finding->code))
			buf_printf(&refused, "%s%s: %s\n\t%s", refused.len ? "\n" : "",
				   finding->code, finding->message, finding->remedy);
		else if (!warn(warnings, err, "%s: %s", finding->code, finding->message))
			return false;
	}
	if (!buf_ok(&refused, err))
		return false;
	return !refused.len ||
	       error_set(err, ERROR_LINT, "%s\n(--force-lint CODE,… applies in spite of findings)",
			 buf_text(&refused));
}
