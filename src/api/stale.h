/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connection entries and the ruleset: which are kept out now, and which were until now. */
#pragma once

#include "api/target.h"

#include <stdint.h>

/*
 * Where tracking is switched back on, entries from before are deleted first: their windows are stale,
 * and live flows would be `invalid` (nf_conntrack_proto_tcp.c: tcp_in_window). Entries that are NATed or
 * expected never are: they were tracked all the time.
 */
bool clear_stale(struct untrack *untrack, const struct target *target, uint64_t *ret_cleared,
		 struct untrack_error *err);

/*
 * Deletes the entries that the target's tables now keep out: both directions' packets, each at the hook
 * where it meets this host (its source is one of our addresses: output), leave tracking on whichever
 * interface. What is bound to its entry (NAT, a helper, an expectation, a zone, a flowtable) stays. Of an entry the interface is not known, so what depends on one stays and expires.
 */
bool purge_kept_out(struct untrack *untrack, const struct target *target, uint64_t *ret_purged,
		    struct untrack_error *err);

/* How many that would be, of how many. */
bool count_kept_out(struct untrack *untrack, const struct target *target, uint64_t *ret_kept_out,
		    uint64_t *ret_all, struct untrack_error *err);
