/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/shape.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SENTINEL_IN "untrackin0"
#define SENTINEL_OUT "untrackout0"

/* Ports that stand for ports; a range needs two. */
static const char *const port_sentinels[SLOTS] = {
	[SLOT_SPORT] = "64901",
	[SLOT_SPORT_TO] = "64902",
	[SLOT_DPORT] = "64903",
	[SLOT_DPORT_TO] = "64904",
};

void put_quoted(struct buf *b, const char *text)
{
	bool plain = *text != 0;

	for (const char *c = text; *c; c++)
		plain = plain && (isalnum((unsigned char)*c) || strchr("-_.,:/+=!@%&|<>", *c));
	if (plain) {
		buf_puts(b, text);
		return;
	}
	buf_putc(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *text);
	}
	buf_putc(b, '"');
}

/* ---- which values are plain ---- */

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

static bool is_source_port(const struct option_def *option)
{
	return !strcmp(option->name, "sport") || !strcmp(option->name, "source-port");
}

static bool is_port_option(const struct piece *piece, const struct option_def *option)
{
	static const char *const matches[] = {"tcp", "udp", "sctp", "dccp"};
	bool known = false;

	for (size_t i = 0; i < 4; i++)
		known |= piece->extension && !piece->extension->target &&
			 !strcmp(piece->extension->name, matches[i]);
	return known && (is_source_port(option) || !strcmp(option->name, "dport") ||
			 !strcmp(option->name, "destination-port"));
}

