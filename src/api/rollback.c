/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways back: rollback, remove, confirm, and the guard of an armed rollback. */
#include "api/accept.h"
#include "api/execute.h"
#include "api/snapshots.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "store/armed.h"
#include "view/history.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOCK_WAIT_MS = 10000,
	GUARD_TRIES = 10, /* a second apart */
};

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct untrack_result, untrack_result_free)

static const struct untrack_apply_options plain = {.size = sizeof(plain)};

static struct untrack_result *restore(struct untrack *untrack, const struct snapshot *snapshot,
				      struct untrack_error *err)
{
	struct target_maker maker = {.make = target_of_snapshot, .snapshot = snapshot};
	autofree char *what = NULL;
	struct execution execution = {.maker = &maker,
				      .options = &plain,
				      .rollback_to = snapshot->id,
				      .locked = true,
				      .while_armed = true};

	if (asprintf(&what, "rollback to %" PRIu32, snapshot->id) < 0) {
		error_memory(err);
		return NULL;
	}
	execution.document = what;
	return execute(untrack, &execution, err);
}

/* With the lock held. snapshot 0: an armed rollback's own, otherwise the last change is undone. */
static struct untrack_result *rollback(struct untrack *untrack, uint32_t id,
				       struct untrack_error *err)
{
	autoclean(snapshot_free_p) struct snapshot *snapshot = NULL;
	autoclean(untrack_result_free_p) struct untrack_result *result = NULL;
	autoerror unreadable = ERROR_INIT;
	struct armed armed;
	bool is_armed = armed_read(untrack->store, &armed, &unreadable);

	/* A damaged record is no hindrance where the way back does not depend on it. */
	if (!id && error_is_set(&unreadable)) {
		error_move(err, &unreadable);
		return NULL;
	}
	if (!id && is_armed)
		id = armed.snapshot;
	snapshot =
		id ? store_load_snapshot(untrack->store, id, err) : snapshot_to_undo(untrack, err);
	if (!snapshot)
		return NULL;
	result = restore(untrack, snapshot, err);
	if (!result)
		return NULL;
	if (!armed_end(untrack->store, err) && error_is_set(err)) {
		err->changed = true;
		return NULL;
	}
	return steal_pointer(&result);
}

struct untrack_result *untrack_rollback(struct untrack *untrack, uint32_t snapshot,
					struct untrack_error *error)
{
	struct untrack_result *result;
	autoerror local = ERROR_INIT;

	if (!store_lock(untrack->store, LOCK_WAIT_MS, &local))
		result = NULL;
	else
		result = rollback(untrack, snapshot, &local);
	store_unlock(untrack->store);
	error_move(error, &local);
	return result;
}

struct untrack_result *untrack_confirm(struct untrack *untrack, struct untrack_error *error)
{
	autoerror local = ERROR_INIT;
	struct armed armed;
	bool ended;

	/* Under the lock the guard is either not rolling back yet, and never will, or has done so. */
	ended = store_lock(untrack->store, LOCK_WAIT_MS, &local) &&
		armed_read(untrack->store, &armed, &local) && armed_end(untrack->store, &local);
	store_unlock(untrack->store);
	if (!ended) {
		if (!error_is_set(&local))
			error_set(&local, ERROR_USAGE,
				  "no rollback is armed in this network namespace; expected one by "
				  "'untrack apply --confirm SECONDS'");
		error_move(error, &local);
		return NULL;
	}
	return result_new(0, view_confirmed_json(armed.snapshot),
			  view_confirmed_text(armed.snapshot), error);
}

/* With the lock held: a confirm may have come between the deadline and the lock. A record that cannot
 * be read is not confirmed. */
static bool is_confirmed(struct untrack *untrack, uint32_t snapshot)
{
	autoerror unreadable = ERROR_INIT;
	struct armed armed;

	if (armed_read(untrack->store, &armed, &unreadable))
		return armed.snapshot != snapshot;
	return !error_is_set(&unreadable);
}

/* Nobody else will do it: what fails, because someone else keeps changing the ruleset or memory is
 * short, is tried again. */
static bool rollback_firmly(struct untrack *untrack, uint32_t snapshot, struct untrack_error *err)
{
	for (unsigned tries = GUARD_TRIES; tries > 0; tries--) {
		autoclean(untrack_result_free_p) struct untrack_result *result = NULL;

		error_clear(err);
		result = rollback(untrack, snapshot, err);
		if (result)
			return true;
		if (tries > 1)
			sleep(1);
	}
	return false;
}

bool untrack_guard(struct untrack *untrack, struct untrack_error *error)
{
	autoerror local = ERROR_INIT;
	uint32_t snapshot;
	bool fire, done;

	if (!armed_wait(untrack->store, &fire, &snapshot, error))
		return false;
	if (!fire)
		return true;
	/* However long the apply takes that armed it. */
	done = store_lock(untrack->store, UINT_MAX, &local) &&
	       (is_confirmed(untrack, snapshot) || rollback_firmly(untrack, snapshot, &local));
	store_unlock(untrack->store);
	error_move(error, &local);
	return done;
}

