/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What looks at the connection entry. In a raw chain there is none yet, except for packets that
 * come back on lo: "invalid" or "untracked" is the state there, in iptables and in nf_tables. */
#include "base/cleanup.h"
#include "base/inet.h"
#include "document/import/own.h"

#include <inttypes.h>
#include <string.h>

/* A list of words that are known, as nft says it; separator between. */
static bool put_words(struct buf *b, const char *list, const char *const (*known)[2], size_t count,
		      const char *separator, const char **ret_unknown, char **storage)
{
	char *rest = *storage = strdup(list), *word;
	const char *between = "";

	while (rest && (word = strsep(&rest, ","))) {
		size_t i = 0;

		while (i < count && strcasecmp(word, known[i][0]))
			i++;
		*ret_unknown = word;
		if (i == count)
			return false;
		buf_printf(b, "%s%s", between, known[i][1]);
		between = separator;
	}
	return *storage;
}

static bool put_states(struct own *own, const struct use *use)
{
	static const char *const states[][2] = {
		{"INVALID", "invalid"},		{"NEW", "new"},
		{"ESTABLISHED", "established"}, {"RELATED", "related"},
		{"UNTRACKED", "untracked"},
	};
	autofree char *storage = NULL;
	const char *unknown = "";

	buf_printf(&own->text, use->negated ? "ct state & (" : "ct state ");
	if (!put_words(&own->text, use->value[0], states, sizeof(states) / sizeof(states[0]),
		       use->negated ? "|" : ",", &unknown, &storage)) {
		own_refuse(own, use, "nf_tables cannot say '%s' as a state", unknown);
		return false;
	}
	buf_puts(&own->text, use->negated ? ") == 0 " : " ");
	return true;
}

static bool put_status(struct own *own, const struct use *use)
{
	static const char *const statuses[][2] = {
		{"EXPECTED", "expected"},
		{"SEEN_REPLY", "seen-reply"},
		{"ASSURED", "assured"},
		{"CONFIRMED", "confirmed"},
	};
	autofree char *storage = NULL;
	const char *unknown = "";

	buf_printf(&own->text, use->negated ? "ct status & (" : "ct status ");
	if (!put_words(&own->text, use->value[0], statuses, sizeof(statuses) / sizeof(statuses[0]),
		       use->negated ? "|" : ",", &unknown, &storage)) {
		own_refuse(own, use, "nf_tables cannot say '%s' as a status", unknown);
		return false;
	}
	buf_puts(&own->text, use->negated ? ") == 0 " : " ");
	return true;
}

static bool put_tuple_address(struct own *own, const struct spec *spec, const struct use *use)
{
	const char *name = use->option->name;
	struct inet_range range;
	char text[INET_TEXT_MAX];
	enum inet_parse parsed = inet_parse(use->value[0], &range);

	if ((parsed != INET_OK && parsed != INET_HOST_BITS) || range.family != spec->family) {
		own_refuse(own, use, "not an address or prefix");
		return false;
	}
	inet_format(&range, text);
	if (strchr(text, '/')) {
		/* nft 1.0.6 loses a mask there in JSON, so the prefix is said as a range. */
		struct inet_range last = {range.family, range.last, range.last};
		struct inet_range first = {range.family, range.first, range.first};
		char from[INET_TEXT_MAX], to[INET_TEXT_MAX];

		snprintf(text, sizeof(text), "%.45s-%.45s", inet_format(&first, from),
			 inet_format(&last, to));
	}
	buf_printf(&own->text, "ct %s %s %s %s%s ",
		   strncmp(name, "ctorig", 6) ? "reply" : "original", ip_word(spec->family),
		   strstr(name, "src") ? "saddr" : "daddr", not_word(use->negated), text);
	return true;
}

static bool put_tuple_port(struct own *own, const struct spec *spec, const struct piece *piece,
			   const struct use *use)
{
	const struct use *protocol = use_find(piece, "ctproto");
	const char *name = use->option->name;
	uint64_t from, to;

	if (!read_range(use->value[0], ':', 65535, &from, &to)) {
		own_refuse(own, use, "expected a port or a range of ports");
		return false;
	}
	if (!port_word(spec) && (!protocol || protocol->negated)) {
		own_refuse(own, use, "nft needs the protocol with it: add --ctproto");
		return false;
	}
	buf_printf(&own->text, "ct %s proto-%s %s",
		   strncmp(name, "ctorig", 6) ? "reply" : "original",
		   strstr(name, "srcport") ? "src" : "dst", not_word(use->negated));
	put_range(&own->text, from, to);
	buf_putc(&own->text, ' ');
	return true;
}

