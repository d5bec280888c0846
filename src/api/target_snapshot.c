/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/accept.h"
#include "api/adopt.h"
#include "api/known.h"
#include "api/target_maker.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "model/fields.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct table, table_free)

static const struct snapshot_table *find_table(const struct snapshot *snapshot, uint8_t family,
					       const char *name)
{
	array_for_each(table, &snapshot->tables) {
		if (table->family == family && !strcmp(table->name, name))
			return table;
	}
	return NULL;
}

static const struct snapshot_chain *find_chain(const struct snapshot *snapshot,
					       const struct table *table, const char *chain,
					       const char *mark)
{
	array_for_each(entry, &snapshot->chains) {
		if (entry->family == table->family && !strcmp(entry->table, table->name) &&
		    !strcmp(entry->chain, chain) && !strcmp(entry->mark, mark))
			return entry;
	}
	return NULL;
}

static enum read_depth depth_of(void *arg, uint8_t family, const char *name)
{
	if (find_table(arg, family, name))
		return READ_BOUNDED;
	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET
		       ? READ_OBJECTS
		       : READ_NAME;
}

/* ------------------------------------------------------------------ accept rules */

static bool same_hash(const struct rule *a, const struct rule *b)
{
	return rule_hash(a) == rule_hash(b);
}

/*
 * Puts our rules of then among the rules of now: behind the neighbours that they stood behind, as far
 * as those are still there.
 */
static bool put_back(struct table *desired, struct chain *chain, const struct snapshot_chain *then,
		     struct untrack_error *err)
{
	const struct chain *old = then->content->chains.v[0];
	autofree char *prefix = NULL;
	size_t at = 0;

	if (asprintf(&prefix, "__set:then:%s:", chain->name) < 0)
		return error_memory(err);
	chain_drop_marked(chain, then->mark);
	array_for_each(rule, &old->rules) {
		if (rule_is_marked(*rule, then->mark)) {
			if (!chain_insert_rule(desired, chain, at++, then->content, *rule, prefix))
				return error_memory(err);
			continue;
		}
		for (size_t i = at; i < chain->rules.n; i++)
			if (same_hash(*rule, chain->rules.v[i])) {
				at = i + 1;
				break;
			}
	}
	return table_take_sets(desired, then->content, prefix) ? true : error_memory(err);
}

static bool settle_table(struct target *target, const struct snapshot *snapshot, struct table *live,
			 const char *mark, struct untrack_error *err)
{
	autoclean(table_free_p) struct table *desired = table_copy(live);
	bool any = table_has_marked(live, mark);

	if (!desired)
		return error_memory(err);
	for (size_t i = 0; i < desired->chains.n; i++) {
		struct chain *chain = desired->chains.v[i];
		const struct snapshot_chain *then = find_chain(snapshot, live, chain->name, mark);

		if (!then) {
			chain_drop_marked(chain, mark);
			continue;
		}
		any = true;
		if (!put_back(desired, chain, then, err))
			return false;
	}
	return !any || target_add_pair(target, live, steal_pointer(&desired), mark, err);
}

static bool warn_of_missing(struct target *target, const struct snapshot *snapshot,
			    struct untrack_error *err)
{
	array_for_each(entry, &snapshot->chains) {
		const struct table *table = ruleset_find(target->live, entry->family, entry->table);

		if ((!table || !table_find_chain(table, entry->chain)) &&
		    table_has_marked(entry->content, entry->mark) &&
		    !warn(&target->warnings, err,
			  "chain '%s %s %s' is gone, and with it the accept rules that were there; "
			  "the rest is restored",
			  family_name(entry->family), entry->table, entry->chain))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ the whole */

static bool add_own(struct untrack *untrack, struct target *target, const struct snapshot *snapshot,
		    const struct snapshot_table *entry, struct untrack_error *err)
{
	struct table *live = ruleset_find(target->live, entry->family, entry->name);
	autofree char *mark = compile_mark(entry->family, entry->name);
	struct table *desired = NULL;

	if (!mark)
		return error_memory(err);
	if (entry->table && !(desired = table_copy(entry->table)))
		return error_memory(err);
	if ((live || desired) &&
	    (!target_add_pair(target, live, desired, NULL, err) ||
	     !know_pair(untrack, target, &target->pairs.v[target->pairs.n - 1], err)))
		return false;
	for (size_t i = 0; i < target->live->tables.n; i++) {
		struct table *table = target->live->tables.v[i];

		if (!table->unknown && !find_table(snapshot, table->family, table->name) &&
		    !settle_table(target, snapshot, table, mark, err))
			return false;
	}
	return true;
}

bool target_of_snapshot(const struct target_maker *maker, struct untrack *untrack,
			struct target *ret_target, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);
	/* depth_of() only reads it */
	struct snapshot *snapshot = (struct snapshot *)(uintptr_t)maker->snapshot;
	autotarget target = {0};

	if (!kernel)
		return false;
	target.live = kernel_read(kernel, depth_of, snapshot, err);
	if (!target.live)
		return false;
	array_for_each(entry, &snapshot->tables) {
		if (!add_own(untrack, &target, snapshot, entry, err))
			return false;
	}
	if (!warn_of_missing(&target, snapshot, err))
		return false;
	if (snapshot->tables.n) {
		target.owner =
			table_title(snapshot->tables.v[0].family, snapshot->tables.v[0].name);
		if (!target.owner)
			return error_memory(err);
	}
	if (!target_add_values(untrack, &target, &snapshot->sysctls, err))
		return false;
	*ret_target = target;
	target = (struct target){0};
	return true;
}
