/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft 1.0.6 makes one comparison of two neighbouring fields. For two that must both differ that is
 * another thing: `udp sport != 53 udp dport != 53` would match a packet from port 53 to port 9.
 * Ranges it leaves alone, so the first of such neighbours is written as one.
 */
#include "document/import/translate.h"

#include "base/cleanup.h"

#include <string.h>

static const struct {
	const char *field, *neighbour;
} neighbours[] = {
	{" sport != ", " dport != "},
	{" ip ttl != ", " ip protocol != "},
};

/* "field != value " becomes "field != value-value ". */
static bool make_range(struct buf *text, const char *field)
{
	const char *at = strstr(buf_text(text), field);
	size_t length, offset;
	autobuf out = {0};

	for (; at; at = strstr(buf_text(text) + offset, field)) {
		at += strlen(field);
		length = strcspn(at, " ");
		offset = (size_t)(at - buf_text(text)) + length;
		if (*at == '{' || memchr(at, '-', length) || memchr(at, '/', length))
			continue;
		buf_put(&out, text->data, offset);
		buf_printf(&out, "-%.*s", (int)length, at);
		buf_puts(&out, buf_text(text) + offset);
		if (out.failed)
			return false;
		buf_free(text);
		*text = out;
		out = (struct buf){0};
		offset += 1 + length;
	}
	return true;
}

bool keep_apart(struct buf *text)
{
	for (size_t i = 0; i < sizeof(neighbours) / sizeof(neighbours[0]); i++)
		if (strstr(buf_text(text), neighbours[i].field) &&
		    strstr(buf_text(text), neighbours[i].neighbour) &&
		    !make_range(text, neighbours[i].field))
			return false;
	return true;
}
