/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/packet_text.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/interface.h"
#include "document/protocol.h"
#include "model/policy.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct named {
	const char *name;
	uint8_t number;
};

/* Names as nft has them. (IANA ICMP parameters) */
static const struct named icmp_types[] = {
	{"echo-reply", 0},	     {"destination-unreachable", 3},
	{"source-quench", 4},	     {"redirect", 5},
	{"echo-request", 8},	     {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12},   {"timestamp-request", 13},
	{"timestamp-reply", 14},     {"info-request", 15},
	{"info-reply", 16},	     {"address-mask-request", 17},
	{"address-mask-reply", 18},
};

static const struct named icmpv6_types[] = {
	{"destination-unreachable", 1}, {"packet-too-big", 2},	      {"time-exceeded", 3},
	{"parameter-problem", 4},	{"echo-request", 128},	      {"echo-reply", 129},
	{"mld-listener-query", 130},	{"mld-listener-report", 131}, {"mld-listener-done", 132},
	{"nd-router-solicit", 133},	{"nd-router-advert", 134},    {"nd-neighbor-solicit", 135},
	{"nd-neighbor-advert", 136},	{"nd-redirect", 137},	      {"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},	{"ind-neighbor-advert", 142}, {"mld2-listener-report", 143},
};

/* Named as nft has them. (RFC 9293, RFC 3168) */
static const struct named tcp_flags[] = {
	{"fin", 1},  {"syn", 2},  {"rst", 4},  {"psh", 8},
	{"ack", 16}, {"urg", 32}, {"ecn", 64}, {"cwr", 128},
};

/* Where in the text we are. */
struct reading {
	const char *text; /* a copy, cut into words */
	char *rest;
	const char *word; /* the last one taken */
	struct untrack_error *err;
};

static bool refuse_as(const struct reading *at, const char *what, const char *got,
		      const char *expected, const char *meant)
{
	unsigned column = (unsigned)(at->word - at->text) + 1;
	char shown[TEXT_SHOWN_MAX];

	return error_at(at->err, ERROR_DOCUMENT, NULL, 1, column, NULL,
			"%s%s%s%s; expected %s%s%s%s", what, got ? ", got '" : "",
			got ? text_show(got, strlen(got), shown) : "", got ? "'" : "", expected,
			meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static bool refuse(const struct reading *at, const char *what, const char *got)
{
	return refuse_as(at, what, got, PACKET_TEXT_SYNTAX, NULL);
}

/* The next word, cut out of the rest; NULL at the end. */
static char *take_word(struct reading *at)
{
	char *word = at->rest + strspn(at->rest, " \t"), *end = word + strcspn(word, " \t");

	at->rest = *end ? end + 1 : end;
	*end = 0;
	at->word = word;
	return *word ? word : NULL;
}

/* Decimal digits only, up to max; -1 otherwise. */
static long number(const char *text, long max)
{
	long value = 0;

	for (const char *at = text; *at; at++) {
		if (!isdigit((unsigned char)*at) || value > max)
			return -1;
		value = value * 10 + (*at - '0');
	}
	return *text && value <= max ? value : -1;
}

static bool parse_protocol(const struct reading *at, const char *word, struct packet_text *packet)
{
	long protocol = number(word, 255);

	if (protocol >= 0)
		packet->protocol = (uint8_t)protocol;
	else if (!protocol_parse(word, &packet->protocol))
		return refuse_as(at, "unknown protocol", word, PACKET_TEXT_SYNTAX,
				 protocol_suggest(word));
	return true;
}

/* Splits "address:port", "[address]:port", "[address]" or "address"; *ret_port is NULL without one.
 * Writes NULs into word. */
static bool split_port(char *word, char **ret_address, char **ret_port)
{
	char *colon = strchr(word, ':'), *close = strchr(word, ']');

	*ret_address = word;
	*ret_port = NULL;
	if (*word == '[') {
		if (!close || (close[1] && close[1] != ':') ||
		    !memchr(word, ':', (size_t)(close - word)))
			return false;
		*ret_address = word + 1;
		*ret_port = close[1] ? close + 2 : NULL;
		*close = 0;
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = 0;
		*ret_port = colon + 1;
	}
	return true;
}

/* One end: the word that was taken last. */
static bool parse_end(const struct reading *at, enum inet_family *ret_family,
		      struct inet_address *ret_address, bool *ret_has_port, uint16_t *ret_port)
{
	autofree char *copy = strdup(at->word);
	struct inet_range range;
	char *address, *port_text;
	long port = 0;

	if (!copy)
		return error_memory(at->err);
	if (!split_port(copy, &address, &port_text))
		return refuse(at, "not an address", at->word);
	if (strchr(address, '/') || inet_parse(address, &range) != INET_OK)
		return refuse(at, "not an address", at->word);
	if (port_text) {
		port = number(port_text, 65535);
		if (port < 1)
			return refuse(at, "port not from 1 to 65535", at->word);
	}
	*ret_family = range.family;
	*ret_address = range.first;
	*ret_has_port = port_text;
	*ret_port = (uint16_t)port;
	return true;
}

static bool parse_ends(struct reading *at, struct packet_text *packet)
{
	enum inet_family family;
	const char *word;

	if (!take_word(at))
		return refuse(at, "not a packet", NULL);
	if (!parse_end(at, &packet->family, &packet->source, &packet->has_source_port,
		       &packet->source_port))
		return false;
	word = take_word(at);
	if (!word || strcmp(word, ">") != 0)
		return refuse(at, "not a packet", word);
	if (!take_word(at))
		return refuse(at, "no destination", NULL);
	if (!parse_end(at, &family, &packet->destination, &packet->has_destination_port,
		       &packet->destination_port))
		return false;
	return family == packet->family || refuse(at, "addresses of two families", at->word);
}

static bool parse_icmp_type(const struct reading *at, const char *word, struct packet_text *packet)
{
	bool v6 = packet->protocol == IPPROTO_ICMPV6;
	const struct named *types = v6 ? icmpv6_types : icmp_types;
	size_t count = v6 ? COUNT(icmpv6_types) : COUNT(icmp_types);
	long type = word ? number(word, 255) : -1;

	if (packet->protocol != IPPROTO_ICMP && !v6)
		return refuse(at, "a type for a protocol other than icmp and icmpv6", word);
	if (!word)
		return refuse(at, "no name behind 'type'", NULL);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(types[i].name, word))
			type = types[i].number;
	if (type < 0)
		return refuse_as(at, v6 ? "unknown type of icmpv6" : "unknown type of icmp", word,
				 "a name like echo-request, or a number from 0 to 255",
				 text_suggest(word, types, count, sizeof(*types)));
	packet->icmp_type = (uint8_t)type;
	return true;
}

/* "syn,ack" */
static bool parse_flags(const struct reading *at, char *list, struct packet_text *packet)
{
	char *flag, *rest = list;

	if (packet->protocol != IPPROTO_TCP)
		return refuse(at, "flags for a protocol other than tcp", list);
	if (!list)
		return refuse(at, "nothing behind 'flags'", NULL);
	while ((flag = strsep(&rest, ","))) {
		uint8_t bit = 0;

		for (size_t i = 0; i < COUNT(tcp_flags); i++)
			if (!strcmp(tcp_flags[i].name, flag))
				bit = tcp_flags[i].number;
		if (!bit)
			return refuse_as(
				at, "unknown flag of tcp", flag,
				"fin, syn, rst, psh, ack, urg, ecn and cwr, joined by commas",
				text_suggest(flag, tcp_flags, COUNT(tcp_flags),
					     sizeof(*tcp_flags)));
		packet->tcp_flags |= bit;
	}
	return true;
}

static bool parse_mark(const struct reading *at, const char *word, struct packet_text *packet)
{
	unsigned long long mark;
	char *end = NULL;

	if (!word || !isdigit((unsigned char)*word))
		return refuse_as(at, "not a mark", word, "a number like 7 or 0x1f", NULL);
	mark = strtoull(word, &end, 0);
	if (*end || mark > UINT32_MAX)
		return refuse_as(at, "not a mark", word, "a number from 0 to 0xffffffff", NULL);
	packet->mark = (uint32_t)mark;
	return true;
}

enum option { OPTION_ON, OPTION_FROM, OPTION_TYPE, OPTION_FLAGS, OPTION_MARK, OPTIONS };

static bool parse_option(struct reading *at, enum option option, struct packet_text *packet)
{
	char *value = take_word(at);

	if (option == OPTION_TYPE)
		return parse_icmp_type(at, value, packet);
	if (option == OPTION_FLAGS)
		return parse_flags(at, value, packet);
	if (option == OPTION_MARK)
		return parse_mark(at, value, packet);
	if (option == OPTION_FROM) {
		if (!value || strcmp(value, "here") != 0)
			return refuse_as(at, "not expected behind 'from'", value, "from here",
					 value ? "from here" : NULL);
		packet->from_here = true;
		return true;
	}
	if (!value || !interface_is_valid(value, false))
		return refuse(at, "not the name of an interface", value);
	strcpy(packet->interface, value);
	return true;
}

static bool parse_options(struct reading *at, struct packet_text *packet)
{
	static const struct {
		const char *word;
	} options[OPTIONS] = {{"on"}, {"from"}, {"type"}, {"flags"}, {"mark"}};
	bool taken[OPTIONS] = {false};
	const char *word;

	while ((word = take_word(at))) {
		enum option option = 0;

		while (option < OPTIONS && strcmp(options[option].word, word) != 0)
			option++;
		if (option == OPTIONS)
			return refuse_as(at, "not expected here", word, PACKET_TEXT_SYNTAX,
					 text_suggest(word, options, OPTIONS, sizeof(*options)));
		if (taken[option] ||
		    (option <= OPTION_FROM && (taken[OPTION_ON] || taken[OPTION_FROM])))
			return refuse(at, "not expected here", word);
		taken[option] = true;
		if (!parse_option(at, option, packet))
			return false;
	}
	return true;
}

/* What the protocol asks for: ports or none, its family. */
static bool judge(const struct packet_text *packet, struct untrack_error *err)
{
	bool has_port = packet->has_source_port || packet->has_destination_port;
	char name[PROTOCOL_NAME_MAX];

	protocol_name(packet->protocol, name);
	if (protocol_has_ports(packet->protocol) && !has_port)
		return error_set(err, ERROR_DOCUMENT,
				 "%s without a port; expected one at least at the source or the "
				 "destination",
				 name);
	if (!protocol_has_ports(packet->protocol) && has_port)
		return error_set(err, ERROR_DOCUMENT, "%s has no ports; expected addresses alone",
				 name);
	if ((packet->protocol == IPPROTO_ICMP && packet->family == INET_V6) ||
	    (packet->protocol == IPPROTO_ICMPV6 && packet->family == INET_V4))
		return error_set(err, ERROR_DOCUMENT,
				 "%s with addresses of the other family; expected icmp with IPv4, "
				 "icmpv6 with IPv6",
				 name);
	return true;
}

bool packet_text_parse(const char *text, struct packet_text *ret_packet, struct untrack_error *err)
{
	autofree char *copy = strdup(text);
	struct reading at = {.text = copy, .rest = copy, .word = copy, .err = err};
	struct packet_text packet = {0};
	const char *protocol;

	if (!copy)
		return error_memory(err);
	protocol = take_word(&at);
	if (!protocol)
		return refuse(&at, "no packet", NULL);
	if (!parse_protocol(&at, protocol, &packet))
		return false;
	packet.icmp_type = packet.protocol == IPPROTO_ICMP     ? 8
			   : packet.protocol == IPPROTO_ICMPV6 ? 128
							       : 0;
	if (!parse_ends(&at, &packet) || !parse_options(&at, &packet) || !judge(&packet, err))
		return false;
	*ret_packet = packet;
	return true;
}
