/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/svg.h"

#include "base/text.h"

#include <string.h>

#define RULES_COMMON                                                                               \
	"text{font-family:'Source Sans 3','Helvetica Neue',Helvetica,Arial,'DejaVu Sans',"         \
	"sans-serif;font-size:12px}"                                                               \
	".h1{font-size:19px;font-weight:600}.h2{font-size:12.5px;font-weight:700;"                 \
	"letter-spacing:.04em}.note,.num,.label,.yes,.bad{font-size:10.5px}"                       \
	".num{font-variant-numeric:tabular-nums}.label{font-style:italic}"                         \
	".yes,.bad{font-weight:600}.end{font-weight:600}.path{fill:none;stroke-width:1.6}"         \
	".card,.chain,.kernel,.legacy,.decision,.off{stroke-width:1}"                              \
	".off{fill:none;stroke-dasharray:3 3}"

/* What each class is coloured with: paper, ink, quiet ink, lines, and the fills. */
#define RULES_COLORS(paper, ink, quiet, line, card, edge, kernel, chain, legacy, decision, good,   \
		     bar, good_ink, wrong, wrong_ink, end, end_ink)                                \
	".paper{fill:" paper "}text{fill:" ink "}.note,.num,.label,.pale{fill:" quiet "}"          \
	".path{stroke:" line "}.head{fill:" line "}.card{fill:" card ";stroke:" edge "}"           \
	".kernel{fill:" kernel ";stroke:" kernel "}.chain{fill:" chain ";stroke:" edge "}"         \
	".legacy{fill:" legacy ";stroke:" legacy "}.off{stroke:" edge "}"                          \
	".decision{fill:" decision ";stroke:" line "}.untrack{fill:" good "}.bar{fill:" bar "}"    \
	".yes{fill:" good_ink "}.vain{fill:" wrong "}.bad,.badbar{fill:" wrong_ink "}"             \
	".pill{fill:" end "}.end{fill:" end_ink "}"

static const char style[] = "<style>" RULES_COMMON RULES_COLORS(
	"#ffffff", "#1b2530", "#5d6a78", "#5d6a78", "#f5f7fa", "#cdd5de", "#e4eaf1", "#ffffff",
	"#f4ead2", "#fffaf0", "#d9f2e3", "#1f9256", "#11643a", "#fce2de", "#a52c1a", "#2b3a4a",
	"#ffffff") "@media (prefers-color-scheme:dark){" RULES_COLORS("#12171c", "#e4eaf0",
								      "#96a3b1", "#7f8d9b",
								      "#181e25", "#36414c",
								      "#2a3744", "#1f262e",
								      "#3a311d", "#26241d",
								      "#143626", "#3dbb78",
								      "#7fdcaa", "#45201b",
								      "#f29c8c", "#d7dfe7",
								      "#12171c") "}</style>\n";

/* XML text. What is no character of XML 1.0 was made visible before. */
static void put_escaped(struct buf *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		switch (text[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		default:
			buf_putc(out, text[i]);
		}
	}
}

void svg_begin(struct buf *out, int width, int height, const char *title)
{
	buf_printf(out,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		   "height=\"%d\" role=\"img\">\n<title>",
		   width, height, width, height);
	put_escaped(out, title, strlen(title));
	buf_puts(out, "</title>\n");
	buf_puts(out, style);
	svg_box(out, "paper", (struct rect){0, 0, width, height}, 6);
}

void svg_end(struct buf *out)
{
	buf_puts(out, "</svg>\n");
}

void svg_box(struct buf *out, const char *class, struct rect rect, int radius)
{
	buf_printf(out,
		   "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n",
		   class, rect.x, rect.y, rect.width, rect.height, radius);
}

void svg_decision(struct buf *out, const char *class, struct rect rect)
{
	int half = rect.height / 2;

	buf_printf(out, "<path class=\"%s\" d=\"M%d %dl%d %dh%dl%d %dl%d %dh%dz\"/>\n", class,
		   rect.x, rect.y + half, half, -half, rect.width - 2 * half, half, half, -half,
		   rect.height - half, -(rect.width - 2 * half));
}

#define HEAD 7 /* length of an arrow's head; it is as wide */

void svg_arrow(struct buf *out, const struct point *points, unsigned count)
{
	struct point end = points[count - 1], before = points[count - 2];
	int dx = (end.x > before.x) - (end.x < before.x),
	    dy = (end.y > before.y) - (end.y < before.y);

	buf_puts(out, "<path class=\"path\" d=\"");
	for (unsigned i = 0; i < count; i++) {
		struct point at = points[i];

		if (i + 1 == count)
			at = (struct point){end.x - dx * HEAD, end.y - dy * HEAD};
		buf_printf(out, "%c%d %d", i ? 'L' : 'M', at.x, at.y);
	}
	buf_printf(out, "\"/>\n<path class=\"head\" d=\"M%d %dl%d %dl%d %dz\"/>\n", end.x, end.y,
		   -dx * HEAD - dy * HEAD / 2, -dy * HEAD - dx * HEAD / 2, dy * HEAD / 2 * 2,
		   dx * HEAD / 2 * 2);
}

/* How many bytes the first `max` characters are. */
static size_t prefix(const char *text, unsigned max)
{
	size_t at = 0, length = strlen(text);

	for (unsigned i = 0; at < length && i < max; i++) {
		size_t step = text_utf8_length(text + at, length - at);

		at += step ? step : 1;
	}
	return at;
}

void svg_text(struct buf *out, const char *class, struct point at, enum svg_anchor anchor,
	      const char *text, unsigned max)
{
	static const char *const anchors[] = {"", " text-anchor=\"middle\"",
					      " text-anchor=\"end\""};
	size_t length = strlen(text), kept = max ? prefix(text, max) : length;

	buf_printf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\"%s>", class, at.x, at.y,
		   anchors[anchor]);
	if (kept < length) {
		buf_puts(out, "<title>");
		put_escaped(out, text, length);
		buf_puts(out, "</title>");
		put_escaped(out, text, prefix(text, max - 1));
		buf_puts(out, "…");
	} else {
		put_escaped(out, text, length);
	}
	buf_puts(out, "</text>\n");
}
