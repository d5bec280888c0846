/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The armed rollback of `apply --confirm`: a record in the run directory and a guard process that
 * waits for its deadline. The guard is in a session of its own (a transient systemd unit where
 * systemd runs), with none of the caller's streams, so that kill -9 of the caller, its process group
 * or its session does not reach it.
 */
#pragma once

#include "base/error.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct armed {
	uint32_t snapshot;    /* what to go back to */
	uint64_t deadline_ms; /* CLOCK_BOOTTIME */
	int32_t guard;	      /* its process, 0 while it is not known */
	bool guard_alive;     /* found out when read */
};

/* False without an error set if none is armed. A guard that is not alive while the record stands has
 * died: after the deadline, nobody else will roll back. */
bool armed_read(struct store *store, struct armed *ret_armed, struct untrack_error *err);

/* Writes the record and starts the guard: argv (NULL-terminated, its first an absolute path) is the
 * program that waits, run in this thread's network namespace with the run and state directory in its
 * environment; returns once the guard says it is waiting (it calls armed_wait), within 5 s or so.
 * ERROR_CONFLICT while another guard waits; a record whose guard died is replaced. */
bool armed_start(struct store *store, uint32_t snapshot, unsigned seconds, const char *const *argv,
		 struct untrack_error *err);

/* In the guard: reports that it waits (to whoever started it), then sleeps until the deadline.
 * *ret_fire is true when it came, false when the rollback was disarmed meanwhile. SIGHUP and SIGINT
 * are ignored from then on. Who fires takes the store's lock, looks with armed_read() whether the
 * record still stands (a confirm may have come first), rolls back, and ends with armed_end(). */
bool armed_wait(struct store *store, bool *ret_fire, uint32_t *ret_snapshot,
		struct untrack_error *err);

/* Ends it: removes the record, then the guard (unless the caller is the guard). False without an error
 * set if none is armed. To be called under the store's lock: then a guard that fires is either not
 * rolling back yet, and never will, or has done so. */
bool armed_end(struct store *store, struct untrack_error *err);
