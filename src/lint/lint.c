/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/lint.h"

#include "base/buf.h"
#include "base/text.h"
#include "lint/check.h"

#include <stdarg.h>
#include <string.h>

struct code {
	const char *name;
	enum severity severity;
	void (*check)(struct lint *lint);
};

/* Every code with its level, and what looks for it. One check may find several. */
static const struct code codes[] = {
	{"no-accept", SEVERITY_ERROR, check_accept},
	{"nat", SEVERITY_ERROR, check_interplay},
	{"template", SEVERITY_ERROR, check_raw},
	{"priority", SEVERITY_ERROR, check_raw},
	{"hook", SEVERITY_ERROR, check_raw},
	{"synproxy", SEVERITY_ERROR, check_interplay},
	{"helper", SEVERITY_ERROR, check_interplay},
	{"management", SEVERITY_ERROR, check_management},
	{"regenerated", SEVERITY_ERROR, check_regenerated},
	{"one-way", SEVERITY_WARNING, check_direction},
	{"icmp-error", SEVERITY_WARNING, check_icmp},
	{"loopback", SEVERITY_WARNING, check_direction},
	{"state-in-raw", SEVERITY_WARNING, check_raw},
	{"flowtable", SEVERITY_WARNING, check_interplay},
	{"ct-match", SEVERITY_WARNING, check_interplay},
	{"broad-accept", SEVERITY_WARNING, check_broad},
	{"forwarded", SEVERITY_WARNING, check_forwarded},
	{"loose", SEVERITY_WARNING, check_loose},
	{"raw-coexist", SEVERITY_WARNING, check_raw},
	{"bypass", SEVERITY_WARNING, check_bypass},
	{"no-tracking", SEVERITY_NOTE, check_tracking},
};

#define CODES (sizeof(codes) / sizeof(*codes))

/* What looks for codes that others look for too. */
static void (*const more_checks[])(struct lint *lint) = {check_routed, check_translated};

static const struct code *find_code(const char *name)
{
	for (size_t i = 0; i < CODES; i++)
		if (!strcmp(codes[i].name, name))
			return &codes[i];
	return NULL;
}

bool lint_code_exists(const char *code, const char **ret_meant)
{
	if (find_code(code))
		return true;
	*ret_meant = text_suggest(code, codes, CODES, sizeof(*codes));
	return false;
}

/* --- findings --------------------------------------------------------------------------------- */

static bool equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* rule: NULL where the finding's chain is place enough. */
static bool is_known(const struct lint *lint, const struct finding *new,
		     const struct rule_facts *rule)
{
	for (size_t i = 0; i < lint->rules_found.n; i++) {
		const struct finding *old = &lint->findings->list.v[lint->first_found + i];

		if (lint->rules_found.v[i] == rule &&
		    old->code == new->code &&equal(old->service, new->service) &&
		    old->family == new->family &&equal(old->table, new->table) &&
		    equal(old->chain, new->chain))
			return true;
	}
	return false;
}

/* What a policy's services were turned into has no place but its chain. */
static bool is_place(const struct lint *lint, const struct rule_facts *rule)
{
	return rule->rule->handle || !lint->input->policy || !lint_is_ours(lint, rule->chain);
}

/* Rules that the document declares get their handles when they are loaded: those that they were
 * compiled with say nothing. */
static uint64_t told_handle(const struct lint *lint, const struct rule_facts *rule)
{
	return lint_is_ours(lint, rule->chain) ? 0 : rule->rule->handle;
}

static bool copy(const char *text, char **ret)
{
	if (!text)
		return true;
	*ret = strdup(text);
	return *ret != NULL;
}

