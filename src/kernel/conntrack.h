/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection table over ctnetlink, of the namespace that the calling thread is in. */
#pragma once

#include "base/error.h"
#include "model/flow_entry.h"

#include <stdbool.h>
#include <stdint.h>

/* Calls fn for each entry, streaming. fn returns false to stop early (no error). */
typedef flow_entry_fn conntrack_fn;
bool conntrack_each(conntrack_fn *fn, void *arg, struct untrack_error *err);

/* Deletes each entry for which fn says true. Entries that end meanwhile are no error. */
bool conntrack_delete_if(conntrack_fn *fn, void *arg, uint64_t *ret_deleted,
			 struct untrack_error *err);

struct conntrack_status {
	uint64_t count, max, buckets;
};
bool conntrack_status(struct conntrack_status *ret_status, struct untrack_error *err);
