/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/history.h"

#include "base/buf.h"

#include <inttypes.h>
#include <jansson.h>
#include <time.h>

static const char *time_text(int64_t when, char out[32])
{
	time_t seconds = (time_t)when;
	struct tm parts;

	if (!gmtime_r(&seconds, &parts) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts))
		return "?";
	return out;
}

char *view_history_json(const struct history_item *items, size_t count)
{
	json_t *list = json_array(), *all;
	char *text, when[32];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:s, s:b}", "id",
						      (json_int_t)items[i].id, "time",
						      time_text(items[i].time, when), "generation",
						      (json_int_t)items[i].generation, "document",
						      items[i].document, "armed", items[i].armed));
	all = json_pack("{s:o}", "snapshots", list);
	text = all ? json_dumps(all, 0) : NULL;
	json_decref(all);
	return text;
}

char *view_history_text(const struct history_item *items, size_t count)
{
	struct buf out = {0};
	char when[32];

	if (!count)
		buf_puts(&out, "no snapshots: nothing has been changed here yet\n");
	else
		buf_printf(&out, "%5s  %-20s  %10s  %s\n", "id", "taken", "generation", "before");
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%5" PRIu32 "  %-20s  %10" PRIu32 "  %s%s\n", items[i].id,
			   time_text(items[i].time, when), items[i].generation, items[i].document,
			   items[i].armed ? "  (armed: comes back unless confirmed)" : "");
	return buf_steal_text(&out);
}

char *view_confirmed_json(uint32_t snapshot)
{
	json_t *all = json_pack("{s:b, s:I}", "confirmed", true, "snapshot", (json_int_t)snapshot);
	char *text = all ? json_dumps(all, 0) : NULL;

	json_decref(all);
	return text;
}

char *view_confirmed_text(uint32_t snapshot)
{
	struct buf out = {0};

	buf_printf(&out,
		   "confirmed: the change stays; 'untrack rollback %" PRIu32
		   "' would still undo it\n",
		   snapshot);
	return buf_steal_text(&out);
}
