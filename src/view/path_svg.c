/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture: what arrives goes down on the left, what leaves goes down on the right, and what is
 * forwarded crosses in the middle. A card is a hook; its stages stand in the order in which a
 * packet meets them. Heights are known before anything is drawn, since the canvas comes first.
 */
#include "view/path.h"
#include "view/svg.h"

#include <string.h>

enum {
	MARGIN = 28,
	COLUMN = 312,
	GAP = 44,
	WIDTH = 2 * MARGIN + 3 * COLUMN + 2 * GAP,
	LEFT = MARGIN,
	MIDDLE = LEFT + COLUMN + GAP,
	RIGHT = MIDDLE + COLUMN + GAP,
	TOP = 92,  /* where the columns begin */
	STEP = 26, /* an arrow between two cards */
	REROUTE_STEP = 44,
	CARD_HEAD = 28,
	CARD_FOOT = 6,
	INSET = 6, /* of a stage in its card */
	STAGE_GAP = 4,
	LOW_STAGE = 20,	 /* one line */
	HIGH_STAGE = 35, /* two lines */
	NOTE_LINE = 14,
	NAT_INDENT = 8,
	NUMBER = 46, /* where priorities end */
	NAME = 56,   /* where names begin */
	NAME_MAX_CHARS = TITLE_COLUMNS,
	NOTE_MAX_CHARS = 40,
	BOLD_MAX_CHARS = 36,
	SERVICE_LINES = 8,
	PILL = 28,
	DECISION = 34,
	DECISION_WIDTH = 150,
};

/* --- stages
 * ------------------------------------------------------------------------------------------- */

static bool is_off(const struct stage *stage)
{
	return stage->activity == STAGE_OFF;
}

/* Breaks the note into lines at spaces; calls svg_text for each if `out` is there. Their number. */
static int put_lines(struct buf *out, const char *class, struct point at, const char *text,
		     size_t max)
{
	int lines = 0;

	while (*text && lines < SERVICE_LINES) {
		char line[NOTE_MAX_CHARS * 4 + 1];
		size_t length = strlen(text), kept = length;

		if (length > max && lines + 1 < SERVICE_LINES) {
			kept = max;
			while (kept && text[kept] != ' ')
				kept--;
			kept = kept ? kept : max;
		}
		if (kept >= sizeof(line))
			kept = sizeof(line) - 1;
		memcpy(line, text, kept);
		line[kept] = '\0';
		if (out)
			svg_text(out, class, (struct point){at.x, at.y + lines * NOTE_LINE},
				 SVG_START, line, (unsigned)max);
		text += kept + (text[kept] == ' ');
		lines++;
	}
	return lines;
}

/* How many characters of its note go on a line. */
static size_t note_width(enum path_hook hook, const struct stage *stage)
{
	return stage_untracks(hook, stage) == UNTRACKS_NOT ? NOTE_MAX_CHARS : BOLD_MAX_CHARS;
}

static void note_of(struct buf *note, enum path_hook hook, const struct stage *stage)
{
	stage_note(note, hook, stage);
	if (stage->kind == STAGE_CHAIN && stage->devices)
		buf_printf(note, ", %s", stage->devices);
	else if (stage->devices && *stage->devices)
		buf_puts(note, stage->devices);
}

static int stage_height(enum path_hook hook, const struct stage *stage)
{
	autobuf note = {0};
	int lines;

	if (is_off(stage))
		return LOW_STAGE;
	note_of(&note, hook, stage);
	lines = put_lines(NULL, "", (struct point){0, 0}, buf_text(&note), note_width(hook, stage));
	return lines ? HIGH_STAGE + (lines - 1) * NOTE_LINE : LOW_STAGE;
}

static const char *stage_class(enum path_hook hook, const struct stage *stage)
{
	if (is_off(stage))
		return "off";
	switch (stage_untracks(hook, stage)) {
	case UNTRACKS:
		return "untrack";
	case UNTRACKS_IN_VAIN:
		return "vain";
	case UNTRACKS_NOT:
		break;
	}
	if (stage->kind == STAGE_CHAIN)
		return "chain";
	return stage->kind == STAGE_LEGACY ? "legacy" : "kernel";
}

/* "ip", "ip6": where a stage is there for one family only; chains say it in their names. */
static const char *family_tag(const struct stage *stage)
{
	if (is_off(stage))
		return stage->dormant ? "dormant" : "off";
	if (stage->activity == STAGE_UNKNOWN)
		return "perhaps";
	if (stage->kind == STAGE_CHAIN || stage->kind == STAGE_LEGACY)
		return "";
	return stage->families == STAGE_IP ? "IPv4" : stage->families == STAGE_IP6 ? "IPv6" : "";
}

