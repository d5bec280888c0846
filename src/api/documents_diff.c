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
DEFINE_AUTOCLEAN(struct table, table_free)

static struct table *compile_alone(const struct document *document, struct untrack_error *err)
{
	autodocument_maker made = {0};

	if (!document_maker_init(document, NULL, &made, err))
		return NULL;
	return compile_table(document->policy, made.user_rules, err);
}

/* The first document's tables stand in for the live ones. */
static bool pair_up(struct target *target, const struct document *from, const struct document *to,
		    struct untrack_error *err)
{
	autoclean(table_free_p) struct table *old = compile_alone(from, err);
	autoclean(table_free_p) struct table *new = old ? compile_alone(to, err) : NULL;
	struct table *live;

	target->live = ruleset_new();
	if (!new)
		return false;
	if (!target->live || !array_push(&target->live->tables, old))
		return error_memory(err);
	live = steal_pointer(&old);
	if (live->family == new->family && !strcmp(live->name, new->name))
		return target_add_pair(target, live, steal_pointer(&new), NULL, err);
	return target_add_pair(target, live, NULL, NULL, err) &&
	       target_add_pair(target, NULL, steal_pointer(&new), NULL, err);
}

struct untrack_result *untrack_diff_documents(struct untrack *untrack,
					      const struct untrack_document *from,
					      const struct untrack_document *to,
					      struct untrack_error *error)
{
	autoclean(rendering_free_p) struct rendering *rendering = NULL;
	autoclean(plan_free_p) struct plan *plan = NULL;
	autotarget target = {0};

	(void)untrack;
	if (!pair_up(&target, from->document, to->document, error))
		return NULL;
	plan = target_plan(&target, error);
	if (!plan)
		return NULL;
	if (!plan_is_empty(plan)) {
		rendering = rendering_new(&target, plan, error);
		if (!rendering)
			return NULL;
	}
	return render_result(rendering, plan, &target.warnings, 0, !plan_is_empty(plan), error);
}
