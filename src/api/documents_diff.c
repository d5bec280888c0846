/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff of two documents: from the first to the second, without a look at this host. */
#include "api/documents.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "diff/diff.h"
#include "kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct plan, plan_free)
DEFINE_AUTOCLEAN(struct rendering, rendering_free)

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct table, table_free)

static void empty_named_sets(struct table *table)
{
	array_for_each(set, &table->sets) {
		if (!set_is_anonymous(*set))
			elements_free(&(*set)->elements);
	}
}

/* In an empty namespace, which is where a document alone would be loaded. */
static struct ruleset *load_alone(const struct table *table, struct untrack_error *err)
{
	autoclean(table_free_p) struct table *copy = table_copy(table);
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autoclean(plan_free_p) struct plan *plan = plan_new(0);
	autonetns ns = NETNS_OWN;

	if (!copy || !plan) {
		error_memory(err);
		return NULL;
	}
	empty_named_sets(copy); /* they may be long, and have no part in this */
	if (!netns_scratch(&ns, err) || !(kernel = kernel_open(&ns, err)) ||
	    !diff_tables(NULL, copy, plan, err) ||
	    kernel_commit(kernel, plan, 0, false, err) != COMMIT_DONE)
		return NULL;
	return kernel_read(kernel, read_everything, NULL, err);
}

/* A change names rules by their handles, so a compiled policy gets those that it would have. */
static bool take_handles(struct table *table, struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *loaded = load_alone(table, err);
	const struct table *there =
		loaded ? ruleset_find(loaded, table->family, table->name) : NULL;

	if (!loaded)
		return false;
	array_for_each(chain, &table->chains) {
		const struct chain *other = there ? table_find_chain(there, (*chain)->name) : NULL;

		if (!other || other->rules.n != (*chain)->rules.n)
			return error_set(err, ERROR_KERNEL,
					 "a scratch namespace did not end up with chain '%s'",
					 (*chain)->name);
		for (size_t i = 0; i < other->rules.n; i++)
			(*chain)->rules.v[i]->handle = other->rules.v[i]->handle;
	}
	return true;
}

/* What the document says, by itself. */
static struct ruleset *compile_alone(const struct document *document, struct document_maker *made,
				     struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	struct table *table;

	if (!document || !document_maker_init(document, NULL, NULL, made, err))
		return NULL;
	if (document->kind != DOCUMENT_POLICY)
		return steal_pointer(&made->compiled);
	ruleset = ruleset_new();
	table = ruleset ? compile_table(document->policy, made->user_rules, err) : NULL;
	if (!table || !array_push(&ruleset->tables, table)) {
		table_free(table);
		error_memory(err);
		return NULL;
	}
	return steal_pointer(&ruleset);
}

/* The first document's tables stand in for the live ones. */
static bool pair_up(struct target *target, const struct ruleset *to, struct untrack_error *err)
{
	array_for_each(table, &to->tables) {
		struct table *copy = table_copy(*table);

		if (!copy)
			return error_memory(err);
		if (!target_add_pair(target, ruleset_find(target->live, copy->family, copy->name),
				     copy, NULL, err))
			return false;
	}
	array_for_each(table, &target->live->tables) {
		if (!ruleset_find(to, (*table)->family, (*table)->name) &&
		    !target_add_pair(target, *table, NULL, NULL, err))
			return false;
	}
	return true;
}

struct untrack_result *untrack_diff_documents(struct untrack *untrack,
					      const struct untrack_document *from,
					      const struct untrack_document *to,
					      struct untrack_error *error)
{
	autoclean(rendering_free_p) struct rendering *rendering = NULL;
	autoclean(plan_free_p) struct plan *plan = NULL;
	autodocument_maker made_from = {0}, made_to = {0};
	autoclean(ruleset_free_p) struct ruleset *desired = NULL;
	struct untrack_result *result;
	autoerror unknown = ERROR_INIT;
	autotarget target = {0};

	(void)untrack;
	target.live = compile_alone(document_of(from, error), &made_from, error);
	desired = target.live ? compile_alone(document_of(to, error), &made_to, error) : NULL;
	if (!desired || !pair_up(&target, desired, error))
		return NULL;
	if (document_of(from, error)->policy && !take_handles(target.live->tables.v[0], &unknown) &&
	    !warn(&target.warnings, error, "handles of rules are not known: %s",
		  unknown.message ? unknown.message : "out of memory"))
		return NULL;
	plan = target_plan(&target, error);
	if (!plan)
		return NULL;
	if (!plan_is_empty(plan)) {
		rendering = rendering_new(&target, plan, UNTRACK_REPORT_BOTH, error);
		if (!rendering)
			return NULL;
	}
	result = result_new(
		!plan_is_empty(plan),
		render_json(rendering, plan, &target.warnings, 0, (struct told_purge){0}, error),
		render_text(rendering, plan, error), error);
	if (result) {
		result->is_change = true;
		result_take_warnings(result, &target.warnings);
	}
	return result;
}
