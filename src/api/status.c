/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: how full the connection table is, what fills it, what keeps packets out of it. */
#include "view/status.h"

#include "api/context.h"
#include "api/legacy.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "kernel/conntrack.h"
#include "kernel/statistics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

/* What the view borrows. */
struct reading {
	struct ruleset *ruleset, *legacy;
	texts warnings;
	trackers trackers, legacy_trackers;
	service_counters services;
	cpus_statistics cpus;
	ARRAY(struct status_statistic) statistics;
};

static void reading_free(struct reading *reading)
{
	ruleset_free(reading->ruleset);
	ruleset_free(reading->legacy);
	texts_free(&reading->warnings);
	array_free(&reading->trackers);
	array_free(&reading->legacy_trackers);
	array_free(&reading->services);
	array_free(&reading->cpus);
	array_free(&reading->statistics);
}

/* Rules everywhere, since they may turn tracking on, and counters, but no elements. */
static enum read_depth depth_of(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_OBJECTS;
}

static bool name_statistics(struct reading *reading, struct untrack_error *err)
{
	array_for_each(cpu, &reading->cpus) {
		for (enum statistic i = 0; i < STATISTICS; i++)
			if (!array_push(
				    &reading->statistics,
				    (struct status_statistic){statistic_name(i), cpu->count[i]}))
				return error_memory(err);
	}
	return true;
}

static uint64_t sum(const struct reading *reading, enum statistic statistic)
{
	uint64_t all = 0;

	array_for_each(cpu, &reading->cpus) {
		all += cpu->count[statistic];
	}
	return all;
}

static bool read_all(struct untrack *untrack, struct reading *reading,
		     struct conntrack_status *table, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);

	if (!legacy_rules(untrack, &reading->legacy, &reading->warnings, err) ||
	    (reading->legacy && !ruleset_trackers(reading->legacy, &reading->legacy_trackers, err)))
		return false;
	autoenter entered = netns_enter(&untrack->ns, err);
	if (!kernel || entered.failed || !conntrack_status(table, err) ||
	    !conntrack_statistics(&reading->cpus, err) || !name_statistics(reading, err))
		return false;
	reading->ruleset = kernel_read(kernel, depth_of, NULL, err);
	return reading->ruleset && ruleset_trackers(reading->ruleset, &reading->trackers, err) &&
	       service_counters_read(reading->ruleset, &reading->services, err);
}

/* Entries a second since the context's last look. */
static bool rate_since(struct untrack *untrack, uint64_t count, double *ret_rate)
{
	struct timespec now;
	double seconds, before = untrack->looked_at;
	uint64_t entries = untrack->looked_entries;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	untrack->looked_at = seconds;
	untrack->looked_entries = count;
	if (before <= 0 || seconds <= before)
		return false;
	*ret_rate = ((double)count - (double)entries) / (seconds - before);
	return true;
}

struct untrack_result *untrack_status(struct untrack *untrack, struct untrack_error *error)
{
	__attribute__((cleanup(reading_free))) struct reading reading = {0};
	struct conntrack_status table;
	struct status_view status;
	struct untrack_result *result;

	if (!read_all(untrack, &reading, &table, error))
		return NULL;
	status = (struct status_view){
		.count = table.count,
		.max = table.max,
		.buckets = table.buckets,
		.drop = sum(&reading, STATISTIC_DROP),
		.early_drop = sum(&reading, STATISTIC_EARLY_DROP),
		.insert_failed = sum(&reading, STATISTIC_INSERT_FAILED),
		.entry_size = conntrack_entry_size(),
		.tracking = &reading.trackers,
		.legacy_tracking = &reading.legacy_trackers,
		.services = &reading.services,
		.statistics = reading.statistics.v,
		.statistics_n = STATISTICS,
		.cpus_n = reading.cpus.n,
	};
	status.has_rate = rate_since(untrack, table.count, &status.rate);
	result = result_new(0, view_status_json(&status), view_status_text(&status), error);
	if (result)
		result_take_warnings(result, &reading.warnings);
	return result;
}
