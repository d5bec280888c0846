/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshots of a namespace: files 000001, 000002, … whose names are their ids. */
#include "store/store.h"

#include "base/cleanup.h"
#include "store/armed.h"
#include "store/file.h"
#include "store/keys.h"
#include "store/private.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEEP = 20 };

typedef ARRAY(uint32_t) ids;

static void ids_free(ids *list)
{
	array_free(list);
}
#define autoids autoclean(ids_free) ids

void snapshot_name(uint32_t id, char ret_name[SNAPSHOT_NAME_MAX])
{
	snprintf(ret_name, SNAPSHOT_NAME_MAX, "%06" PRIu32, id);
}

/* The id whose file has that name, or 0. */
static uint32_t id_of(const char *name)
{
	char expected[SNAPSHOT_NAME_MAX];
	uint32_t id = (uint32_t)strtoul(name, NULL, 10);

	snapshot_name(id, expected);
	return strcmp(name, expected) ? 0 : id;
}

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static void closedir_p(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* Ascending. No directory is no snapshots. */
static bool find_ids(const struct store *store, ids *ret_ids, struct untrack_error *err)
{
	autoclean(closedir_p) DIR *directory = opendir(store->snapshots_dir);
	autoids found = {0};
	struct dirent *entry;

	if (!directory && errno != ENOENT)
		return error_errno(err, errno, "%s cannot be read", store->snapshots_dir);
	while (directory && (entry = readdir(directory))) {
		uint32_t id = id_of(entry->d_name);

		if (id && !array_push(&found, id))
			return error_memory(err);
	}
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), compare_ids);
	*ret_ids = found;
	found = (ids){0};
	return true;
}

static bool resolve(const struct store *store, const char *name, struct snapshot *snapshot,
		    struct untrack_error *err)
{
	array_for_each(table, &snapshot->tables) {
		if (table->table && !keys_resolve(store->snapshots_dir, name, table->table, err))
			return false;
	}
	array_for_each(chain, &snapshot->chains) {
		if (chain->content &&
		    !keys_resolve(store->snapshots_dir, name, chain->content, err))
			return false;
	}
	return true;
}

static enum file_result load(const struct store *store, uint32_t id, bool headers_only,
			     struct snapshot **ret_snapshot, struct untrack_error *err)
{
	autoclean(snapshot_free_p) struct snapshot *snapshot = NULL;
	char name[SNAPSHOT_NAME_MAX];
	enum file_result result;
	autobuf bytes = {0};

	snapshot_name(id, name);
	result = file_read(store->snapshots_dir, name, FILE_SNAPSHOT, &bytes, err);
	if (result != FILE_READ)
		return result;
	snapshot = snapshot_decode(&bytes, headers_only, err);
	if (snapshot && snapshot->id != id)
		error_set(err, ERROR_SYSTEM, "it is snapshot %" PRIu32, snapshot->id);
	if (!snapshot || snapshot->id != id || !resolve(store, name, snapshot, err)) {
		error_prefix(err, "%s/%s", store->snapshots_dir, name);
		return FILE_FAILED;
	}
	*ret_snapshot = steal_pointer(&snapshot);
	return FILE_READ;
}

struct snapshot *store_load_snapshot(struct store *store, uint32_t id, struct untrack_error *err)
{
	struct snapshot *snapshot = NULL;
	autoids known = {0};

	if (!find_ids(store, &known, err))
		return NULL;
	if (!known.n) {
		error_set(err, ERROR_USAGE, "there is no snapshot yet: nothing was applied here");
		return NULL;
	}
	if (!id)
		id = known.v[known.n - 1];
	if (load(store, id, false, &snapshot, err) == FILE_ABSENT)
		error_set(err, ERROR_USAGE,
			  "a snapshot, got '%" PRIu32 "'; expected one of those that 'untrack "
			  "history' lists, from %" PRIu32 " to %" PRIu32,
			  id, known.v[0], known.v[known.n - 1]);
	return snapshot;
}