void lint_find(struct lint *lint, const char *code, struct place place, const char *remedy,
	       const char *format, ...)
{
	const struct chain_facts *chain = place.rule ? place.rule->chain : place.chain;
	const struct code *entry = find_code(code);
	const struct rule_facts *rule;
	struct findings new = {0};
	struct finding finding = {0};
	va_list args;

	if (!entry)
		return;
	finding.code = entry->name;
	finding.severity = entry->severity;
	finding.family = chain ? chain->table->family : 0;
	finding.handle = place.rule ? told_handle(lint, place.rule) : 0;
	rule = place.rule && is_place(lint, place.rule) ? place.rule : NULL;
	va_start(args, format);
	if (vasprintf(&finding.message, format, args) < 0)
		finding.message = NULL;
	va_end(args);
	if (!copy(place.service, &finding.service) || !copy(remedy, &finding.remedy) ||
	    !copy(chain ? chain->table->name : NULL, &finding.table) ||
	    !copy(chain ? chain->chain->name : NULL, &finding.chain) || !finding.message)
		lint->failed = true;
	if (!is_known(lint, &finding, rule) && array_push(&lint->rules_found, rule)) {
		if (array_push(&lint->findings->list, finding))
			return;
		lint->rules_found.n--;
	}
	if (array_push(&new.list, finding))
		findings_free(&new);
	else
		lint->failed = true;
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *keep_words(struct lint *lint, struct buf *words)
{
	char *kept = words->failed ? NULL : arena_get(&lint->walk.arena, words->len + 1);

	if (!kept) {
		lint->failed = true;
		return "";
	}
	memcpy(kept, buf_text(words), words->len);
	return kept;
}

const char *place_words(struct lint *lint, const struct chain_facts *chain,
			const struct rule_facts *rule)
{
	autobuf words = {0};

	if (rule)
		chain = rule->chain;
	if (rule && told_handle(lint, rule))
		buf_printf(&words, "rule %llu of ", (unsigned long long)rule->rule->handle);
	else if (rule)
		buf_printf(&words, "rule %zu of ", (size_t)(rule - chain->rules) + 1);
	else
		buf_puts(&words, "the policy of ");
	buf_printf(&words, "%s %s %s", family_name(chain->table->family), chain->table->name,
		   chain->chain->name);
	return keep_words(lint, &words);
}

const char *flow_service(const struct flow *flow)
{
	return flow->service ? flow->service->name : NULL;
}

const char *flow_words(struct lint *lint, const struct flow *flow)
{
	autobuf words = {0};

	if (flow->service)
		buf_printf(&words, "service '%s'", flow->service->name);
	else
		buf_printf(&words, "what %s keeps untracked", place_words(lint, NULL, flow->rule));
	return keep_words(lint, &words);
}

/* --- running ---------------------------------------------------------------------------------- */

struct walk lint_walk(const struct lint *lint, walk_fn *event, void *arg)
{
	return (struct walk){
		.facts = lint->facts, .event = event, .arg = arg, .paths_max = lint->paths_max};
}

struct lint *lint_new(const struct lint_input *input, struct untrack_error *err)
{
	const struct ruleset empty = {0};
	struct facts_source after[] = {
		{input->legacy ? input->legacy : &empty, NULL},
		{input->after, input->devices},
	};
	struct facts_source before = {input->before, input->devices};
	autoclean(lint_free_p) struct lint *lint = calloc(1, sizeof(*lint));

	if (!lint) {
		error_memory(err);
		return NULL;
	}
	lint->input = input;
	lint->facts = facts_new(after, 2, err);
	if (!lint->facts)
		return NULL;
	/* Only one check compares with them. */
	if (input->tcp_loose == KNOWN_NO && input->before) {
		lint->facts_before = facts_new(&before, 1, err);
		if (!lint->facts_before)
			return NULL;
	}
	lint->walk.facts = lint->facts;
	return steal_pointer(&lint);
}

bool lint_look(struct lint *lint, const struct ruleset *touched, struct untrack_error *err)
{
	struct facts_source source = {touched, lint->input->devices};

	if (touched) {
		lint->touched = facts_new(&source, 1, err);
		if (!lint->touched)
			return false;
	}
	return flows_make(lint) || error_memory(err);
}

bool lint_is_partial(const struct lint *lint)
{
	return lint->partial;
}

void lint_free(struct lint *lint)
{
	if (!lint)
		return;
	walk_free(&lint->walk);
	facts_free(lint->facts);
	facts_free(lint->facts_before);
	facts_free(lint->touched);
	array_free(&lint->flows);
	array_free(&lint->tallies);
	array_free(&lint->rules_found);
	free(lint);
}

/* Stable: within a level the order is that of the table of codes. */
static void sort_findings(struct findings *findings)
{
	for (size_t i = 1; i < findings->list.n; i++) {
		struct finding moved = findings->list.v[i];
		size_t j = i;

		for (; j > 0 && findings->list.v[j - 1].severity < moved.severity; j--)
			findings->list.v[j] = findings->list.v[j - 1];
		findings->list.v[j] = moved;
	}
}

bool lint_run(struct lint *lint, struct findings *findings, struct untrack_error *err)
{
	lint->findings = findings;
	lint->first_found = findings->list.n;
	lint->rules_found.n = 0;
	for (size_t i = 0; i < CODES; i++) {
		bool done = false;

		for (size_t j = 0; j < i; j++)
			done = done || codes[j].check == codes[i].check;
		if (!done)
			codes[i].check(lint);
	}
	for (size_t i = 0; i < sizeof(more_checks) / sizeof(*more_checks); i++)
		more_checks[i](lint);
	lint->findings = NULL;
	sort_findings(findings);
	return (!lint->failed && !lint->walk.arena.failed) || error_memory(err);
}
