/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/documents.h"

#include "base/cleanup.h"
#include "document/lift.h"
#include "document/nft.h"
#include "document/nft_document.h"
#include "document/nft_unsaid.h"
#include "kernel/kernel.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct document, document_free)

struct untrack_document *untrack_document_read(const char *const *paths, size_t count,
					       struct untrack_error *error)
{
	struct untrack_document *document = calloc(1, sizeof(*document));

	if (!document) {
		error_memory(error);
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &document->seen);
	for (size_t i = 0; i < count; i++) {
		char *copy = strdup(paths[i]);

		if (!copy || !array_push(&document->paths, copy)) {
			free(copy);
			untrack_document_free(document);
			error_memory(error);
			return NULL;
		}
		/* what is not there is told at once */
		if (strcmp(copy, "-") != 0 && access(copy, R_OK) && !document_of(document, error)) {
			untrack_document_free(document);
			return NULL;
		}
	}
	return document;
}

const struct document *document_of(const struct untrack_document *document,
				   struct untrack_error *err)
{
	/* what is cached does not change what the document is */
	struct untrack_document *own = (struct untrack_document *)(uintptr_t)document;

	if (!own->document)
		own->document =
			document_read_apart((const char *const *)own->paths.v, own->paths.n, err);
	return own->document;
}

void untrack_document_free(struct untrack_document *document)
{
	if (!document)
		return;
	texts_free(&document->paths);
	document_free(document->document);
	free(document);
}

void document_maker_free(struct document_maker *maker)
{
	table_free(maker->user_rules);
	ruleset_free(maker->compiled);
	array_free(&maker->devices);
	unsaid_free(&maker->unsaid);
	memo_free(&maker->memo);
}

/* ------------------------------------------------------------------ a policy's rules */

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
	       error_set(
		       err, ERROR_DOCUMENT,
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
	ruleset = kernel ? kernel_read(kernel, read_everything, NULL, err) : NULL;
	if (!ruleset || !ruleset->tables.n || !rules_are_there(ruleset->tables.v[0], policy, err))
		return NULL;
	table = ruleset->tables.v[0];
	ruleset->tables.v[0] = ruleset->tables.v[--ruleset->tables.n];
	return table;
}

/* ------------------------------------------------------------------ rulesets */

/* Interfaces of this host that the document names: rules may mean them by index. */
static bool find_devices(const struct document *document, const unsaid_list *unsaid,
			 interfaces *devices, struct untrack_error *err)
{
	interfaces all = {0};
	bool ok = interfaces_read(&all, err);

	array_for_each(one, &all) {
		bool named = nft_document_mentions(document, one->name) ||
			     unsaid_mentions(unsaid, one->name);

		if (ok && named && !array_push(devices, *one))
			ok = error_memory(err);
	}
	array_free(&all);
	return ok;
}

/* What was taken out of the text comes back as elements. False where the kernel has another kind of set
 * than the text seemed to declare. */
static bool put_back(const struct ruleset *ruleset, const struct long_list *list,
		     struct untrack_error *err)
{
	const struct table *table = ruleset_find(ruleset, list->family, list->table);
	struct set *set = table ? table_find_set(table, list->set) : NULL;
	const uint32_t kinds =
		NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_OBJECT;
	struct span attrs;

	if (!set)
		return false;
	attrs = buf_span(&set->attrs);
	if ((set->flags & kinds) != (list->layout.intervals ? NFT_SET_INTERVAL : 0u) ||
	    attr_find_be32(attrs, NFTA_SET_KEY_TYPE) != lift_key_type(&list->layout) ||
	    attr_find_be32(attrs, NFTA_SET_KEY_LEN) != lift_width(&list->layout) ||
	    (list->size && set_size(set) != 1) || elements_count(&set->elements))
		return false;
	if (list->size)
		set_change_size(set, list->size);
	return packed_copy(&set->elements.packed, &list->keys) ? true : error_memory(err);
}

static bool put_all_back(const struct ruleset *ruleset, const struct document *document,
			 struct untrack_error *err)
{
	array_for_each(list, &document->lists) {
		if (!put_back(ruleset, list, err))
			return error_set(err, ERROR_DOCUMENT,
					 "the list of set '%s' cannot be told from the text",
					 list->set);
	}
	return true;
}