bool store_list(struct store *store, snapshots *ret_list, struct untrack_error *err)
{
	autoclean(snapshots_free) snapshots list = {0};
	autobuf damaged = {0};
	autoids known = {0};

	if (!find_ids(store, &known, err))
		return false;
	store->damaged_ids.n = 0;
	array_for_each(id, &known) {
		struct snapshot *snapshot = NULL;
		autoerror fault = ERROR_INIT;

		if (load(store, *id, true, &snapshot, &fault) == FILE_FAILED) {
			if (!fault.message || !array_push(&store->damaged_ids, *id))
				return error_memory(err);
			buf_printf(&damaged, "%s%s", damaged.len ? "\n" : "", fault.message);
		}
		if (snapshot && !array_push(&list, snapshot)) {
			snapshot_free(snapshot);
			return error_memory(err);
		}
	}
	if (!buf_ok(&damaged, err))
		return false;
	free(store->damaged);
	store->damaged = damaged.len ? buf_steal_text(&damaged) : NULL;
	*ret_list = list;
	list = (snapshots){0};
	return true;
}

const char *store_damaged(const struct store *store)
{
	return store->damaged;
}

uint32_t store_damaged_between(const struct store *store, uint32_t above, uint32_t below)
{
	array_for_each(id, &store->damaged_ids) {
		if (*id > above && *id < below)
			return *id;
	}
	return 0;
}

/* Old ones that cannot be removed stay until the next time: the new one is safe, which counts. */
static void prune(struct store *store, const ids *known)
{
	struct armed armed = {0};
	autoerror unreadable = ERROR_INIT;

	if (!armed_read(store, &armed, &unreadable) && error_is_set(&unreadable))
		return; /* who knows which one it needs */
	for (size_t i = 0; i + KEEP < known->n; i++) {
		char name[SNAPSHOT_NAME_MAX];

		snapshot_name(known->v[i], name);
		if (known->v[i] != armed.snapshot &&
		    file_remove(store->snapshots_dir, name, NULL) != FILE_FAILED)
			keys_sweep(store->snapshots_dir, name, NULL, 0);
	}
}

bool store_save_snapshot(struct store *store, struct snapshot *snapshot, struct untrack_error *err)
{
	char name[SNAPSHOT_NAME_MAX];
	autobuf bytes = {0};
	autoids known = {0};
	uint32_t id;

	if (!store_prepare(store, store->snapshots_dir, err) || !find_ids(store, &known, err))
		return false;
	id = known.n ? known.v[known.n - 1] + 1 : 1;
	if (!id)
		return error_set(err, ERROR_SYSTEM, "%s: there is no number left for a snapshot",
				 store->snapshots_dir);
	if (!array_push(&known, id))
		return error_memory(err);
	snapshot_name(id, name);
	keys_sweep(store->snapshots_dir, name, NULL, 0); /* of one that was never finished */
	snapshot_encode(store, snapshot, id, &bytes);
	if (!file_write(store->snapshots_dir, name, FILE_SNAPSHOT, &bytes, err))
		return false;
	snapshot->id = id;
	prune(store, &known);
	return true;
}

bool store_drop_snapshot(struct store *store, uint32_t id, struct untrack_error *err)
{
	char name[SNAPSHOT_NAME_MAX];
	autoerror unreadable = ERROR_INIT;
	struct armed armed = {0};
	autoids known = {0};

	if (!find_ids(store, &known, err))
		return false;
	if (!known.n || known.v[known.n - 1] != id)
		return error_set(err, ERROR_USAGE, "snapshot %" PRIu32 " is not the newest one",
				 id);
	if (armed_read(store, &armed, &unreadable) && armed.snapshot == id)
		return error_set(err, ERROR_CONFLICT,
				 "snapshot %" PRIu32 " is what an armed rollback goes back to", id);
	if (error_is_set(&unreadable)) {
		error_move(err, &unreadable);
		return false;
	}
	snapshot_name(id, name);
	if (file_remove(store->snapshots_dir, name, err) == FILE_FAILED)
		return false;
	keys_sweep(store->snapshots_dir, name, NULL, 0);
	return true;
}
