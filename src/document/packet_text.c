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
#define EXPECTED "; expected " PACKET_TEXT_SYNTAX

struct icmp_type {
	const char *name;
	uint8_t number;
};

/* Names as nft has them. (IANA ICMP parameters) */
static const struct icmp_type icmp_types[] = {
	{"echo-reply", 0},	     {"destination-unreachable", 3},
	{"source-quench", 4},	     {"redirect", 5},
	{"echo-request", 8},	     {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12},   {"timestamp-request", 13},
	{"timestamp-reply", 14},     {"info-request", 15},
	{"info-reply", 16},	     {"address-mask-request", 17},
	{"address-mask-reply", 18},
};

static const struct icmp_type icmpv6_types[] = {
	{"destination-unreachable", 1}, {"packet-too-big", 2},	      {"time-exceeded", 3},
	{"parameter-problem", 4},	{"echo-request", 128},	      {"echo-reply", 129},
	{"mld-listener-query", 130},	{"mld-listener-report", 131}, {"mld-listener-done", 132},
	{"nd-router-solicit", 133},	{"nd-router-advert", 134},    {"nd-neighbor-solicit", 135},
	{"nd-neighbor-advert", 136},	{"nd-redirect", 137},	      {"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},	{"ind-neighbor-advert", 142}, {"mld2-listener-report", 143},
};

static bool refuse(struct untrack_error *err, const char *what, const char *got)
{
	char shown[TEXT_SHOWN_MAX];

	if (!got)
		return error_set(err, ERROR_DOCUMENT, "%s" EXPECTED, what);
	return error_set(err, ERROR_DOCUMENT, "%s, got '%s'" EXPECTED, what,
			 text_show(got, strlen(got), shown));
}

/* The next word, cut out of *rest; NULL at the end. */
static char *take_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end = word + strcspn(word, " \t");

	*rest = *end ? end + 1 : end;
	*end = 0;
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

static bool parse_protocol(const char *word, struct packet_text *packet, struct untrack_error *err)
{
	long protocol = number(word, 255);
	const char *meant;
	char shown[TEXT_SHOWN_MAX];

	if (protocol >= 0)
		packet->protocol = (uint8_t)protocol;
	else if (!protocol_parse(word, &packet->protocol)) {
		meant = protocol_suggest(word);
		return error_set(
			err, ERROR_DOCUMENT, "unknown protocol, got '%s'" EXPECTED "%s%s%s",
			text_show(word, strlen(word), shown), meant ? "; did you mean '" : "",
			meant ? meant : "", meant ? "'?" : "");
	}
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

static bool parse_end(const char *word, enum inet_family *ret_family,
		      struct inet_address *ret_address, bool *ret_has_port, uint16_t *ret_port,
		      struct untrack_error *err)
{
	autofree char *copy = strdup(word);
	struct inet_range range;
	char *address, *port_text;
	long port = 0;

	if (!copy)
		return error_memory(err);
	if (!split_port(copy, &address, &port_text))
		return refuse(err, "not an address", word);
	if (strchr(address, '/') || inet_parse(address, &range) != INET_OK)
		return refuse(err, "not an address", word);
	if (port_text) {
		port = number(port_text, 65535);
		if (port < 1)
			return refuse(err, "port not from 1 to 65535", word);
	}
	*ret_family = range.family;
	*ret_address = range.first;
	*ret_has_port = port_text;
	*ret_port = (uint16_t)port;
	return true;
}

static bool parse_ends(char **rest, struct packet_text *packet, struct untrack_error *err)
{
	const char *source = take_word(rest), *arrow = take_word(rest);
	const char *destination = take_word(rest);
	enum inet_family family;

	if (!source || !arrow || strcmp(arrow, ">") || !destination)
		return refuse(err, "not a packet", !source ? NULL : !arrow ? source : arrow);
	if (!parse_end(source, &packet->family, &packet->source, &packet->has_source_port,
		       &packet->source_port, err) ||
	    !parse_end(destination, &family, &packet->destination, &packet->has_destination_port,
		       &packet->destination_port, err))
		return false;
	if (family != packet->family)
		return refuse(err, "addresses of two families", destination);
	return true;
}

static bool parse_icmp_type(const char *word, struct packet_text *packet, struct untrack_error *err)
{
	bool v6 = packet->protocol == IPPROTO_ICMPV6;
	const struct icmp_type *types = v6 ? icmpv6_types : icmp_types;
	size_t count = v6 ? COUNT(icmpv6_types) : COUNT(icmp_types);
	long type = word ? number(word, 255) : -1;
	char shown[TEXT_SHOWN_MAX];
	const char *meant;

	if (packet->protocol != IPPROTO_ICMP && !v6)
		return refuse(err, "a type for a protocol other than icmp and icmpv6", word);
	if (!word)
		return refuse(err, "no name behind 'type'", NULL);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(types[i].name, word))
			type = types[i].number;
	if (type < 0) {
		meant = text_suggest(word, types, count, sizeof(*types));
		return error_set(err, ERROR_DOCUMENT,
				 "unknown type of %s, got '%s'; expected a name like echo-request, "
				 "or a number from 0 to 255%s%s%s",
				 v6 ? "icmpv6" : "icmp", text_show(word, strlen(word), shown),
				 meant ? "; did you mean '" : "", meant ? meant : "",
				 meant ? "'?" : "");
	}
	packet->icmp_type = (uint8_t)type;
	return true;
}

static bool parse_options(char *rest, struct packet_text *packet, struct untrack_error *err)
{
	bool has_type = false;
	char *word, *value;

	while ((word = take_word(&rest))) {
		bool placed = packet->from_here || *packet->interface;

		value = take_word(&rest);
		if (!strcmp(word, "type") && !has_type) {
			has_type = true;
			if (!parse_icmp_type(value, packet, err))
				return false;
		} else if (!strcmp(word, "on") && !placed) {
			if (!value || !interface_is_valid(value, false))
				return refuse(err, "not the name of an interface", value);
			strcpy(packet->interface, value);
		} else if (!strcmp(word, "from") && !placed && value && !strcmp(value, "here")) {
			packet->from_here = true;
		} else {
			return refuse(err, "not expected here", word);
		}
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
	struct packet_text packet = {0};
	char *rest = copy, *protocol;

	if (!copy)
		return error_memory(err);
	protocol = take_word(&rest);
	if (!protocol)
		return refuse(err, "no packet", NULL);
	if (!parse_protocol(protocol, &packet, err))
		return false;
	packet.icmp_type = packet.protocol == IPPROTO_ICMP     ? 8
			   : packet.protocol == IPPROTO_ICMPV6 ? 128
							       : 0;
	if (!parse_ends(&rest, &packet, err) || !parse_options(rest, &packet, err) ||
	    !judge(&packet, err))
		return false;
	*ret_packet = packet;
	return true;
}
