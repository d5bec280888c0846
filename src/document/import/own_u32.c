/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -m u32: words of the packet, masked, shifted and compared (libxt_u32.c, xt_u32.c). What stays at
 * fixed places in the network header and beyond is a payload match; `@`, which jumps by a value in
 * the packet, is not.
 */
#include "base/cleanup.h"
#include "document/import/own.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct u32_range {
	uint64_t from, to;
};

struct test {
	uint64_t offset;
	uint32_t mask; /* of the word as it stands in the packet */
	int shift;     /* to the right; negative: to the left */
	ARRAY(struct u32_range) ranges;
};

static const char *skip(const char *at)
{
	return at + strspn(at, " \t");
}

static bool number(const char **at, uint64_t *ret_value)
{
	char *end;

	*at = skip(*at);
	if (!strchr("0123456789", **at) || !**at)
		return false;
	*ret_value = strtoull(*at, &end, 0);
	*at = skip(end);
	return *ret_value <= UINT32_MAX;
}

/* The part in front of `=`: an offset, then masks and shifts. The mask is kept as one of the word
 * in the packet, so that shifts only move what is compared. */
static bool read_location(const char **at, struct test *test)
{
	uint64_t value;

	if (!number(at, &test->offset))
		return false;
	test->mask = UINT32_MAX;
	test->shift = 0;
	while (**at && **at != '=') {
		bool right = !strncmp(*at, ">>", 2), left = !strncmp(*at, "<<", 2);

		if (!right && !left && **at != '&')
			return false;
		*at += right || left ? 2 : 1;
		if (!number(at, &value) || ((right || left) && value > 31))
			return false;
		if (right) {
			if (test->shift < 0)
				return false;
			test->shift += (int)value;
			if (test->shift > 31)
				return false;
			test->mask &= UINT32_MAX << test->shift;
		} else if (left) {
			if (test->shift > 0)
				return false;
			test->shift -= (int)value;
			if (test->shift < -31)
				return false;
			test->mask &= UINT32_MAX >> -test->shift;
		} else if (test->shift >= 0) {
			test->mask &= (uint32_t)(value << test->shift);
		} else {
			test->mask &= (uint32_t)(value >> -test->shift);
		}
	}
	return **at == '=';
}

static bool read_ranges(const char **at, struct test *test)
{
	do {
		struct u32_range range;

		(*at)++;
		if (!number(at, &range.from))
			return false;
		range.to = range.from;
		if (**at == ':') {
			(*at)++;
			if (!number(at, &range.to) || range.to < range.from)
				return false;
		}
		if (!array_push(&test->ranges, range))
			return false;
	} while (**at == ',');
	return true;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct u32_range *a = left, *b = right;

	return a->from < b->from ? -1 : a->from > b->from;
}

/* Ranges of the shifted value as ranges of the masked word; merged, as nft wants them apart. */
static void shift_ranges(struct test *test)
{
	size_t n = 0;

	for (size_t i = 0; i < test->ranges.n; i++) {
		struct u32_range r = test->ranges.v[i];

		if (test->shift > 0) {
			r.from <<= test->shift;
			r.to = (r.to << test->shift) | ((1u << test->shift) - 1);
		} else if (test->shift < 0) {
			uint64_t step = 1ull << -test->shift;

			r.from = (r.from + step - 1) / step;
			r.to /= step;
		}
		if (r.to > UINT32_MAX)
			r.to = UINT32_MAX;
		if (r.from <= r.to)
			test->ranges.v[n++] = r;
	}
	test->ranges.n = n;
	qsort(test->ranges.v, n, sizeof(struct u32_range), compare_ranges);
	n = 0;
	for (size_t i = 1; i < test->ranges.n; i++) {
		struct u32_range *last = &test->ranges.v[n], next = test->ranges.v[i];

		if (next.from > last->to + 1)
			test->ranges.v[++n] = next;
		else if (next.to > last->to)
			last->to = next.to;
	}
	if (test->ranges.n)
		test->ranges.n = n + 1;
}

/* Whole bytes at the ends that the mask does not look at are left out, so that the match is on the
 * field that was meant. */
static void put_test(struct buf *b, const struct test *test, bool negated)
{
	unsigned before = 0, behind = 0, bits;
	uint32_t mask, full;

	while (before < 24 && !(test->mask & (0xff000000u >> before)))
		before += 8;
	while (behind + before < 24 && !(test->mask & (0xffu << behind)))
		behind += 8;
	bits = 32 - before - behind;
	mask = test->mask >> behind;
	full = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
	buf_printf(b, "@nh,%" PRIu64 ",%u ", test->offset * 8 + before, bits);
	if (mask != full)
		buf_printf(b, "& 0x%x ", mask);
	buf_puts(b, not_word(negated));
	if (test->ranges.n > 1)
		buf_puts(b, "{ ");
	for (size_t i = 0; i < test->ranges.n; i++) {
		uint64_t from = (test->ranges.v[i].from + (1u << behind) - 1) >> behind;
		uint64_t to = test->ranges.v[i].to >> behind;

		buf_printf(b, "%s0x%" PRIx64, i ? ", " : "", from);
		/* A single value is a range too: see own_tos(). */
		if (from != to || test->ranges.n == 1)
			buf_printf(b, "-0x%" PRIx64, to > full ? full : to);
	}
	buf_puts(b, test->ranges.n > 1 ? " } " : " ");
}

/* Does a masked word with only whole bytes left out still reach the range? */
static bool reachable(const struct test *test)
{
	unsigned behind = 0;

	while (behind < 24 && test->mask && !(test->mask & (0xffu << behind)))
		behind += 8;
	for (size_t i = 0; i < test->ranges.n; i++) {
		uint64_t from = (test->ranges.v[i].from + (1u << behind) - 1) >> behind;

		if (from > test->ranges.v[i].to >> behind || from > test->mask >> behind)
			return false;
	}
	return test->ranges.n && test->mask;
}

enum own_answer own_u32(struct own *own, const struct spec *spec, const struct piece *piece)
{
	unsigned header = spec->family == INET_V6 ? 40 : 20;
	const struct use *use = use_find(piece, "u32");
	const char *at = use ? skip(use->value[0]) : "";
	enum own_answer answer = OWN_TEXT;
	bool first = true;

	if (!use)
		return own_refuse(own, NULL, "expected tests");
	for (bool more = true; more && answer == OWN_TEXT; first = false) {
		struct test test = {0};

		if (!read_location(&at, &test) || !read_ranges(&at, &test)) {
			answer = own_refuse(own, use,
					    strchr(use->value[0], '@')
						    ? "nf_tables cannot follow '@'"
						    : "nf_tables cannot say it");
		} else {
			more = !strncmp(at, "&&", 2);
			if (more)
				at += 2;
			shift_ranges(&test);
			if (!reachable(&test))
				answer = own_refuse(own, use, "it matches no packet, or every one");
			else if (use->negated && (more || !first))
				answer = own_refuse(own, use,
						    "nf_tables cannot negate several tests "
						    "in one rule");
			else if (test.offset > 27)
				answer = own_refuse(own, use,
						    "nft reads the first 31 bytes of a "
						    "packet only");
			else if (use->negated && test.offset + 4 > header)
				answer = own_refuse(own, use,
						    "negated it also matches packets that are "
						    "too short, which nf_tables cannot say");
			else
				put_test(&own->text, &test, use->negated);
		}
		array_free(&test.ranges);
	}
	if (answer == OWN_TEXT && *at)
		return own_refuse(own, use, "not understood from '%s' on", at);
	return answer;
}