/* The first ports of that side are the slot; a second match on the same side is not plain. */
static const struct use *port_use(const struct spec *spec, bool source)
{
	const struct use *found = NULL;
	unsigned from, to;
	bool range;

	array_for_each (piece, &spec->matches)
		array_for_each (use, &piece->uses) {
			if (!is_port_option(piece, use->option) ||
			    is_source_port(use->option) != source)
				continue;
			if (found || !plain_ports(use->value[0], &from, &to, &range))
				return NULL;
			found = use;
		}
	return found;
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

static void put_first(const struct inet_range *range, struct buf *b)
{
	struct inet_range one = {range->family, range->first, range->first};
	char text[INET_TEXT_MAX];

	buf_puts(b, inet_format(&one, text));
}

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

bool slot_value(const struct spec *spec, enum slot slot, struct buf *b)
{
	const struct use *use;
	unsigned from, to;
	bool range;

	switch (slot) {
	case SLOT_SOURCE:
	case SLOT_DESTINATION: {
		const struct address *address =
			slot == SLOT_SOURCE ? &spec->source : &spec->destination;

		if (!plain_address(address))
			return false;
		put_first(&address->range, b);
		return true;
	}
	case SLOT_IN:
	case SLOT_OUT: {
		const char *name = slot == SLOT_IN ? spec->in : spec->out;

		if (!plain_interface(name))
			return false;
		buf_puts(b, name);
		return true;
	}
	case SLOT_SPORT:
	case SLOT_SPORT_TO:
	case SLOT_DPORT:
	case SLOT_DPORT_TO:
		use = port_use(spec, slot == SLOT_SPORT || slot == SLOT_SPORT_TO);
		if (!use || !plain_ports(use->value[0], &from, &to, &range))
			return false;
		if (slot == SLOT_SPORT || slot == SLOT_DPORT)
			buf_printf(b, "%u", from);
		else if (range)
			buf_printf(b, "%u", to);
		return range || slot == SLOT_SPORT || slot == SLOT_DPORT;
	case SLOTS:
		break;
	}
	return false;
}

/* ---- words ---- */
static void put_address(struct buf *b, const char *option, const struct address *address,
			bool shape, bool source)
{
	struct inet_range range;
	char text[INET_TEXT_MAX];

	if (!address->given)
		return;
	buf_printf(b, "%s %s ", address->negated ? " !" : "", option);
	if (!shape || !plain_address(address)) {
		put_quoted(b, address->text);
		return;
	}
	range = sentinel_range(&address->range, source);
	buf_puts(b, inet_format(&range, text));
}

static void put_use(struct buf *b, const struct spec *spec, const struct piece *piece,
		    const struct use *use, bool shape)
{
	bool source = is_source_port(use->option);
	unsigned from, to;
	bool range;

	buf_printf(b, "%s --%s", use->negated ? " !" : "", use->option->name);
	if (shape && is_port_option(piece, use->option) && port_use(spec, source) == use) {
		plain_ports(use->value[0], &from, &to, &range);
		buf_printf(b, " %s", port_sentinels[source ? SLOT_SPORT : SLOT_DPORT]);
		if (range)
			buf_printf(b, ":%s",
				   port_sentinels[source ? SLOT_SPORT_TO : SLOT_DPORT_TO]);
		return;
	}
	for (unsigned i = 0; i < use->option->args; i++) {
		buf_putc(b, ' ');
		put_quoted(b, use->value[i]);
	}
}

static bool is_named(const struct piece *piece, const char *name)
{
	return piece->extension && !strcmp(piece->extension->name, name);
}

static void put_header(const struct spec *spec, struct buf *b, bool shape)
{
	put_address(b, "-s", &spec->source, shape, true);
	put_address(b, "-d", &spec->destination, shape, false);
	if (spec->in) {
		buf_printf(b, "%s -i ", spec->in_negated ? " !" : "");
		put_quoted(b, shape && plain_interface(spec->in) ? SENTINEL_IN : spec->in);
	}
	if (spec->out) {
		buf_printf(b, "%s -o ", spec->out_negated ? " !" : "");
		put_quoted(b, shape && plain_interface(spec->out) ? SENTINEL_OUT : spec->out);
	}
	if (spec->protocol) {
		buf_printf(b, "%s -p ", spec->protocol_negated ? " !" : "");
		put_quoted(b, spec->protocol);
	}
	if (spec->fragment)
		buf_printf(b, "%s -f", spec->fragment_negated ? " !" : "");
}

void spec_put_words(const struct spec *spec, struct buf *b, enum words_how how)
{
	bool shape = how != WORDS_ALL;

	put_header(spec, b, shape);
	array_for_each (piece, &spec->matches) {
		if (is_named(piece, "comment") || (how == WORDS_JUDGE && is_named(piece, "set")))
			continue;
		buf_printf(b, " -m %s", piece->extension->name);
		array_for_each (use, &piece->uses)
			put_use(b, spec, piece, use, shape);
	}
	if (how == WORDS_ALL && spec->comment) {
		buf_puts(b, " -m comment --comment ");
		put_quoted(b, spec->comment);
	}
	if (!spec->jump || (how == WORDS_JUDGE && is_named(&spec->target, "SET")))
		return;
	buf_printf(b, " -%c ", spec->is_goto ? 'g' : 'j');
	put_quoted(b, spec->jump);
	array_for_each (use, &spec->target.uses)
		if (how != WORDS_JUDGE || !is_named(&spec->target, "CT") ||
		    strcmp(use->option->name, "timeout"))
			put_use(b, spec, &spec->target, use, false);
}

/* ---- the shape as a spec of its own ---- */
static bool set_text(char **place, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return false;
	free(*place);
	*place = copy;
	return true;
}

static bool set_ports(struct spec *spec, bool source)
{
	const struct use *use = port_use(spec, source);
	unsigned from, to;
	char text[16];
	bool range;

	if (!use || !plain_ports(use->value[0], &from, &to, &range))
		return true;
	snprintf(text, sizeof(text), "%s%s%s", port_sentinels[source ? SLOT_SPORT : SLOT_DPORT],
		 range ? ":" : "",
		 range ? port_sentinels[source ? SLOT_SPORT_TO : SLOT_DPORT_TO] : "");
	array_for_each (piece, &spec->matches)
		array_for_each (place, &piece->uses)
			if (place == use)
				return set_text(&place->value[0], text);
	return true;
}

static bool set_address(struct address *address, bool source)
{
	char text[INET_TEXT_MAX];

	if (!plain_address(address))
		return true;
	address->range = sentinel_range(&address->range, source);
	return set_text(&address->text, inet_format(&address->range, text));
}

struct spec *shape_spec(const struct spec *spec)
{
	autoclean(spec_free_p) struct spec *shape = spec_copy(spec);

	if (!shape || !set_address(&shape->source, true) ||
	    !set_address(&shape->destination, false) ||
	    (plain_interface(shape->in) && !set_text(&shape->in, SENTINEL_IN)) ||
	    (plain_interface(shape->out) && !set_text(&shape->out, SENTINEL_OUT)) ||
	    !set_ports(shape, true) || !set_ports(shape, false))
		return NULL;
	return steal_pointer(&shape);
}

/* ---- templates ---- */
static bool is_part(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == ':' || c == '_';
}

/* The one place where it stands alone; NULL: none, or several. */
static const char *find_alone(const char *text, const char *sentinel)
{
	const char *found = NULL;
	size_t length = strlen(sentinel);

	for (const char *at = strstr(text, sentinel); at; at = strstr(at + 1, sentinel)) {
		if ((at > text && is_part(at[-1])) || is_part(at[length]))
			continue;
		if (found)
			return NULL;
		found = at;
	}
	return found;
}

static int compare_holes(const void *left, const void *right)
{
	const struct hole *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

bool template_make(struct template *template, char *text, const struct spec *shape)
{
	template->text = text;
	for (int slot = 0; slot < SLOTS; slot++) {
		autobuf sentinel = {0};
		const char *at;

		if (!slot_value(shape, (enum slot)slot, &sentinel))
			continue;
		at = find_alone(text, buf_text(&sentinel));
		if (!at || sentinel.failed ||
		    !array_push(&template->holes,
				(struct hole){(size_t)(at - text), sentinel.len, (enum slot)slot}))
			return false;
	}
	if (template->holes.n)
		qsort(template->holes.v, template->holes.n, sizeof(struct hole), compare_holes);
	return true;
}

void template_put(const struct template *template, const struct spec *spec, struct buf *b)
{
	size_t at = 0;

	array_for_each (hole, &template->holes) {
		buf_put(b, template->text + at, hole->at - at);
		slot_value(spec, hole->slot, b);
		at = hole->at + hole->length;
	}
	buf_puts(b, template->text + at);
}

void template_free(struct template *template)
{
	free(template->text);
	array_free(&template->holes);
}