static void put_stage(struct buf *out, enum path_hook hook, const struct stage *stage,
		      struct rect box)
{
	const char *class = stage_class(hook, stage), *tag = family_tag(stage);
	int indent = stage->inside_nat ? NAT_INDENT : 0, base = box.y + 14;
	bool untracks = !strcmp(class, "untrack"), vain = !strcmp(class, "vain");
	autobuf name = {0}, note = {0}, number = {0};

	box.x += indent;
	box.width -= indent;
	stage_title(&name, hook, stage, NAME_MAX_CHARS - (stage->inside_nat ? 2 : 0));
	stage_priority(&number, stage);
	if (!is_off(stage))
		note_of(&note, hook, stage);
	svg_box(out, class, box, 4);
	if (untracks || vain)
		svg_box(out, untracks ? "bar" : "badbar",
			(struct rect){box.x, box.y, 3, box.height}, 1);
	svg_text(out, "num", (struct point){box.x + NUMBER - INSET - indent, base}, SVG_END,
		 buf_text(&number), 0);
	svg_text(out, is_off(stage) ? "pale" : "name",
		 (struct point){box.x + NAME - INSET - indent, base}, SVG_START, buf_text(&name),
		 NAME_MAX_CHARS - (*tag ? 7 : 0) - (indent ? 2 : 0));
	svg_text(out, "note", (struct point){box.x + box.width - 7, base}, SVG_END, tag, 0);
	put_lines(out,
		  untracks ? "yes"
		  : vain   ? "bad"
			   : "note",
		  (struct point){box.x + NAME - INSET - indent, base + 14}, buf_text(&note),
		  note_width(hook, stage));
	out->failed |= name.failed || note.failed || number.failed;
}

/* --- cards
 * -------------------------------------------------------------------------------------------- */

static int card_height(const struct path *path, enum path_lane lane, enum path_hook hook)
{
	int height = CARD_HEAD + CARD_FOOT;

	array_for_each(stage, &path->hooks[lane][hook]) {
		height += stage_height(hook, stage) + STAGE_GAP;
	}
	return path->hooks[lane][hook].n ? height : height + LOW_STAGE;
}

static void put_card(struct buf *out, const struct path *path, enum path_lane lane,
		     enum path_hook hook, struct point at)
{
	struct rect card = {at.x, at.y, COLUMN, card_height(path, lane, hook)};
	int y = at.y + CARD_HEAD;

	svg_box(out, "card", card, 7);
	svg_text(out, "h2", (struct point){at.x + 12, at.y + 19}, SVG_START, path_hook_name(hook),
		 0);
	if (!path->hooks[lane][hook].n)
		svg_text(out, "note", (struct point){at.x + NAME, y + 12}, SVG_START,
			 "nothing registered", 0);
	array_for_each(stage, &path->hooks[lane][hook]) {
		int height = stage_height(hook, stage);

		put_stage(out, hook, stage,
			  (struct rect){at.x + INSET, y, COLUMN - 2 * INSET, height});
		y += height + STAGE_GAP;
	}
}

static void put_pill(struct buf *out, int x, int y, const char *text)
{
	int width = 176;

	svg_box(out, "pill", (struct rect){x + (COLUMN - width) / 2, y, width, PILL}, PILL / 2);
	svg_text(out, "end", (struct point){x + COLUMN / 2, y + 18}, SVG_MIDDLE, text, 0);
}

static void put_decision(struct buf *out, int x, int y, const char *text)
{
	svg_decision(out, "decision",
		     (struct rect){x + (COLUMN - DECISION_WIDTH) / 2, y, DECISION_WIDTH, DECISION});
	svg_text(out, "name", (struct point){x + COLUMN / 2, y + 21}, SVG_MIDDLE, text, 0);
}

static void put_step(struct buf *out, int x, int from, int to)
{
	const struct point points[] = {{x + COLUMN / 2, from}, {x + COLUMN / 2, to}};

	svg_arrow(out, points, 2);
}

static void put_label(struct buf *out, int x, int y, enum svg_anchor anchor, const char *text)
{
	svg_text(out, "label", (struct point){x, y}, anchor, text, 0);
}

/* --- where everything stands
 * --------------------------------------------------------------------------- */

