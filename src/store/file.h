/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are there whole or not at all, and tell when they are damaged. A file is a head (magic,
 * format, kind, length, CRC-32 of all of it) and its content. It is written under a temporary name in
 * its own directory, synced, renamed, and the directory synced: after a crash or a power loss there is
 * the old file or the new one, and perhaps a temporary one for file_sweep(). What is remembered for one boot
 * (FILE_REMEMBERED, FILE_NOTE, FILE_KEYS) is not synced: it outlives a crash of the program, and nothing
 * else.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum file_kind {
	FILE_SNAPSHOT = 1,
	FILE_ORIGINALS = 2,
	FILE_ARMED = 3,
	FILE_REMEMBERED = 4,
	FILE_NOTE = 5,
	FILE_KEYS = 6
};

enum file_result {
	FILE_FAILED, /* the error is set */
	FILE_ABSENT, /* neither it nor perhaps its directory exists; no error */
	FILE_READ,
};

/* Makes the directory and those above it that are missing, mode 0700. */
bool directory_make(const char *path, struct untrack_error *err);

/* The directory must exist. Modes are 0600. */
bool file_write(const char *directory, const char *name, enum file_kind kind,
		const struct buf *content, struct untrack_error *err);
/* Appends the content to *ret_content. */
enum file_result file_read(const char *directory, const char *name, enum file_kind kind,
			   struct buf *ret_content, struct untrack_error *err);
/* Durably. FILE_READ: it was there. */
enum file_result file_remove(const char *directory, const char *name, struct untrack_error *err);

/* Removes temporary files that a killed writer left. Nobody may be writing there meanwhile. */
void file_sweep(const char *directory);
/* Removes a directory with the files in it, and directories in it with their files, no deeper. What
 * cannot be removed stays. */
void directory_remove(const char *path);
