/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suggest: a policy from what fills the connection table, judged before it is shown. */
#include "api/census.h"
#include "api/context.h"
#include "api/documents.h"
#include "api/judge.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "document/document.h"
#include "kernel/session.h"
#include "kernel/sysctl.h"
#include "model/service_counter.h"
#include "model/suggestion.h"
#include "view/suggestion.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define COVER_PERCENT 90
#define SERVICES_MAX 8

DEFINE_AUTOCLEAN(struct suggestion, suggestion_free)
DEFINE_AUTOCLEAN(struct document, document_free)
DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

static bool is_on(const char *sysctl)
{
	uint64_t value;

	return sysctl_read(sysctl, &value, NULL) && value;
}

/* A suggestion from the table of the untrack's namespace. */
static struct suggestion *make(struct untrack *untrack,
			       const struct untrack_suggest_options *options,
			       struct untrack_error *err)
{
	autoclean(census_free_p) struct census *census = NULL;
	struct ssh_session session;
	bool managed = ssh_session_find(&session);
	struct suggestion_options wish = {
		.cover = options->cover ? options->cover : COVER_PERCENT,
		.max_services = options->max_services ? options->max_services : SERVICES_MAX,
		.managed = &session.local_port,
		.managed_n = managed,
	};

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed)
		return NULL;
	wish.forwarding = is_on("net.ipv4.ip_forward") || is_on("net.ipv6.conf.all.forwarding");
	census = take_census(SUGGESTION_BY, err);
	return census ? suggestion_make(census, &wish, err) : NULL;
}

static bool tell_refused(const struct suggestion *suggestion, texts *warnings,
			 struct untrack_error *err)
{
	array_for_each(refused, &suggestion->refused) {
		autofree char *text = view_refused_service(refused);

		if (!text)
			return error_memory(err);
		if (!warn(warnings, err, "%s", text))
			return false;
	}
	if (suggestion->services.n)
		return true;
	return warn(warnings, err,
		    suggestion->entries
			    ? "nothing in the connection table is worth a service and safe"
			    : "the connection table is empty: nothing to suggest");
}

/* --- judged
 * --------------------------------------------------------------------------------------- */

/* The policy as a document: read from where it was never on disk. */
static struct document *read_policy(const char *text, struct untrack_error *err)
{
	autoclose int fd = memfd_create("suggested policy", MFD_CLOEXEC);
	size_t length = strlen(text);
	char path[32];

	if (fd < 0 || write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0) {
		error_errno(err, errno, "cannot keep the policy in memory");
		return NULL;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return document_read((const char *const[]){path}, 1, err);
}

/* What the lint says of the policy on this host. */
static bool lint_policy(struct untrack *untrack, const struct suggestion *suggestion,
			struct findings *findings, struct untrack_error *err)
{
	autofree char *text = view_suggestion(suggestion, 0);
	autoclean(document_free_p) struct document *document = NULL;
	autodocument_maker made = {0};
	autotarget target = {0};
	texts ignored = {0}; /* apply tells them again */
	bool judged;

	if (!text)
		return error_memory(err);
	document = read_policy(text, err);
	if (!document)
		return false;
	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed || !document_maker_init(document, NULL, untrack->store, &made, err) ||
	    !made.maker.make(&made.maker, untrack, &target, err))
		return false;
	judged = judge(
		&(struct judging){.untrack = untrack, .document = document, .target = &target},
		&ignored, findings, err);
	texts_free(&ignored);
	return judged;
}

static size_t find_service(const struct suggestion *suggestion, const char *name)
{
	size_t i = 0;

	while (i < suggestion->services.n && strcmp(suggestion->services.v[i].name, name) != 0)
		i++;
	return i;
}

static bool lists(const texts *list, const char *text)
{
	array_for_each(one, list) {
		if (!strcmp(*one, text))
			return true;
	}
	return false;
}

/* Takes over the text. */
static bool add_text(texts *list, char *text, struct untrack_error *err)
{
	if (text && array_push(list, text))
		return true;
	free(text);
	return error_memory(err);
}

struct mending {
	struct untrack *untrack;
	struct suggestion *suggestion;
	bool may_accept;
	texts closed; /* chains that cannot have accept rules */
	texts *warnings;
};

static char *chain_of(const struct finding *finding)
{
	char *chain;

	return asprintf(&chain, "%s %s %s", family_name(finding->family), finding->table,
			finding->chain) < 0
		       ? NULL
		       : chain;
}

static bool refuse_for(struct mending *mending, size_t index, const struct finding *finding,
		       const char *more, struct untrack_error *err)
{
	char *why;
	bool fine;

	if (asprintf(&why, "%s%s", finding->message, more) < 0)
		return error_memory(err);
	fine = suggestion_refuse(mending->suggestion, index, why, err);
	free(why);
	return fine;
}

/* The service is let in by that chain, or is refused where that cannot be or has not helped. */
static bool let_in(struct mending *mending, size_t index, const struct finding *finding,
		   struct untrack_error *err)
{
	struct suggested_service *service = &mending->suggestion->services.v[index];
	texts *chains = &mending->suggestion->accept_in;
	autofree char *chain = chain_of(finding);

