/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain values of a rule, and what stands in their place in its shape. A value is plain where only
 * itself changes with it in what nft and JSON say: so a port is plain, and port 0 or a list of
 * ports that touch each other is not.
 */
#include "document/import/slots.h"

#include "base/cleanup.h"
#include "document/import/own.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SENTINEL_MARK 0x5aa51177u
#define MULTI_FIRST 64911u

/* ---- numbers ---- */

/* A port or a range as libxtables reads plain decimal numbers. False: something else. */
static bool plain_ports(const char *text, unsigned *ret_from, unsigned *ret_to, bool *ret_range)
{
	const char *colon = strchr(text, ':');
	int end = 0;

	if (!isdigit((unsigned char)*text) || (*text == '0' && text[1]))
		return false;
	*ret_range = colon;
	if (colon && (!isdigit((unsigned char)colon[1]) || (colon[1] == '0' && colon[2])))
		return false;
	if (colon ? sscanf(text, "%5u:%5u%n", ret_from, ret_to, &end) != 2
		  : sscanf(text, "%5u%n", ret_from, &end) != 1)
		return false;
	if (text[end] || !*ret_from || *ret_from > 65535)
		return false;
	return !colon || (*ret_to <= 65535 && *ret_from < *ret_to);
}

static bool is_name(const struct option_def *option, const char *name, const char *other)
{
	return !strcmp(option->name, name) || !strcmp(option->name, other);
}

static bool is_match(const struct piece *piece, const char *name)
{
	return !strcmp(piece->extension->name, name);
}

static bool has_ports(const struct piece *piece)
{
	return is_match(piece, "tcp") || is_match(piece, "udp") || is_match(piece, "sctp") ||
	       is_match(piece, "dccp");
}

/* The ports in order, where each is alone: neither a range nor next to another. 0: they are not. */
static unsigned plain_list(const char *text, unsigned ports[MULTI_MAX])
{
	unsigned count = 0;
	int end = 0;

	for (const char *at = text; count < MULTI_MAX; at += end + 1) {
		unsigned port, i;

		if (!isdigit((unsigned char)*at) || *at == '0' ||
		    sscanf(at, "%5u%n", &port, &end) != 1 || port > 65535 ||
		    (at[end] && at[end] != ','))
			return 0;
		for (i = count++; i && ports[i - 1] > port; i--)
			ports[i] = ports[i - 1];
		ports[i] = port;
		if (!at[end])
			break;
		if (count == MULTI_MAX)
			return 0;
	}
	for (unsigned i = 1; i < count; i++)
		if (ports[i] <= ports[i - 1] + 1)
			return 0;
	return count;
}

static bool plain_mark(const char *text, uint64_t *ret_mark)
{
	return !strchr(text, '/') && read_number(text, UINT32_MAX, ret_mark) && *ret_mark;
}

