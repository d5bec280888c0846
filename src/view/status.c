/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/status.h"

#include "base/cleanup.h"
#include "view/status_parts.h"
#include "view/words.h"

#include <inttypes.h>
#include <jansson.h>

#define BUCKET_SIZE 8 /* struct hlist_nulls_head */

static uint64_t memory(const struct status_view *status, uint64_t entries)
{
	return entries * status->entry_size + status->buckets * BUCKET_SIZE;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static json_t *count_json(const struct service_count *a, const struct service_count *b)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)(a->packets + b->packets), "bytes",
			 (json_int_t)(a->bytes + b->bytes));
}

static json_t *service_json(const struct service_counter *service)
{
	autobuf name = {0}, table = {0};

	buf_put(&name, service->name, service->name_length);
	buf_printf(&table, "%s %s", family_name(service->table->family), service->table->name);
	return json_pack("{s:s, s:s, s:o, s:o, s:b}", "name", buf_text(&name), "table",
			 buf_text(&table), "prerouting",
			 count_json(&service->prerouting_d, &service->prerouting_s), "output",
			 count_json(&service->output_d, &service->output_s), "one_way",
			 status_ways(service).silent != NULL);
}

static json_t *services_json(const struct status_view *status)
{
	json_t *list = json_array();

	array_for_each(service, status->services) {
		json_array_append_new(list, service_json(service));
	}
	return list;
}

static void add_tracking(json_t *list, const trackers *tracking, bool legacy)
{
	array_for_each(one, tracking) {
		json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s, s:b}", "family",
						      family_name(one->family), "table", one->table,
						      "chain", one->chain, "why", one->why,
						      "legacy", legacy));
	}
}

static json_t *tracking_json(const struct status_view *status)
{
	json_t *list = json_array();

	add_tracking(list, status->tracking, false);
	add_tracking(list, status->legacy_tracking, true);
	return list;
}

static json_t *statistics_json(const struct status_view *status)
{
	json_t *cpus = json_array(), *total = json_object();

	for (size_t cpu = 0; cpu < status->cpus_n; cpu++) {
		json_t *one = json_pack("{s:I}", "cpu", (json_int_t)cpu);

		for (size_t i = 0; i < status->statistics_n; i++) {
			const struct status_statistic *statistic =
				&status->statistics[cpu * status->statistics_n + i];
			json_int_t before =
				json_integer_value(json_object_get(total, statistic->name));

			json_object_set_new(one, statistic->name,
					    json_integer((json_int_t)statistic->count));
			json_object_set_new(total, statistic->name,
					    json_integer(before + (json_int_t)statistic->count));
		}
		json_array_append_new(cpus, one);
	}
	return json_pack("{s:o, s:o}", "total", total, "cpus", cpus);
}

static json_t *memory_json(const struct status_view *status)
{
	return json_pack("{s:I, s:I, s:I}", "entries",
			 (json_int_t)(status->count * status->entry_size), "buckets",
			 (json_int_t)(status->buckets * BUCKET_SIZE), "when_full",
			 (json_int_t)memory(status, status->max));
}

char *view_status_json(const struct status_view *status)
{
	double seconds = status_seconds_to_full(status);
	autofree char *verdict = view_status_verdict(status);
	json_t *all;
	char *text;

	all = json_pack(
		"{s:I, s:I, s:I, s:f, s:{s:I, s:I, s:I}, s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
		"count", (json_int_t)status->count, "max", (json_int_t)status->max, "buckets",
		(json_int_t)status->buckets, "percent", view_percent(status->count, status->max),
		"drops", "drop", (json_int_t)status->drop, "early_drop",
		(json_int_t)status->early_drop, "insert_failed", (json_int_t)status->insert_failed,
		"tracking", tracking_json(status), "services", services_json(status), "memory",
		memory_json(status), "statistics", statistics_json(status), "rate",
		status->has_rate ? json_real(status->rate) : json_null(), "seconds_to_full",
		seconds >= 0 ? json_real(seconds) : json_null(), "verdict", verdict ? verdict : "");
	text = all && verdict ? json_dumps(all, JSON_REAL_PRECISION(6)) : NULL;
	json_decref(all);
	return text;
}