	if (!chain)
		return error_memory(err);
	if (!mending->may_accept)
		return refuse_for(mending, index, finding, " (--accept-in would let it in)", err);
	if (lists(&mending->closed, chain))
		return refuse_for(mending, index, finding,
				  ", and an accept rule cannot be written there", err);
	if (service->accept && lists(chains, chain))
		return refuse_for(mending, index, finding, "", err);
	service->accept = true;
	return lists(chains, chain) || add_text(chains, steal_pointer(&chain), err);
}

/* Mends the suggestion where that finding says it would break something. */
static bool heed(struct mending *mending, const struct finding *finding, struct untrack_error *err)
{
	size_t index = find_service(mending->suggestion, finding->service);

	if (index == mending->suggestion->services.n)
		return true;
	if (!strcmp(finding->code, "no-accept") && finding->table && finding->chain)
		return let_in(mending, index, finding, err);
	return refuse_for(mending, index, finding, "", err);
}

/* Chains of iptables-nft, for one, are refused with the whole policy: the one that was added last
 * is it. All begins anew without it. */
static bool close_chain(struct mending *mending, struct untrack_error *refusal,
			struct untrack_error *err)
{
	texts *chains = &mending->suggestion->accept_in;

	if (refusal->code != ERROR_DOCUMENT || !chains->n) {
		error_move(err, refusal);
		return false;
	}
	if (!warn(mending->warnings, err, "%s", refusal->message) ||
	    !add_text(&mending->closed, chains->v[--chains->n], err))
		return false;
	texts_free(chains);
	array_for_each(service, &mending->suggestion->services) {
		service->accept = false;
	}
	return true;
}

static bool tell_findings(const struct mending *mending, const struct findings *findings,
			  struct untrack_error *err)
{
	array_for_each(finding, &findings->list) {
		if (finding->severity != SEVERITY_NOTE &&
		    !warn(mending->warnings, err, "%s: %s; %s", finding->code, finding->message,
			  finding->remedy))
			return false;
	}
	return true;
}

/* One turn: refuses services, adds chains, or finds that nothing is left to do. */
static bool mend_once(struct mending *mending, bool *ret_done, struct untrack_error *err)
{
	struct suggestion *suggestion = mending->suggestion;
	size_t services = suggestion->services.n, chains = suggestion->accept_in.n, accepts = 0;
	autofindings findings = {0};
	autoerror refusal = ERROR_INIT;

	*ret_done = false;
	if (!lint_policy(mending->untrack, suggestion, &findings, &refusal))
		return close_chain(mending, &refusal, err);
	array_for_each(service, &suggestion->services) {
		accepts += service->accept;
	}
	array_for_each(finding, &findings.list) {
		if (finding->severity == SEVERITY_ERROR && finding->service &&
		    !heed(mending, finding, err))
			return false;
	}
	array_for_each(service, &suggestion->services) {
		accepts -= service->accept;
	}
	*ret_done =
		suggestion->services.n == services && suggestion->accept_in.n == chains && !accepts;
	return !*ret_done || tell_findings(mending, &findings, err);
}

/* Until the lint has nothing against it. Each turn takes a service away, gives one an accept, or
 * adds or closes a chain, so it ends. */
static bool mend(struct mending *mending, struct untrack_error *err)
{
	bool done = false, fine = true;

	while (fine && !done && mending->suggestion->services.n)
		fine = mend_once(mending, &done, err);
	texts_free(&mending->closed);
	return fine;
}

/* A policy that is loaded would be replaced by this one, whose services it may not have. */
static bool tell_loaded(struct untrack *untrack, texts *warnings, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);
	autoclean(ruleset_free_p) struct ruleset *ruleset =
		kernel ? kernel_read(kernel, read_names, NULL, err) : NULL;
	const struct table *table;

	if (!ruleset)
		return false;
	table = ruleset_find(ruleset, NFPROTO_INET, "untrack");
	return !table || !table_is_policy(table) ||
	       warn(warnings, err,
		    "a policy is loaded already: what it keeps out is not in the connection table, "
		    "and "
		    "not in this policy, which would take its place; merge them before you apply "
		    "it");
}

struct untrack_result *untrack_suggest(struct untrack *untrack,
				       const struct untrack_suggest_options *given,
				       struct untrack_error *error)
{
	struct untrack_suggest_options options = {.size = sizeof(options)};
	autoclean(suggestion_free_p) struct suggestion *suggestion = NULL;
	struct untrack_result *result = NULL;
	texts warnings = {0};
	struct mending mending = {.untrack = untrack, .warnings = &warnings};
	struct buf text = {0};
	autofree char *policy = NULL;

	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	mending.suggestion = suggestion = make(untrack, &options, error);
	mending.may_accept = options.accept_in;
	if (suggestion && mend(&mending, error) && tell_refused(suggestion, &warnings, error) &&
	    tell_loaded(untrack, &warnings, error)) {
		policy = view_suggestion(suggestion, 2);
		buf_puts(&text, policy ? policy : "");
		buf_putc(&text, '\n');
		text.failed |= !policy;
		result =
			result_new(0, view_suggestion(suggestion, 0), buf_steal_text(&text), error);
	}
	if (result)
		result_take_warnings(result, &warnings);
	texts_free(&warnings);
	return result;
}