struct ruleset *compile_in_scratch(const struct document *document, const unsaid_list *unsaid,
				   const interfaces *devices, struct untrack_error *err)
{
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autonetns ns = NETNS_OWN;

	if (!netns_scratch(&ns, err) || !interfaces_mirror(&ns, devices, err) ||
	    !nft_document_load(document, unsaid, &ns, err))
		return NULL;
	kernel = kernel_open(&ns, err);
	return kernel ? kernel_read(kernel, read_everything, NULL, err) : NULL;
}

static struct ruleset *compile_once(const struct document *document, const unsaid_list *unsaid,
				    const interfaces *devices, struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset =
		compile_in_scratch(document, unsaid, devices, err);

	return ruleset && put_all_back(ruleset, document, err) ? steal_pointer(&ruleset) : NULL;
}

/* Where it is refused, libnftables is asked about the whole text: it names the place in that. */
static struct ruleset *compile_ruleset(const struct document *document, const unsaid_list *unsaid,
				       const interfaces *devices, struct untrack_error *err)
{
	autoclean(document_free_p) struct document *whole = NULL;
	autoerror why = ERROR_INIT;
	struct ruleset *ruleset = compile_once(document, unsaid, devices, &why);

	if (ruleset)
		return ruleset;
	whole = document->apart ? document_read_whole(document, err) : NULL;
	if (whole)
		return compile_once(whole, unsaid, devices, err);
	error_move(err, &why);
	return NULL;
}

/* What is remembered of a long document are its rules: lists are the document's own. */
static struct ruleset *compile_remembered(struct store *store, const struct document *document,
					  struct document_maker *made)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset =
		memo_compile(store, document, &made->unsaid, &made->devices, &made->memo);
	autoerror ignored = ERROR_INIT; /* whoever compiles it whole will meet it too */

	if (ruleset && put_all_back(ruleset, document, &ignored))
		return steal_pointer(&ruleset);
	memo_free(&made->memo);
	made->memo = (struct memo){0};
	return NULL;
}

static bool init_ruleset(struct document_maker *made, const struct document *document,
			 struct store *store, struct untrack_error *err)
{
	const unsaid_list *unsaid = store ? &made->unsaid : NULL;

	made->maker.make = target_of_ruleset;
	if ((store && !unsaid_read(document, &made->unsaid, err)) ||
	    !find_devices(document, &made->unsaid, &made->devices, err))
		return false;
	if (store)
		made->compiled = compile_remembered(store, document, made);
	if (!made->compiled)
		made->compiled = compile_ruleset(document, unsaid, &made->devices, err);
	made->maker.compiled = made->compiled;
	made->maker.devices = &made->devices;
	made->maker.memo = &made->memo;
	return made->compiled;
}

static bool init_policy(struct document_maker *made, const struct document *document,
			struct untrack_error *err)
{
	made->maker.make = target_of_policy;
	if (!document->policy->rules.n)
		return true;
	made->user_rules = compile_user_rules(document->policy, err);
	made->maker.user_rules = made->user_rules;
	return made->user_rules;
}

bool document_maker_init(const struct document *document,
			 const struct untrack_apply_options *options, struct store *store,
			 struct document_maker *ret_maker, struct untrack_error *err)
{
	ret_maker->maker = (struct target_maker){
		.document = document,
		.take_over = options && options->take_over,
		.whole_ruleset = options && options->whole_ruleset,
	};
	return document->kind == DOCUMENT_POLICY ? init_policy(ret_maker, document, err)
						 : init_ruleset(ret_maker, document, store, err);
}

bool document_maker_compile_whole(struct document_maker *made, const struct document *document,
				  struct untrack_error *err)
{
	ruleset_free(steal_pointer(&made->compiled));
	memo_free(&made->memo);
	made->memo = (struct memo){0};
	made->compiled = compile_ruleset(document, &made->unsaid, &made->devices, err);
	made->maker.compiled = made->compiled;
	return made->compiled;
}
