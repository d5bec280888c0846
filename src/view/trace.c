/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/trace.h"

#include "base/buf.h"
#include "model/ruleset.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void trace_way_free(struct trace_way *way)
{
	array_for_each(line, &way->lines) {
		free(line->table);
		free(line->chain);
		free(line->rule);
		free(line->verdict);
	}
	array_free(&way->lines);
	free(way->reason);
	*way = (struct trace_way){0};
}

static const char *tracking_word(const struct trace_way *way)
{
	return way->untracked ? "untracked" : "tracked";
}

static const char *verdict_word(const struct trace_way *way)
{
	return way->accepted ? "accept" : "drop";
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *line_json(const struct trace_line *line)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:o, s:s?, s:s}", "hook", line->hook,
			 "priority", (int)line->priority, "family", family_name(line->family),
			 "table", line->table, "chain", line->chain, "handle",
			 line->handle ? json_integer((json_int_t)line->handle) : json_null(),
			 "rule", line->rule, "verdict", line->verdict);
}

static json_t *way_json(const struct trace_way *way)
{
	json_t *steps = json_array();
	bool ok = steps;

	array_for_each(line, &way->lines) {
		ok = ok && !json_array_append_new(steps, line_json(line));
	}
	if (!ok) {
		json_decref(steps);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s?, s:s?, s:o}", "tracking", tracking_word(way), "verdict",
			 verdict_word(way), "state", way->state, "reason", way->reason, "steps",
			 steps);
}

char *view_trace_json(const struct trace_way *way, const struct trace_way *reply)
{
	json_t *all = way_json(way), *back = way_json(reply);
	char *text = NULL;

	if (all && back && !json_object_set(all, "reply", back))
		text = json_dumps(all, 0);
	json_decref(all);
	json_decref(back);
	return text;
}

/* --- text ------------------------------------------------------------------------------------- */

static void put_way(struct buf *out, const char *title, const struct trace_way *way)
{
	const struct trace_line *last = NULL;

	buf_printf(out, "%s: %s, %s", title, tracking_word(way), verdict_word(way));
	if (way->reason)
		buf_printf(out, " (%s)", way->reason);
	buf_putc(out, '\n');
	array_for_each(line, &way->lines) {
		if (!last || last->hook != line->hook || last->priority != line->priority ||
		    strcmp(last->table, line->table) || strcmp(last->chain, line->chain))
			buf_printf(out, "  %s %d: %s %s %s\n", line->hook, line->priority,
				   family_name(line->family), line->table, line->chain);
		buf_printf(out, "    %s", line->rule ? line->rule : "?");
		if (line->handle)
			buf_printf(out, " # handle %llu", (unsigned long long)line->handle);
		buf_printf(out, "\n      -> %s\n", line->verdict);
		last = line;
	}
}

char *view_trace_text(const struct trace_way *way, const struct trace_way *reply)
{
	struct buf out = {0};

	put_way(&out, "packet", way);
	put_way(&out, "reply", reply);
	return buf_steal_text(&out);
}
