/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How full the connection table is, what makes connections tracked, what policies take off. */
#pragma once

#include "base/array.h"

#include <stdint.h>

/* A chain in which something turns tracking on. Borrowed texts. */
struct status_tracking {
	const char *family, *table, *chain, *why;
};

struct status_service {
	char *name; /* owned */
	const char *family, *table;
	uint64_t packets[2], bytes[2]; /* prerouting, output */
};

struct status_view {
	uint64_t count, max, buckets, drop, early_drop, insert_failed;
	ARRAY(struct status_tracking) tracking;
	ARRAY(struct status_service) services;
};

char *view_status_json(const struct status_view *status);
char *view_status_text(const struct status_view *status);