static bool put_protocol(struct own *own, const struct use *use)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"tcp", 6},    {"udp", 17},  {"icmp", 1}, {"icmpv6", 58},	{"ipv6-icmp", 58},
		     {"sctp", 132}, {"dccp", 33}, {"gre", 47}, {"udplite", 136}};
	uint64_t number = 0;

	if (!read_number(use->value[0], 255, &number))
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcasecmp(use->value[0], names[i].name))
				number = names[i].number;
	if (!number) {
		own_refuse(own, use, "not a protocol");
		return false;
	}
	buf_printf(&own->text, "ct protocol %s%" PRIu64 " ", not_word(use->negated), number);
	return true;
}

/* conntrack_mt() compares whole seconds, nf_tables milliseconds. */
static bool put_expiry(struct own *own, const struct use *use)
{
	uint64_t from, to;

	if (!read_range(use->value[0], ':', UINT32_MAX / 1000 - 1, &from, &to)) {
		own_refuse(own, use, "expected seconds or a range of them");
		return false;
	}
	buf_printf(&own->text, "ct expiration %s%" PRIu64 "s-%" PRIu64 "s999ms ",
		   not_word(use->negated), from, to);
	return true;
}

static bool put_direction(struct own *own, const struct use *use)
{
	bool original = !strcasecmp(use->value[0], "ORIGINAL");

	if (!original && strcasecmp(use->value[0], "REPLY")) {
		own_refuse(own, use, "expected ORIGINAL or REPLY");
		return false;
	}
	buf_printf(&own->text, "ct direction %s%s ", not_word(use->negated),
		   original ? "original" : "reply");
	return true;
}

enum own_answer own_conntrack(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *state = use_find(piece, "ctstate");

	/* conntrack_mt() looks at nothing but the state where there is no entry. */
	if (state && piece->uses.n > 1)
		return own_refuse(own, state,
				  "beside other conditions of -m conntrack it alone counts "
				  "for packets without an entry, which nf_tables cannot say");
	/* The protocol first: nft needs it to know what the ports are. */
	array_for_each(use, &piece->uses)
		if (!strcmp(use->option->name, "ctproto") && !put_protocol(own, use))
			return OWN_REFUSED;
	array_for_each(use, &piece->uses) {
		const char *name = use->option->name;
		bool ok = true;

		if (!strcmp(name, "ctstate") || !strcmp(name, "state"))
			ok = put_states(own, use);
		else if (!strcmp(name, "ctstatus"))
			ok = put_status(own, use);
		else if (!strcmp(name, "ctexpire"))
			ok = put_expiry(own, use);
		else if (!strcmp(name, "ctdir"))
			ok = put_direction(own, use);
		else if (strstr(name, "port"))
			ok = put_tuple_port(own, spec, piece, use);
		else if (strcmp(name, "ctproto"))
			ok = put_tuple_address(own, spec, use);
		if (!ok)
			return OWN_REFUSED;
	}
	return OWN_TEXT;
}

enum own_answer own_connbytes(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *bytes = use_find(piece, "connbytes");
	const struct use *direction = use_find(piece, "connbytes-dir");
	const struct use *mode = use_find(piece, "connbytes-mode");
	uint64_t from, to;

	(void)spec;
	if (!bytes || !direction || !mode ||
	    !read_range(bytes->value[0], ':', UINT64_MAX, &from, &to))
		return own_refuse(own, bytes,
				  "expected a range, --connbytes-dir and --connbytes-mode");
	if (!strchr(bytes->value[0], ':'))
		to = UINT64_MAX; /* libxt_connbytes.c: a single number is the lower end */
	buf_printf(&own->text, "ct %s%s ",
		   !strcmp(direction->value[0], "both")	   ? ""
		   : !strcmp(direction->value[0], "reply") ? "reply "
							   : "original ",
		   mode->value[0]);
	if (to == UINT64_MAX) {
		buf_printf(&own->text, "%s %" PRIu64, bytes->negated ? "<" : ">=", from);
	} else {
		buf_puts(&own->text, not_word(bytes->negated));
		put_range(&own->text, from, to);
	}
	return OWN_TEXT;
}

/* connlabel_mt() and helper_mt() match negated where there is no entry; nf_tables does not. */
enum own_answer own_connlabel(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "label");
	uint64_t bit;

	(void)spec;
	if (!use || !read_number(use->value[0], 127, &bit))
		return own_refuse(own, use, "expected the number of a label, 0 to 127");
	if (use->negated)
		return own_refuse(own, use,
				  "negated it also matches packets without an entry, which "
				  "nf_tables cannot say in one rule");
	buf_printf(&own->text, "ct label %" PRIu64, bit);
	return OWN_TEXT;
}

enum own_answer own_helper(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "helper");

	(void)spec;
	if (!use || !*use->value[0] || strpbrk(use->value[0], "\"\\"))
		return own_refuse(own, use, "expected the name of a helper");
	if (use->negated)
		return own_refuse(own, use,
				  "negated it also matches packets without an entry, which "
				  "nf_tables cannot say in one rule");
	buf_printf(&own->text, "ct helper \"%s\"", use->value[0]);
	return OWN_TEXT;
}