/* ------------------------------------------------------------------ remove */

static bool is_ours(const struct table *table)
{
	autofree char *mark = compile_mark(table->family, table->name);
	const char *comment = table_comment(table);

	return mark && comment && !strcmp(comment, mark);
}

/* "inet untrack", or a name alone of family inet. */
static bool parse_title(const char *title, uint8_t *ret_family, char **ret_name,
			struct untrack_error *err)
{
	const char *space = strchr(title, ' ');
	autofree char *word = space ? strndup(title, (size_t)(space - title)) : strdup("inet");
	uint8_t family;

	if (!word)
		return error_memory(err);
	family = family_parse(word);
	if (!family)
		return error_set(err, ERROR_USAGE,
				 "no such family, got '%s'; expected \"inet NAME\", \"ip NAME\" or "
				 "\"ip6 NAME\"",
				 word);
	*ret_name = strdup(space ? space + 1 : title);
	*ret_family = family;
	return *ret_name ? true : error_memory(err);
}

/* The one table of untrack that there is. */
static bool only_table(const struct ruleset *ruleset, uint8_t *ret_family, char **ret_name,
		       struct untrack_error *err)
{
	const struct table *only = NULL;
	autobuf all = {0};
	size_t count = 0;

	array_for_each(table, &ruleset->tables) {
		if (!is_ours(*table))
			continue;
		only = *table;
		buf_printf(&all, "%s'%s %s'", count++ ? ", " : "", family_name(only->family),
			   only->name);
	}
	if (!count) /* someone else deleted it: accept rules and sysctls may still be there */
		return parse_title("inet untrack", ret_family, ret_name, err);
	if (count > 1)
		return error_set(
			err, ERROR_USAGE,
			"there are several tables of untrack: %s; expected the name of one",
			buf_text(&all));
	*ret_family = only->family;
	*ret_name = strdup(only->name);
	return *ret_name ? true : error_memory(err);
}

/* A table of that name is there, or at least its sysctls or accept rules may be: it was there once. */
static bool find_removal(struct untrack *untrack, const char *title, uint8_t *ret_family,
			 char **ret_name, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;

	if (!kernel)
		return false;
	if (title)
		return parse_title(title, ret_family, ret_name, err);
	ruleset = kernel_read(kernel, read_names, NULL, err);
	return ruleset && only_table(ruleset, ret_family, ret_name, err);
}

struct untrack_result *untrack_remove(struct untrack *untrack, const char *table,
				      struct untrack_error *error)
{
	struct target_maker maker = {.make = target_of_removal};
	struct execution execution = {.maker = &maker, .options = &plain};
	autofree char *name = NULL, *what = NULL, *title = NULL;

	if (!find_removal(untrack, table, &maker.family, &name, error))
		return NULL;
	title = table_title(maker.family, name);
	if (!title || asprintf(&what, "remove %s", title) < 0) {
		error_memory(error);
		return NULL;
	}
	maker.table = name;
	execution.document = what;
	return execute(untrack, &execution, error);
}

/* ------------------------------------------------------------------ history */

/* One warning for each line. */
static bool warn_of_lines(texts *warnings, const char *lines, struct untrack_error *err)
{
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");

		if (!warn(warnings, err, "%.*s", (int)len, lines))
			return false;
		lines += len + (lines[len] != '\0');
	}
	return true;
}

/* What is damaged is left out, with a warning: who looks for a way back needs the others all the more. */
struct untrack_result *untrack_history(struct untrack *untrack, struct untrack_error *error)
{
	__attribute__((cleanup(snapshots_free))) snapshots list = {0};
	__attribute__((cleanup(texts_free))) texts warnings = {0};
	autofree struct history_item *items = NULL;
	struct untrack_result *result;
	autoerror unreadable = ERROR_INIT;
	struct armed armed;
	bool is_armed;

	if (!store_list(untrack->store, &list, error) ||
	    !warn_of_lines(&warnings, store_damaged(untrack->store), error))
		return NULL;
	is_armed = armed_read(untrack->store, &armed, &unreadable);
	if (error_is_set(&unreadable) && !warn(&warnings, error, "%s", unreadable.message))
		return NULL;
	items = calloc(list.n + 1, sizeof(*items));
	if (!items) {
		error_memory(error);
		return NULL;
	}
	for (size_t i = 0; i < list.n; i++) {
		const struct snapshot *snapshot = list.v[i];

		items[i] = (struct history_item){
			.id = snapshot->id,
			.time = snapshot->time,
			.generation = snapshot->generation,
			.document = snapshot->document,
			.armed = is_armed && armed.snapshot == snapshot->id,
		};
	}
	result = result_new(0, view_history_json(items, list.n), view_history_text(items, list.n),
			    error);
	if (result)
		result_take_warnings(result, &warnings);
	return result;
}
