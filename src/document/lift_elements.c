/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of a list in nft text. A million of them are read here: what is usual is tried first. */
#include "document/lift.h"

#include <string.h>

void lift_skip_blanks(struct cursor *c, bool lines)
{
	while (c->at < c->end) {
		if (*c->at == '#') {
			const char *end = memchr(c->at, '\n', (size_t)(c->end - c->at));

			c->at = end ? end : c->end;
		} else if (*c->at == '\\' && c->at + 1 < c->end && c->at[1] == '\n') {
			c->at += 2;
		} else if (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' ||
			   (*c->at == '\n' && !lines)) {
			c->at++;
		} else {
			return;
		}
	}
}

/* One blank, or none, is usual. */
static inline void skip_blanks(struct cursor *c)
{
	if (c->at < c->end && (*c->at == ' ' || *c->at == '\n'))
		c->at++;
	if (c->at < c->end && (*c->at <= ' ' || *c->at == '#' || *c->at == '\\'))
		lift_skip_blanks(c, false);
}

static bool read_interval(struct cursor *c, enum lift_type type, uint8_t *first, uint8_t *last)
{
	size_t length = type == LIFT_IPV6 ? 16 : type == LIFT_IPV4 ? 4 : 2;
	unsigned bits;

	memcpy(last, first, length);
	if (c->at < c->end && *c->at == '/') {
		c->at++;
		return lift_number(&c->at, c->end, 128, &bits) &&
		       lift_prefix(type, bits, first, last);
	}
	skip_blanks(c);
	if (c->at == c->end || *c->at != '-')
		return true;
	c->at++;
	skip_blanks(c);
	return lift_atom(&c->at, c->end, type, last) && memcmp(first, last, length) <= 0;
}

static bool read_fields(struct cursor *c, const struct lift_layout *layout, uint8_t *key)
{
	for (unsigned i = 0; i < layout->fields; i++) {
		if (i) {
			skip_blanks(c);
			if (c->at == c->end || *c->at++ != '.')
				return false;
			skip_blanks(c);
		}
		if (!lift_atom(&c->at, c->end, layout->type[i], key))
			return false;
		key += layout->type[i] == LIFT_IPV6 ? 16 : 4;
	}
	return true;
}

bool lift_read_text(const char *at, const char *end, const struct lift_layout *layout,
		    struct lift_keys *keys)
{
	struct cursor c = {.text = at, .at = at, .end = end};
	uint8_t first[LIFT_KEY_MAX] = {0}, last[LIFT_KEY_MAX]; /* what is between fields stays 0 */
	size_t width = lift_width(layout);

	buf_reserve(&keys->bytes,
		    (size_t)(end - at) / 2); /* mostly enough; what is not used costs nothing */
	for (;;) {
		skip_blanks(&c);
		if (c.at == c.end)
			return !keys->bytes.failed;
		if (!read_fields(&c, layout, first) ||
		    (layout->intervals && !read_interval(&c, layout->type[0], first, last)))
			return false;
		lift_push(keys, width, first, layout->intervals ? last : NULL);
		skip_blanks(&c);
		if (c.at < c.end && *c.at++ != ',')
			return false;
	}
}
