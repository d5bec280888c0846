/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/documents.h"

#include "base/cleanup.h"
#include "document/nft.h"
#include "kernel/kernel.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

struct untrack_document *untrack_document_read(const char *const *paths, size_t count,
					       struct untrack_error *error)
{
	struct untrack_document *document = calloc(1, sizeof(*document));

	if (!document) {
		error_memory(error);
		return NULL;
	}
	document->document = document_read(paths, count, error);
	if (document->document)
		return document;
	free(document);
	return NULL;
}

void untrack_document_free(struct untrack_document *document)
{
	if (!document)
		return;
	document_free(document->document);
	free(document);
}

void document_maker_free(struct document_maker *maker)
{
	table_free(maker->user_rules);
}

/* ------------------------------------------------------------------ a policy's rules */

static enum read_depth all(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_ALL;
}

/* In chains of the same kind as the policy's own, since some statements depend on the hook. */
static bool make_chains(const struct netns *ns, const struct policy *policy,
			struct untrack_error *err)
{
	autobuf text = {0};

	buf_printf(&text, "table %s %s {\n", family_name(policy->family), policy->table);
	buf_puts(&text, "chain prerouting { type filter hook prerouting priority raw; }\n"
			"chain output { type filter hook output priority raw; }\n}\n");
	return buf_ok(&text, err) && nft_run(ns, buf_text(&text), 0, NULL, err);
}

/* One by one, so that a refusal can name the place. */
static bool add_rule(const struct netns *ns, const struct policy *policy,
		     const struct policy_rule *rule, struct untrack_error *err)
{
	autoerror why = ERROR_INIT;
	autobuf json = {0};

	buf_printf(&json,
		   "{\"nftables\": [{\"add\": {\"rule\": {\"family\": \"%s\", \"table\": \"%s\", "
		   "\"chain\": \"%s\", \"expr\": %s}}}]}",
		   family_name(policy->family), policy->table,
		   rule->output ? "output" : "prerouting", rule->expr);
	if (!buf_ok(&json, err))
		return false;
	if (nft_run(ns, buf_text(&json), 0, NULL, &why))
		return true;
	return error_at(err, ERROR_DOCUMENT, policy->file, rule->origin.line, rule->origin.column,
			rule->origin.path, "nft does not take this rule: %s",
			why.message ? why.message : "out of memory");
}

static bool rules_are_there(const struct table *table, const struct policy *policy,
			    struct untrack_error *err)
{
	size_t there = 0;

	array_for_each(chain, &table->chains) {
		there += (*chain)->rules.n;
	}
	return there == policy->rules.n ||
	       error_set(err, ERROR_DOCUMENT,
			 "/rules: nft took %zu rules and loaded %zu of them; nothing can be promised "
			 "of the others",
			 policy->rules.n, there);
}

static struct table *compile_user_rules(const struct policy *policy, struct untrack_error *err)
{
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	autonetns ns = NETNS_OWN;
	struct table *table;

	if (!netns_scratch(&ns, err) || !make_chains(&ns, policy, err))
		return NULL;
	array_for_each(rule, &policy->rules) {
		if (!add_rule(&ns, policy, rule, err))
			return NULL;
	}
	kernel = kernel_open(&ns, err);
	ruleset = kernel ? kernel_read(kernel, all, NULL, err) : NULL;
	if (!ruleset || !ruleset->tables.n || !rules_are_there(ruleset->tables.v[0], policy, err))
		return NULL;
	table = ruleset->tables.v[0];
	ruleset->tables.v[0] = ruleset->tables.v[--ruleset->tables.n];
	return table;
}

bool document_maker_init(const struct document *document,
			 const struct untrack_apply_options *options,
			 struct document_maker *ret_maker, struct untrack_error *err)
{
	struct document_maker made = {
		.maker = {.make = target_of_policy,
			  .document = document,
			  .take_over = options && options->take_over,
			  .whole_ruleset = options && options->whole_ruleset},
	};

	if (document->kind != DOCUMENT_POLICY)
		return error_set(err, ERROR_DOCUMENT,
				 "nftables documents are not supported yet; expected a policy: a JSON "
				 "object with the key \"untrack\"");
	if (made.maker.whole_ruleset)
		return error_set(err, ERROR_USAGE,
				 "--ruleset is for nftables documents: a policy owns its one table");
	if (document->policy->rules.n) {
		made.user_rules = compile_user_rules(document->policy, err);
		if (!made.user_rules)
			return false;
		made.maker.user_rules = made.user_rules;
	}
	*ret_maker = made;
	return true;
}
