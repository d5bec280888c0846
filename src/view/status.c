/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/status.h"

#include "base/buf.h"

#include <inttypes.h>
#include <jansson.h>

static double percent(const struct status_view *status)
{
	return status->max ? 100.0 * (double)status->count / (double)status->max : 0;
}

static json_t *hook_json(const struct status_service *service, size_t hook)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)service->packets[hook], "bytes",
			 (json_int_t)service->bytes[hook]);
}

char *view_status_json(const struct status_view *status)
{
	json_t *tracking = json_array(), *services = json_array(), *all;
	char *text;

	array_for_each(one, &status->tracking) {
		json_array_append_new(tracking, json_pack("{s:s, s:s, s:s, s:s}", "family",
							  one->family, "table", one->table,
							  "chain", one->chain, "why", one->why));
	}
	array_for_each(one, &status->services) {
		autobuf title = {0};

		buf_printf(&title, "%s %s", one->family, one->table);
		json_array_append_new(services,
				      json_pack("{s:s, s:s, s:o, s:o}", "name", one->name, "table",
						buf_text(&title), "prerouting", hook_json(one, 0),
						"output", hook_json(one, 1)));
	}
	all = json_pack("{s:I, s:I, s:I, s:f, s:{s:I, s:I, s:I}, s:o, s:o}", "count",
			(json_int_t)status->count, "max", (json_int_t)status->max, "buckets",
			(json_int_t)status->buckets, "percent", percent(status), "drops", "drop",
			(json_int_t)status->drop, "early_drop", (json_int_t)status->early_drop,
			"insert_failed", (json_int_t)status->insert_failed, "tracking", tracking,
			"services", services);
	text = all ? json_dumps(all, JSON_REAL_PRECISION(4)) : NULL;
	json_decref(all);
	return text;
}

char *view_status_text(const struct status_view *status)
{
	struct buf out = {0};

	buf_printf(&out, "connection table  %" PRIu64 " of %" PRIu64 " entries (%.1f %%), %" PRIu64
			 " buckets\n",
		   status->count, status->max, percent(status), status->buckets);
	buf_printf(&out, "dropped           %" PRIu64 " (table full), %" PRIu64
			 " early, %" PRIu64 " insertions failed\n",
		   status->drop, status->early_drop, status->insert_failed);
	buf_puts(&out, status->tracking.n ? "tracking is on because of\n"
					  : "tracking           nothing in the ruleset turns it on\n");
	array_for_each(one, &status->tracking) {
		buf_printf(&out, "  %s %s %s: %s\n", one->family, one->table, one->chain, one->why);
	}
	if (!status->services.n)
		buf_puts(&out, "no service of a policy is loaded here\n");
	else
		buf_printf(&out, "%-24s %-20s %18s %18s\n", "taken off tracking", "table",
			   "prerouting packets", "output packets");
	array_for_each(one, &status->services) {
		autobuf title = {0};

		buf_printf(&title, "%s %s", one->family, one->table);
		buf_printf(&out, "%-24s %-20s %18" PRIu64 " %18" PRIu64 "\n", one->name,
			   buf_text(&title), one->packets[0], one->packets[1]);
	}
	return buf_steal_text(&out);
}
