/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "view/status.h"
#include "view/status_parts.h"
#include "view/words.h"

#include <inttypes.h>

/* From here on a table is worth a word. */
#define FILLING_PERCENT 75
#define FULL_PERCENT 95
/* So many packets one way and none back are no accident of timing. */
#define ALARM_PACKETS 10

struct service_ways status_ways(const struct service_counter *service)
{
	/* In the order in which the packets of a connection come, whatever the role. */
	const struct service_count *counts[] = {&service->prerouting_d, &service->output_d,
						&service->prerouting_s, &service->output_s};
	static const char *const names[] = {"prerouting, to its port", "output, to its port",
					    "prerouting, from its port", "output, from its port"};
	struct service_ways ways = {0};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && ways.n < 2; i++) {
		if (!counts[i]->used)
			continue;
		ways.name[ways.n] = names[i];
		ways.packets[ways.n++] = counts[i]->packets;
	}
	if (ways.n < 2)
		return ways;
	if (ways.packets[0] >= ALARM_PACKETS && !ways.packets[1])
		ways.silent = ways.name[1];
	if (ways.packets[1] >= ALARM_PACKETS && !ways.packets[0])
		ways.silent = ways.name[0];
	return ways;
}

double status_seconds_to_full(const struct status_view *status)
{
	if (!status->has_rate || status->rate <= 0 || status->count >= status->max)
		return -1;
	return (double)(status->max - status->count) / status->rate;
}

void put_seconds(struct buf *out, double seconds)
{
	uint64_t whole = (uint64_t)seconds;

	if (seconds >= 2 * 86400.0)
		buf_printf(out, "%.0f days", seconds / 86400);
	else if (whole >= 3600)
		buf_printf(out, "%" PRIu64 " h %" PRIu64 " min", whole / 3600, whole % 3600 / 60);
	else if (whole >= 60)
		buf_printf(out, "%" PRIu64 " min %" PRIu64 " s", whole / 60, whole % 60);
	else
		buf_printf(out, "%" PRIu64 " s", whole);
}

static const struct service_counter *silent_service(const struct status_view *status)
{
	array_for_each(service, status->services) {
		if (status_ways(service).silent)
			return service;
	}
	return NULL;
}

static void put_silent(struct buf *out, const struct service_counter *service)
{
	buf_printf(out,
		   "service '%.*s' counts one direction only, nothing in %s: is the other one "
		   "tracked, or silent?",
		   (int)service->name_length, service->name, status_ways(service).silent);
}

static void put_fill(struct buf *out, const struct status_view *status, double percent)
{
	double seconds = status_seconds_to_full(status);

	buf_printf(out, "the table is %.1f %% full", percent);
	if (seconds >= 0) {
		buf_puts(out, ", and full in ");
		put_seconds(out, seconds);
	}
	buf_puts(out, ": `untrack top` tells who fills it, `untrack suggest` what to take off");
}

char *view_status_verdict(const struct status_view *status)
{
	const struct service_counter *silent = silent_service(status);
	double percent = view_percent(status->count, status->max);
	double seconds = status_seconds_to_full(status);
	char room[COUNT_TEXT_MAX];
	struct buf out = {0};

	if (percent >= FULL_PERCENT || (seconds >= 0 && seconds < 60))
		put_fill(&out, status, percent);
	else if (silent)
		put_silent(&out, silent);
	else if (percent >= FILLING_PERCENT)
		put_fill(&out, status, percent);
	else if (status->drop)
		buf_printf(&out, "well now, but %s connections were dropped since boot",
			   view_count(status->drop, room));
	else if (!status->tracking->n && !status->legacy_tracking->n && !status->count)
		buf_puts(&out, status->services->n
				       ? "well: nothing turns tracking on, so no policy is needed"
				       : "well: nothing is tracked here, no policy is needed");
	else if (!status->services->n)
		buf_puts(&out, "well: the table has room, and no policy is loaded");
	else
		buf_printf(&out, "well: the table has room, and %zu service%s kept out of it",
			   status->services->n, status->services->n == 1 ? " is" : "s are");
	return buf_steal_text(&out);
}
