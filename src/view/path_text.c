/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/path.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <string.h>

/* Columns, together at most 100: hook, priority, title, families or devices, note. */
#define HOOK_WIDTH 13
#define PRIORITY_WIDTH 5
#define TITLE_WIDTH TITLE_COLUMNS
#define WHERE_WIDTH 8
#define NOTE_WIDTH 35
#define NOTE_COLUMN (2 + HOOK_WIDTH + PRIORITY_WIDTH + 2 + TITLE_WIDTH + 1 + WHERE_WIDTH + 1)

/* The text in at most `width` columns, cut with "…", padded if `pad`. All of it is UTF-8 whose
 * characters are one column wide. */
static void put_cell(struct buf *out, const char *text, size_t width, bool pad)
{
	size_t columns = 0, length = strlen(text), at = 0, kept = 0;

	while (at < length && columns < width) {
		size_t step = text_utf8_length(text + at, length - at);

		at += step ? step : 1;
		columns++;
		if (columns < width)
			kept = at;
	}
	if (at < length) {
		buf_put(out, text, kept);
		buf_puts(out, "…");
	} else {
		buf_put(out, text, at);
	}
	while (pad && columns++ < width)
		buf_putc(out, ' ');
}

static void put_where(struct buf *out, const struct stage *stage)
{
	const char *text = stage->devices && *stage->devices	       ? stage->devices
			   : stage->families == (STAGE_IP | STAGE_IP6) ? "ip ip6"
			   : stage->families == STAGE_IP	       ? "ip"
			   : stage->families == STAGE_IP6	       ? "ip6"
								       : "";

	put_cell(out, text, WHERE_WIDTH, true);
}

static void end_line(struct buf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->len--;
	buf_putc(out, '\n');
}

/* How many bytes of the text go on a line of that many columns: up to a space, if it is too long,
 * and all that fit of a word that is longer than a line. */
static size_t line_length(const char *text, size_t width)
{
	size_t columns = 0, length = strlen(text), at = 0, space = 0;

	while (at < length && columns++ < width) {
		size_t step = text_utf8_length(text + at, length - at);

		space = text[at] == ' ' ? at : space;
		at += step ? step : 1;
	}
	return at == length ? length : space ? space : at;
}

/* The note, over several lines where it is long: lists of services are. */
static void put_note(struct buf *out, const char *note)
{
	for (;;) {
		size_t length = line_length(note, NOTE_WIDTH);
		autofree char *line = strndup(note, length);

		if (!line) {
			out->failed = true;
			return;
		}
		put_cell(out, line, NOTE_WIDTH, false);
		end_line(out);
		note += length + (note[length] == ' ');
		if (!*note)
			return;
		buf_printf(out, "%*s", NOTE_COLUMN, "");
	}
}

static void put_stage(struct buf *out, const char *title, enum path_hook hook,
		      const struct stage *stage)
{
	autobuf priority = {0}, name = {0}, note = {0};

	stage_priority(&priority, stage);
	stage_title(&name, hook, stage, TITLE_WIDTH - (stage->inside_nat ? 2 : 0));
	stage_note(&note, hook, stage);
	buf_puts(out, "  ");
	put_cell(out, title, HOOK_WIDTH, true);
	buf_printf(out, "%*s  ", PRIORITY_WIDTH, buf_text(&priority));
	buf_puts(out, stage->inside_nat ? "└ " : "");
	put_cell(out, buf_text(&name), TITLE_WIDTH - (stage->inside_nat ? 2 : 0), true);
	buf_putc(out, ' ');
	put_where(out, stage);
	buf_putc(out, ' ');
	put_note(out, buf_text(&note));
	out->failed |= priority.failed || name.failed || note.failed;
}

static void put_hook(struct buf *out, const struct path *path, enum path_lane lane,
		     enum path_hook hook)
{
	const char *title = path_hook_name(hook);

	array_for_each(stage, &path->hooks[lane][hook]) {
		put_stage(out, title, hook, stage);
		title = "";
	}
	if (*title)
		buf_printf(out, "  %-*s%*s  nothing registered\n", HOOK_WIDTH, title,
			   PRIORITY_WIDTH, "");
}

static void put_step(struct buf *out, const char *title, const char *what)
{
	buf_printf(out, "  %-*s%*s  %s\n", HOOK_WIDTH, title, PRIORITY_WIDTH, "", what);
}

static void put_journey(struct buf *out, const struct path *path, const struct journey *journey)
{
	buf_printf(out, "%s: %s\n\n", journey->name, journey->way);
	for (unsigned i = 0; i < journey->count; i++) {
		enum path_hook hook = journey->hooks[i];

		if (hook == PATH_OUTPUT)
			put_step(out, "routing", "which way out, and from which address");
		put_hook(out, path, LANE_IP, hook);
		if (hook == PATH_PREROUTING)
			put_step(out, "routing", "for this host, or onwards?");
		if (hook == PATH_OUTPUT)
			put_step(out, "routing", "again, if mark or addresses have changed");
	}
	buf_putc(out, '\n');
}

static bool lane_is_empty(const struct path *path, enum path_lane lane)
{
	for (int hook = 0; hook < PATH_HOOKS; hook++)
		if (path->hooks[lane][hook].n)
			return false;
	return true;
}

static void put_lane(struct buf *out, const struct path *path, enum path_lane lane,
		     const char *title)
{
	if (lane_is_empty(path, lane))
		return;
	buf_printf(out, "%s\n\n", title);
	for (enum path_hook hook = 0; hook < PATH_HOOKS; hook++)
		if (path->hooks[lane][hook].n)
			put_hook(out, path, lane, hook);
	buf_putc(out, '\n');
}

static const char *activity_words(enum stage_activity activity)
{
	return activity == STAGE_ON	   ? "on"
	       : activity == STAGE_UNKNOWN ? "perhaps on (legacy iptables rules may ask for it)"
					   : "off (nothing asks for it)";
}

static void put_tracking(struct buf *out, const struct path *path)
{
	if (path->tracking[0] == path->tracking[1])
		buf_printf(out, "Connection tracking is %s.\n", activity_words(path->tracking[0]));
	else
		buf_printf(out, "Connection tracking is %s for IPv4, %s for IPv6.\n",
			   activity_words(path->tracking[0]), activity_words(path->tracking[1]));
	buf_puts(out,
		 path->from_kernel
			 ? "What is registered comes from the kernel.\n"
			 : "What is registered is inferred from rules: this kernel does not tell "
			   "its hooks.\n");
}

char *view_path_text(const struct path *path)
{
	struct buf out = {0};

	for (int i = 0; i < JOURNEYS; i++)
		put_journey(&out, path, &journeys[i]);
	put_lane(&out, path, LANE_BRIDGE, "bridged packets");
	put_lane(&out, path, LANE_ARP, "ARP");
	put_tracking(&out, path);
	return buf_steal_text(&out);
}