static bool plain_mac(const char *text)
{
	for (unsigned i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	return !text[17];
}

/* "a-b", with a before b. */
static bool plain_range(const char *text, enum inet_family family, struct inet_range *ret_range)
{
	const char *dash = strchr(text, '-');
	autofree char *first = dash ? strndup(text, (size_t)(dash - text)) : NULL;
	struct inet_range a, b;

	if (!first || inet_parse(first, &a) != INET_OK || inet_parse(dash + 1, &b) != INET_OK ||
	    a.family != family || b.family != family || strchr(text, '/') ||
	    inet_compare(&a.first, &b.first, family) >= 0)
		return false;
	a.last = b.first;
	*ret_range = a;
	return true;
}

static bool plain_address(const struct address *address)
{
	int length;

	if (!address->given || address->masked)
		return false;
	length = inet_prefix_length(&address->range);
	return length >= (address->range.family == INET_V6 ? 16 : 8);
}

static bool plain_interface(const char *name)
{
	if (!name || !isalpha((unsigned char)*name))
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
	return true;
}

/* ---- which use of an option holds a slot ---- */

/* The slot that the option's value begins; SLOTS: none. */
static enum slot first_slot(const struct spec *spec, const struct piece *piece,
			    const struct use *use)
{
	unsigned from, to, list[MULTI_MAX];
	struct inet_range range;
	uint64_t mark;
	bool is_range;

	if (has_ports(piece) && use->option->args == 1 &&
	    plain_ports(use->value[0], &from, &to, &is_range)) {
		/* negated and alone it may have to be written twice (merge.c) */
		if (is_name(use->option, "sport", "source-port"))
			return use->negated && !is_range ? SLOTS : SLOT_SPORT;
		if (is_name(use->option, "dport", "destination-port"))
			return SLOT_DPORT;
	}
	if (is_match(piece, "multiport") && !is_name(use->option, "ports", "ports") &&
	    (!use->negated || strchr(use->value[0], ',')) && plain_list(use->value[0], list))
		return SLOT_MULTI;
	if (is_match(piece, "mark") && plain_mark(use->value[0], &mark))
		return SLOT_MARK;
	if (is_match(piece, "mac") && plain_mac(use->value[0]))
		return SLOT_MAC;
	if (is_match(piece, "iprange") && plain_range(use->value[0], spec->family, &range))
		return is_name(use->option, "src-range", "src-range") ? SLOT_SOURCE_FROM
								      : SLOT_DESTINATION_FROM;
	return SLOTS;
}

/* The first use that holds the slot; later ones are not plain. */
static const struct use *slot_use(const struct spec *spec, enum slot slot)
{
	array_for_each(piece, &spec->matches)
		array_for_each(use, &piece->uses)
			if (use->value[0] && first_slot(spec, piece, use) == slot)
				return use;
	return NULL;
}

static enum slot begin_of(enum slot slot)
{
	if (slot >= SLOT_MULTI)
		return SLOT_MULTI;
	if (slot == SLOT_SPORT_TO || slot == SLOT_DPORT_TO || slot == SLOT_SOURCE_TO ||
	    slot == SLOT_DESTINATION_TO)
		return (enum slot)(slot - 1);
	return slot;
}

/* ---- values ---- */
static void put_one(const struct inet_address *address, enum inet_family family, struct buf *b)
{
	struct inet_range one = {family, *address, *address};
	char text[INET_TEXT_MAX];

	buf_puts(b, inet_format(&one, text));
}

static bool use_value(const struct spec *spec, const struct use *use, enum slot slot,
		      bool hexadecimal, struct buf *b)
{
	unsigned from = 0, to = 0, list[MULTI_MAX], count;
	enum slot begin = begin_of(slot);
	struct inet_range range;
	bool is_range = false;
	uint64_t mark;

	if (begin == SLOT_MULTI) {
		count = plain_list(use->value[0], list);
		if (slot - SLOT_MULTI >= count)
			return false;
		buf_printf(b, "%u", list[slot - SLOT_MULTI]);
	} else if (begin == SLOT_MARK) {
		plain_mark(use->value[0], &mark);
		buf_printf(b, hexadecimal ? "0x%" PRIx64 : "%" PRIu64, mark);
	} else if (begin == SLOT_MAC) {
		for (const char *c = use->value[0]; *c; c++)
			buf_putc(b, (char)tolower((unsigned char)*c));
	} else if (begin == SLOT_SOURCE_FROM || begin == SLOT_DESTINATION_FROM) {
		plain_range(use->value[0], spec->family, &range);
		put_one(slot == begin ? &range.first : &range.last, range.family, b);
	} else {
		plain_ports(use->value[0], &from, &to, &is_range);
		if (slot != begin && !is_range)
			return false;
		buf_printf(b, "%u", slot == begin ? from : to);
	}
	return true;
}

bool slot_value(const struct spec *spec, enum slot slot, bool hexadecimal, struct buf *b)
{
	const struct address *address = slot == SLOT_SOURCE ? &spec->source : &spec->destination;
	const char *name = slot == SLOT_IN ? spec->in : spec->out;
	const struct use *use;

	if (slot == SLOT_SOURCE || slot == SLOT_DESTINATION) {
		if (plain_address(address))
			put_one(&address->range.first, address->range.family, b);
		return plain_address(address);
	}
	if (slot == SLOT_IN || slot == SLOT_OUT) {
		if (plain_interface(name))
			buf_puts(b, name);
		return plain_interface(name);
	}
	use = slot_use(spec, begin_of(slot));
	return use && use_value(spec, use, slot, hexadecimal, b);
}

/* ---- what stands in their place ---- */

/* Different for each side under any mask that is plain. */
static struct inet_range sentinel_range(const struct inet_range *range, bool source)
{
	const char *text = range->family == INET_V6
				   ? (source ? "3ff1:1111:2222:3333:4444:5555:6666:7771"
					     : "3ff2:1111:2222:3333:4444:5555:6666:7772")
				   : (source ? "11.22.33.41" : "55.66.77.82");
	char prefix[INET_TEXT_MAX];
	struct inet_range out = *range;

	snprintf(prefix, sizeof(prefix), "%s/%d", text, inet_prefix_length(range));
	inet_parse(prefix, &out);
	return out;
}

bool sentinel_address(const struct address *address, bool source, char out[INET_TEXT_MAX])
{
	struct inet_range range;

	if (!plain_address(address))
		return false;
	range = sentinel_range(&address->range, source);
	inet_format(&range, out);
	return true;
}

const char *sentinel_interface(const char *name, bool in)
{
	return plain_interface(name) ? (in ? "untrackin0" : "untrackout0") : name;
}

static void put_sentinel_list(const struct use *use, struct buf *b)
{
	unsigned list[MULTI_MAX], count = plain_list(use->value[0], list);

	for (unsigned i = 0; i < count; i++)
		buf_printf(b, "%s%u", i ? "," : "", MULTI_FIRST + 2 * i);
}

bool sentinel_value(const struct spec *spec, const struct piece *piece, const struct use *use,
		    struct buf *b)
{
	enum slot slot = use->value[0] ? first_slot(spec, piece, use) : SLOTS;
	bool six = spec->family == INET_V6;

	if (slot == SLOTS || slot_use(spec, slot) != use)
		return false;
	if (slot == SLOT_SPORT)
		buf_puts(b, strchr(use->value[0], ':') ? "64901:64902" : "64901");
	else if (slot == SLOT_DPORT)
		buf_puts(b, strchr(use->value[0], ':') ? "64903:64904" : "64903");
	else if (slot == SLOT_MARK)
		buf_printf(b, "0x%x", SENTINEL_MARK);
	else if (slot == SLOT_MAC)
		buf_puts(b, "02:5a:a5:11:77:01");
	else if (slot == SLOT_SOURCE_FROM)
		buf_puts(b, six ? "3ff1:aaaa::1-3ff1:bbbb::2" : "11.99.33.43-11.99.44.44");
	else if (slot == SLOT_DESTINATION_FROM)
		buf_puts(b, six ? "3ff2:aaaa::3-3ff2:bbbb::4" : "55.99.77.83-55.99.88.84");
	else
		put_sentinel_list(use, b);
	return true;
}
