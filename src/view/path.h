/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet's path for people, for programs, and as a picture. Owned by the caller; NULL without
 * memory. */
#pragma once

#include "base/buf.h"
#include "model/path.h"

/* At most 100 columns. */
char *view_path_text(const struct path *path);
char *view_path_json(const struct path *path);
/* A drawing on its own paper, which turns dark where the viewer prefers that. */
char *view_path_svg(const struct path *path);

/* The three journeys of IP packets. */
struct journey {
	const char *name;
	const char *way; /* in words */
	enum path_hook hooks[5];
	unsigned count;
};
#define JOURNEYS 3
extern const struct journey journeys[JOURNEYS];

/* What a stage is called: "inet untrack prerouting", "connection tracking". Long names of tables and
 * chains are cut so that it has at most `room` columns; 0: not cut. */
#define TITLE_COLUMNS 33
void stage_title(struct buf *out, enum path_hook hook, const struct stage *stage, size_t room);
/* Why a stage of the kernel's is not on, what it does, or what a chain is. May be empty. */
void stage_note(struct buf *out, enum path_hook hook, const struct stage *stage);
/* "-300", "last", or "" for what has no priority. */
void stage_priority(struct buf *out, const struct stage *stage);
/* "chain", "tracking", … for JSON. */
const char *stage_kind_name(enum stage_kind kind);
/* "off", "unknown", "on" */
const char *stage_activity_name(enum stage_activity activity);
