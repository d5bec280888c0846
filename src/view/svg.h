/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing SVG: shapes and texts by class, whose looks are told in one style sheet (light and dark).
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

struct point {
	int x, y;
};

struct rect {
	int x, y, width, height;
};

void svg_begin(struct buf *out, int width, int height, const char *title);
void svg_end(struct buf *out);

/* A rectangle with round corners. */
void svg_box(struct buf *out, const char *class, struct rect rect, int radius);
/* A flat hexagon with points at left and right: a decision. */
void svg_decision(struct buf *out, const char *class, struct rect rect);
/* Straight lines through the points, with a head at the end. */
void svg_arrow(struct buf *out, const struct point *points, unsigned count);

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
/* Cut to `max` characters with "…"; the whole text is then in a tooltip. 0: not cut. */
void svg_text(struct buf *out, const char *class, struct point at, enum svg_anchor anchor,
	      const char *text, unsigned max);
