/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State on disk, kept for each network namespace: snapshots of what a plan touches, and values that
 * sysctls had before untrack. Every file is written whole or not at all (temporary file, fsync,
 * rename, fsync of the directory), and bears a checksum.
 */
#pragma once

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct store;

/* NULL directories: UNTRACK_STATE_DIR or /var/lib/untrack, UNTRACK_RUN_DIR or /run/untrack.
 * Directories are made (0700) when something is written first; opening for reading works without
 * them. */
struct store *store_open(const char *state_dir, const char *run_dir, const char *namespace_identity,
			 struct untrack_error *err);
void store_close(struct store *store);
DEFINE_AUTOCLEAN(struct store, store_close)

/* The lock that keeps two writers apart: waits up to that many milliseconds (ERROR_CONFLICT with the
 * holder's pid then). Released by store_unlock() or the end of the process. It does not nest. */
bool store_lock(struct store *store, unsigned wait_ms, struct untrack_error *err);
void store_unlock(struct store *store);

struct sysctl_value {
	char *name;
	uint64_t value;
};
typedef ARRAY(struct sysctl_value) sysctl_values;

/* A table's name in a snapshot: what was there, or that there was nothing. */
struct snapshot_table {
	uint8_t family;
	char *name;
	struct table *table; /* NULL: there was none */
	bool borrowed;	     /* the table is not the snapshot's own */
};

/* A chain of someone else's in which we have rules: all its rules as they were, so that ours find
 * their places again (by the neighbours that are still there). */
struct snapshot_chain {
	uint8_t family;
	char *table;
	struct table *content; /* the chain, its rules, and the anonymous sets of our own rules */
	char *chain;
	char *mark; /* which rules are ours: comments that begin with it */
};

struct snapshot {
	uint32_t id;	     /* 1, 2, …; given by store_save_snapshot() */
	int64_t time;	     /* seconds since the epoch */
	uint32_t generation; /* of the ruleset it was taken from */
	char *document;	     /* what was applied after it ("policy.json", "rollback to 3", …) */
	uint32_t
		rollback_to; /* the change that followed was a rollback to that one; 0: it was not */
	ARRAY(struct snapshot_table) tables;
	ARRAY(struct snapshot_chain) chains;
	sysctl_values sysctls;
};

struct snapshot *snapshot_new(void);
void snapshot_free(struct snapshot *snapshot);
DEFINE_AUTOCLEAN(struct snapshot, snapshot_free)

/* Writes it, sets its id, removes all but the last 20 (never the one an armed rollback needs). To be
 * called under the lock, like everything here that writes. */
bool store_save_snapshot(struct store *store, struct snapshot *snapshot, struct untrack_error *err);
/* id 0: the newest. ERROR_USAGE if there is none. */
struct snapshot *store_load_snapshot(struct store *store, uint32_t id, struct untrack_error *err);
/* Takes back the newest one, whose change did not happen after all; its id is used again.
 * ERROR_USAGE if another is the newest, ERROR_CONFLICT while an armed rollback needs it. */
bool store_drop_snapshot(struct store *store, uint32_t id, struct untrack_error *err);
/* Headers only (no tables), oldest first. */
typedef ARRAY(struct snapshot *) snapshots;
bool store_list(struct store *store, snapshots *ret_list, struct untrack_error *err);
void snapshots_free(snapshots *list);
/* What the last store_list() skipped because it is damaged: a file's name and what is wrong with it,
 * one a line; NULL if nothing. The store's. */
const char *store_damaged(const struct store *store);
/* The id of one that it skipped between these two (neither included), or 0. */
uint32_t store_damaged_between(const struct store *store, uint32_t above, uint32_t below);

/* Values that sysctls had before the policy of that table ("inet untrack") first set them; recorded
 * before anything is written, so that the next run can finish or undo what was cut off. */
bool store_load_originals(struct store *store, const char *table, sysctl_values *ret_values,
			  struct untrack_error *err);
bool store_save_originals(struct store *store, const char *table, const sysctl_values *values,
			  struct untrack_error *err); /* empty: removes the file */
void sysctl_values_free(sysctl_values *values);

/*
 * What was loaded into a table with long lists, as of a generation of this boot: a dump of such sets
 * takes quadratic time, so it is remembered instead. It is certain while the ruleset is still at that
 * generation: each commit counts up, and packets add nothing to sets that are not dynamic.
 */
/* before: what was loaded until now, or NULL: of its long lists only the difference is written. */
bool store_save_remembered(struct store *store, const char *title, uint32_t generation,
			   const struct table *table, const struct table *before,
			   struct untrack_error *err);
/* NULL without an error set if nothing is remembered of this boot, or what is there is damaged. */
struct table *store_load_remembered(struct store *store, const char *title,
				    uint32_t *ret_generation, struct untrack_error *err);
bool store_forget(struct store *store, const char *title, struct untrack_error *err);

/* Small notes beside what is remembered, of this boot, by a title of their own; any bytes. ret_note is appended to;
 * False if there is none. They are only an aid: what is damaged is absent. */
bool store_save_note(struct store *store, const char *title, const struct buf *note,
		     struct untrack_error *err);
bool store_load_note(struct store *store, const char *title, struct buf *ret_note);