struct plan_of_page {
	int network_in, ingress, prerouting, decision, input, process_in;
	int forward, forward_end;
	int process_out, route, output, postrouting, egress, network_out;
	int others; /* bridge and ARP */
	int height;
};

static int lane_height(const struct path *path, enum path_lane lane)
{
	int column = 0, row = 0, height = 0;

	for (enum path_hook hook = 0; hook < PATH_HOOKS; hook++) {
		int card;

		if (!path->hooks[lane][hook].n)
			continue;
		card = card_height(path, lane, hook);
		row = card > row ? card : row;
		if (++column == 3) {
			height += row + STEP / 2;
			column = row = 0;
		}
	}
	return height + row + (height + row ? CARD_HEAD + STEP : 0);
}

static struct plan_of_page plan_page(const struct path *path)
{
	struct plan_of_page page = {.network_in = TOP};
	int end, join, output_height = card_height(path, LANE_IP, PATH_OUTPUT);

	page.ingress = page.network_in + PILL + STEP;
	page.prerouting = page.ingress + card_height(path, LANE_IP, PATH_INGRESS) + STEP;
	page.decision = page.prerouting + card_height(path, LANE_IP, PATH_PREROUTING) + STEP;
	page.input = page.decision + DECISION + STEP;
	page.process_in = page.input + card_height(path, LANE_IP, PATH_INPUT) + STEP;
	page.forward = page.decision + DECISION / 2 + STEP;
	page.forward_end = page.forward + card_height(path, LANE_IP, PATH_FORWARD);
	/* What was forwarded joins at the card's head; what leaves begins as late as it can. */
	join = TOP + PILL + 2 * STEP + DECISION + output_height + REROUTE_STEP;
	page.postrouting = page.forward_end > join ? page.forward_end : join;
	page.process_out = TOP + page.postrouting - join;
	page.route = page.process_out + PILL + STEP;
	page.output = page.route + DECISION + STEP;
	page.egress = page.postrouting + card_height(path, LANE_IP, PATH_POSTROUTING) + STEP;
	page.network_out = page.egress + card_height(path, LANE_IP, PATH_EGRESS) + STEP;
	end = page.network_out > page.process_in ? page.network_out : page.process_in;
	page.others = end + PILL + MARGIN;
	page.height = page.others + lane_height(path, LANE_BRIDGE) + lane_height(path, LANE_ARP);
	return page;
}

static void put_arriving(struct buf *out, const struct path *path, const struct plan_of_page *page)
{
	put_pill(out, LEFT, page->network_in, "from the network");
	put_step(out, LEFT, page->network_in + PILL, page->ingress);
	put_card(out, path, LANE_IP, PATH_INGRESS, (struct point){LEFT, page->ingress});
	put_step(out, LEFT, page->prerouting - STEP, page->prerouting);
	put_card(out, path, LANE_IP, PATH_PREROUTING, (struct point){LEFT, page->prerouting});
	put_step(out, LEFT, page->decision - STEP, page->decision);
	put_decision(out, LEFT, page->decision, "routing");
	put_step(out, LEFT, page->input - STEP, page->input);
	put_label(out, LEFT + COLUMN / 2 + 10, page->input - 9, SVG_START, "to this host");
	put_card(out, path, LANE_IP, PATH_INPUT, (struct point){LEFT, page->input});
	put_step(out, LEFT, page->process_in - STEP, page->process_in);
	put_pill(out, LEFT, page->process_in, "a process here");
}

static void put_leaving(struct buf *out, const struct path *path, const struct plan_of_page *page)
{
	int output_end = page->output + card_height(path, LANE_IP, PATH_OUTPUT);

	put_pill(out, RIGHT, page->process_out, "a process here");
	put_step(out, RIGHT, page->process_out + PILL, page->route);
	put_label(out, RIGHT + COLUMN / 2 + 10, page->route - 9, SVG_START, "from this host");
	put_decision(out, RIGHT, page->route, "routing");
	put_step(out, RIGHT, page->output - STEP, page->output);
	put_card(out, path, LANE_IP, PATH_OUTPUT, (struct point){RIGHT, page->output});
	put_step(out, RIGHT, output_end, page->postrouting);
	put_label(out, RIGHT + COLUMN / 2 + 10, output_end + 19, SVG_START, "routed again if its");
	put_label(out, RIGHT + COLUMN / 2 + 10, output_end + 32, SVG_START,
		  "mark or address changed");
	put_card(out, path, LANE_IP, PATH_POSTROUTING, (struct point){RIGHT, page->postrouting});
	put_step(out, RIGHT, page->egress - STEP, page->egress);
	put_card(out, path, LANE_IP, PATH_EGRESS, (struct point){RIGHT, page->egress});
	put_step(out, RIGHT, page->network_out - STEP, page->network_out);
	put_pill(out, RIGHT, page->network_out, "to the network");
}