/* --- text ---------------------------------------------------------------------------------------
 */

static void put_fill(struct buf *out, const struct status_view *status)
{
	char count[COUNT_TEXT_MAX], max[COUNT_TEXT_MAX];

	buf_printf(out, "connection table   %s of %s entries (%.1f %%)",
		   view_count(status->count, count), view_count(status->max, max),
		   view_percent(status->count, status->max));
	buf_printf(out, ", %s buckets\n", view_count(status->buckets, count));
	buf_printf(out, "memory             %s", view_bytes(memory(status, status->count), count));
	buf_printf(out, ", %s when full\n", view_bytes(memory(status, status->max), count));
}

static void put_rate(struct buf *out, const struct status_view *status)
{
	double seconds = status_seconds_to_full(status);

	if (!status->has_rate)
		return;
	buf_printf(out, "rate               %+.0f entries/s", status->rate);
	if (seconds >= 0) {
		buf_puts(out, ", full in ");
		put_seconds(out, seconds);
	}
	buf_putc(out, '\n');
}

static void put_drops(struct buf *out, const struct status_view *status)
{
	char drop[COUNT_TEXT_MAX], early[COUNT_TEXT_MAX], failed[COUNT_TEXT_MAX];

	buf_printf(out, "dropped            %s (table full), %s early, %s insertions failed\n",
		   view_count(status->drop, drop), view_count(status->early_drop, early),
		   view_count(status->insert_failed, failed));
}

static void put_trackers(struct buf *out, const trackers *tracking, const char **title,
			 const char *kind)
{
	array_for_each(one, tracking) {
		buf_printf(out, "%-18s %s%s %s%s%s: %s\n", *title, kind, family_name(one->family),
			   one->table, one->chain ? " " : "", one->chain ? one->chain : "",
			   one->why);
		*title = "";
	}
}

static void put_tracking(struct buf *out, const struct status_view *status)
{
	const char *title = "tracking is on by";

	put_trackers(out, status->tracking, &title, "");
	put_trackers(out, status->legacy_tracking, &title, "legacy ");
	if (*title)
		buf_puts(out, "tracking           nothing in the ruleset turns it on\n");
}

static void put_service(struct buf *out, const struct service_counter *service)
{
	struct service_ways ways = status_ways(service);
	const struct service_count *pre[] = {&service->prerouting_d, &service->prerouting_s},
				   *post[] = {&service->output_d, &service->output_s};
	char in[COUNT_TEXT_MAX], back[COUNT_TEXT_MAX];
	autobuf name = {0}, table = {0};

	buf_put(&name, service->name, service->name_length);
	buf_printf(&table, "%s %s", family_name(service->table->family), service->table->name);
	buf_printf(out, "%-24s %-20s %18s %18s%s\n", buf_text(&name), buf_text(&table),
		   view_count(pre[0]->packets + pre[1]->packets, in),
		   view_count(post[0]->packets + post[1]->packets, back),
		   ways.silent ? "  ONE WAY" : "");
	if (ways.silent)
		buf_printf(out, "%-24s nothing in %s\n", "", ways.silent);
	out->failed |= name.failed || table.failed;
}

char *view_status_text(const struct status_view *status)
{
	autofree char *verdict = view_status_verdict(status);
	struct buf out = {0};

	put_fill(&out, status);
	put_rate(&out, status);
	put_drops(&out, status);
	put_tracking(&out, status);
	if (status->services->n)
		buf_printf(&out, "\n%-24s %-20s %18s %18s\n", "taken off tracking", "table",
			   "prerouting packets", "output packets");
	else
		buf_puts(&out, "policy             no service of a policy is loaded here\n");
	array_for_each(service, status->services) {
		put_service(&out, service);
	}
	buf_printf(&out, "\nverdict            %s\n", verdict ? verdict : "");
	out.failed |= !verdict;
	return buf_steal_text(&out);
}
