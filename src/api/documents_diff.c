/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff of two documents: from the first to the second, without a look at this host. */
#include "api/documents.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "compile/compile.h"

#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct plan, plan_free)
DEFINE_AUTOCLEAN(struct rendering, rendering_free)

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

/* What the document says, by itself. */
static struct ruleset *compile_alone(const struct document *document, struct document_maker *made,
				     struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	struct table *table;

	if (!document || !document_maker_init(document, NULL, made, err))
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
		if (!target_add_pair(target,
				     ruleset_find(target->live, copy->family, copy->name), copy,
				     NULL, err))
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
	autotarget target = {0};

	(void)untrack;
	target.live = compile_alone(document_of(from, error), &made_from, error);
	desired = target.live ? compile_alone(document_of(to, error), &made_to, error) : NULL;
	if (!desired || !pair_up(&target, desired, error))
		return NULL;
	plan = target_plan(&target, error);
	if (!plan)
		return NULL;
	if (!plan_is_empty(plan)) {
		rendering = rendering_new(&target, plan, error);
		if (!rendering)
			return NULL;
	}
	result = result_new(!plan_is_empty(plan),
			    render_json(rendering, plan, &target.warnings, 0, (struct told_purge){0}, error),
			    render_text(rendering, plan, error), error);
	if (result)
		result->is_change = true;
	return result;
}
