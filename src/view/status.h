/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How full the connection table is, what makes connections tracked, what policies take off. */
#pragma once

#include "model/service_counter.h"
#include "model/tracking.h"

#include <stdbool.h>
#include <stdint.h>

/* One of the kernel's counters, or one processor's. Borrowed texts. */
struct status_statistic {
	const char *name;
	uint64_t count;
};

/* All borrowed. */
struct status_view {
	uint64_t count, max, buckets, drop, early_drop, insert_failed;
	uint64_t entry_size; /* bytes */
	bool has_rate;	     /* someone looked before: */
	double rate;	     /* entries a second since then; negative: it empties */
	const trackers *tracking;
	const trackers *legacy_tracking; /* tables of iptables-legacy */
	const service_counters *services;
	const struct status_statistic *statistics; /* statistics_n of each processor, in order */
	size_t statistics_n, cpus_n;
};

char *view_status_json(const struct status_view *status);
char *view_status_text(const struct status_view *status);
/* The last line: the most urgent that there is to say. Owned by the caller. */
char *view_status_verdict(const struct status_view *status);