static void put_through(struct buf *out, const struct path *path, const struct plan_of_page *page)
{
	int turn = page->decision + DECISION / 2, join = page->postrouting + CARD_HEAD / 2;
	const struct point in[] = {{LEFT + (COLUMN + DECISION_WIDTH) / 2, turn},
				   {MIDDLE + COLUMN / 2, turn},
				   {MIDDLE + COLUMN / 2, page->forward}};
	const struct point on[] = {{MIDDLE + COLUMN / 2, page->forward_end},
				   {MIDDLE + COLUMN / 2, join},
				   {RIGHT, join}};

	svg_arrow(out, in, 3);
	put_label(out, MIDDLE + 24, turn - 7, SVG_START, "through it");
	put_card(out, path, LANE_IP, PATH_FORWARD, (struct point){MIDDLE, page->forward});
	svg_arrow(out, on, 3);
}

/* --- the rest of the page
 * ------------------------------------------------------------------------------ */

static void put_legend(struct buf *out)
{
	static const struct {
		const char *class, *text;
	} rows[] = {
		{"kernel", "the kernel's own: defragmentation, tracking, NAT, tc"},
		{"off", "its place, while it is off"},
		{"chain", "a base chain of nf_tables"},
		{"legacy", "a table of iptables-legacy"},
		{"untrack", "packets become untracked here"},
		{"vain", "notrack in vain: too late"},
	};
	int y = TOP + 4;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		svg_box(out, rows[i].class, (struct rect){MIDDLE + 8, y, 26, 14}, 3);
		svg_text(out, "note", (struct point){MIDDLE + 42, y + 11}, SVG_START, rows[i].text,
			 0);
		y += 21;
	}
	svg_text(out, "note", (struct point){MIDDLE + 8, y + 14}, SVG_START,
		 "Numbers are priorities: the lowest comes first.", 0);
}

static const char *on_off(enum stage_activity activity)
{
	return activity == STAGE_ON ? "on" : activity == STAGE_OFF ? "off" : "perhaps on";
}

static void put_title(struct buf *out, const struct path *path)
{
	autobuf line = {0};

	svg_text(out, "h1", (struct point){MARGIN, 44}, SVG_START,
		 "The path of a packet through this host", 0);
	buf_printf(&line, "Connection tracking: IPv4 %s, IPv6 %s. %s", on_off(path->tracking[0]),
		   on_off(path->tracking[1]),
		   path->from_kernel ? "As the kernel has them registered."
				     : "Inferred from rules: this kernel does not tell its hooks.");
	svg_text(out, "note", (struct point){MARGIN, 64}, SVG_START, buf_text(&line), 0);
	out->failed |= line.failed;
}

static int put_lane(struct buf *out, const struct path *path, enum path_lane lane,
		    const char *title, int y)
{
	int column = 0, row = 0, at = y + CARD_HEAD;

	if (!lane_height(path, lane))
		return y;
	svg_text(out, "h2", (struct point){MARGIN, y + 16}, SVG_START, title, 0);
	for (enum path_hook hook = 0; hook < PATH_HOOKS; hook++) {
		int height;

		if (!path->hooks[lane][hook].n)
			continue;
		height = card_height(path, lane, hook);
		put_card(out, path, lane, hook, (struct point){LEFT + column * (COLUMN + GAP), at});
		row = height > row ? height : row;
		if (++column == 3) {
			at += row + STEP / 2;
			column = row = 0;
		}
	}
	return y + lane_height(path, lane);
}

char *view_path_svg(const struct path *path)
{
	struct plan_of_page page = plan_page(path);
	struct buf out = {0};
	int y;

	svg_begin(&out, WIDTH, page.height, "The path of a packet through this host");
	put_title(&out, path);
	put_legend(&out);
	put_arriving(&out, path, &page);
	put_leaving(&out, path, &page);
	put_through(&out, path, &page);
	y = put_lane(&out, path, LANE_BRIDGE, "bridged packets", page.others);
	put_lane(&out, path, LANE_ARP, "ARP", y);
	svg_end(&out);
	return buf_steal_text(&out);
}
