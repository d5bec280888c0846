/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this layer share. */
#pragma once

#include "base/buf.h"
#include "model/record.h"
#include "store/store.h"

struct store {
	char *identity;	  /* of the namespace */
	char *state_root; /* absolute, as the others */
	char *run_root;
	char *run_dir; /* of the namespace */
	char *snapshots_dir;
	char *originals_dir;
	char *remembered_dir;
	char *damaged; /* what the last listing skipped, or NULL */
	ARRAY(uint32_t) damaged_ids;
	int lock;   /* -1: not held */
	bool swept; /* leftovers of other boots were looked for */
};

enum { BOOT_ID_MAX = 37 };
bool boot_id(char ret_id[BOOT_ID_MAX], struct untrack_error *err);

/* A file's name for a table's title ("inet%20untrack"). */
enum { TITLE_FILE_MAX = 196 };
void title_file_name(const char *title, char ret_name[TITLE_FILE_MAX]);

/* Before a file is written in one of the store's directories: makes it, and clears what killed
 * writers left there and what other boots left beside (under the lock, which keeps others away). */
bool store_prepare(struct store *store, const char *directory, struct untrack_error *err);

/* The name of a snapshot's file. */
enum { SNAPSHOT_NAME_MAX = 12 };
void snapshot_name(uint32_t id, char ret_name[SNAPSHOT_NAME_MAX]);

/* store: whose files of keys the snapshot can have in common; NULL: it has all in itself. */
void snapshot_encode(const struct store *store, const struct snapshot *snapshot, uint32_t id,
		     struct buf *out);
/* headers_only: neither tables nor chains nor sysctls. */
struct snapshot *snapshot_decode(const struct buf *bytes, bool headers_only,
				 struct untrack_error *err);

/* A sysctl's name and value as one record. */
void sysctl_value_encode(struct buf *out, uint32_t type, const struct sysctl_value *value);
bool sysctl_value_decode(const struct record *record, struct sysctl_value *ret_value,
			 struct untrack_error *err);
