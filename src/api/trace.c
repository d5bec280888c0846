/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace: what the kernel does with one packet. expect: the same for each line of a policy. */
#include "api/trace.h"

#include "api/documents.h"
#include "api/outlook.h"
#include "api/trace_way.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

static enum read_depth depth_of(void *arg, uint8_t family, const char *name)
{
	(void)arg;
	(void)family;
	(void)name;
	return READ_BOUNDED;
}

/* The ruleset that packets shall meet: the live one, as the target changes it. any_host: routes and
 * tracking are there even if this host has none. */
static bool set_stage(struct untrack *untrack, const struct target *target,
		      const struct ruleset *live, const interfaces *more, struct outlook *outlook,
		      bool any_host, struct stage *stage, texts *warnings,
		      struct untrack_error *err)
{
	struct staging staging = {.untrack = untrack,
				  .rules = &outlook->after,
				  .more = more,
				  .routes = any_host,
				  .tracks = any_host};

	return outlook_make(outlook, target, live, err) &&
	       stage_set(&staging, stage, warnings, err);
}

static struct ruleset *read_live(struct untrack *untrack, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);

	return kernel ? kernel_read(kernel, depth_of, NULL, err) : NULL;
}

/* --- trace ------------------------------------------------------------------------------------ */

static bool make_target(struct untrack *untrack, const struct untrack_document *document,
			struct document_maker *made, struct target *target,
			struct untrack_error *err)
{
	autoenter entered = netns_enter(&untrack->ns, err);

	return !entered.failed && document_of(document, err) &&
	       document_maker_init(document->document, NULL, untrack->store, made, err) &&
	       made->maker.make(&made->maker, untrack, target, err);
}

/* The packet itself, and a caret under the word that is wrong. */
static bool parse_packet(const char *text, struct packet_text *packet, struct untrack_error *err)
{
	autoerror why = ERROR_INIT;
	char shown[TEXT_SHOWN_MAX];

	if (packet_text_parse(text, packet, &why))
		return true;
	if (!why.column || strlen(text_show(text, strlen(text), shown)) != strlen(text))
		error_move(err, &why);
	else
		error_at(err, why.code, NULL, why.line, why.column, NULL, "%s\n  %s\n  %*s",
			 why.message, text, (int)why.column, "^");
	return false;
}

struct untrack_result *untrack_trace(struct untrack *untrack, const char *packet,
				     const struct untrack_document *document,
				     struct untrack_error *error)
{
	autodocument_maker made = {0};
	autotarget target = {0};
	autooutlook outlook = {0};
	autoway way = {0}, reply = {0};
	interfaces devices = {0};
	struct packet_text parsed;
	struct untrack_result *result = NULL;
	texts warnings = {0};

	if (!parse_packet(packet, &parsed, error) ||
	    (document && !make_target(untrack, document, &made, &target, error)))
		return NULL;
	autoclean(ruleset_free_p) struct ruleset *live = read_live(untrack, error);
	autostage stage = {.ns = NETNS_OWN};
	if (live && trace_devices(&parsed, &devices, error) &&
	    set_stage(untrack, document ? &target : NULL, live, &devices, &outlook, false, &stage,
		      &warnings, error) &&
	    trace_packet(&stage, &parsed, &way, &reply, error))
		result = result_new(0, view_trace_json(&way, &reply), view_trace_text(&way, &reply),
				    error);
	array_free(&devices);
	if (result)
		result_take_warnings(result, &warnings);
	texts_free(&warnings);
	return result;
}

/* --- expect ----------------------------------------------------------------------------------- */

static bool parse_all(const struct policy *policy, struct packet_text *packets, interfaces *devices,
		      struct untrack_error *err)
{
	array_for_each(expect, &policy->expects) {
		struct packet_text *packet = &packets[expect - policy->expects.v];
		autoerror why = ERROR_INIT;

		if (!packet_text_parse(expect->packet, packet, &why))
			return error_at(err, ERROR_DOCUMENT, policy->file, expect->origin.line,
					expect->origin.column, expect->origin.path, "%s",
					why.message ? why.message : "out of memory");
		if (!trace_devices(packet, devices, err))
			return false;
	}
	return true;
}

static bool run_one(const struct stage *stage, const struct policy_expect *expect,
		    const struct packet_text *packet, expectations *list, struct untrack_error *err)
{
	struct expectation one = {.packet = expect->packet, .untracked = expect->untracked};
	autoway way = {0};

	if (!trace_packet(stage, packet, &way, NULL, err)) {
		error_prefix(err, "expect '%s'", expect->packet);
		return false;
	}
	one.ok = way.untracked == expect->untracked;
	if (!one.ok && asprintf(&one.found, "it is %s%s%s", way.untracked ? "untracked" : "tracked",
				way.reason ? "; " : "", way.reason ? way.reason : "") < 0)
		return error_memory(err);
	if (array_push(list, one))
		return true;
	free(one.found);
	return error_memory(err);
}

bool run_expectations(struct untrack *untrack, const struct policy *policy,
		      const struct target *target, const interfaces *devices, texts *warnings,
		      expectations *list, struct untrack_error *err)
{
	autofree struct packet_text *packets = calloc(policy->expects.n + 1, sizeof(*packets));
	interfaces wanted = {0};
	autooutlook outlook = {0};
	autostage stage = {.ns = NETNS_OWN};
	bool ok;

	if (!policy->expects.n)
		return true;
	if (!packets)
		return error_memory(err);
	autoclean(ruleset_free_p) struct ruleset *live = read_live(untrack, err);
	ok = live != NULL;
	for (size_t i = 0; ok && devices && i < devices->n; i++)
		ok = array_push(&wanted, devices->v[i]) || error_memory(err);
	ok = ok && parse_all(policy, packets, &wanted, err) &&
	     /* A policy's tests are about its rules: they hold on a host without routes,
	      * or without tracking, too. */
	     set_stage(untrack, target, live, &wanted, &outlook, true, &stage, warnings, err);
	for (size_t i = 0; ok && i < policy->expects.n; i++)
		ok = run_one(&stage, &policy->expects.v[i], &packets[i], list, err);
	array_free(&wanted);
	return ok;
}
