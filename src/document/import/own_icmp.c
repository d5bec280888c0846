/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP and ICMPv6 types by number and by the names that libipt_icmp.c and libip6t_icmp6.c know. */
#include "base/cleanup.h"
#include "document/import/own.h"

#include <inttypes.h>
#include <string.h>

struct icmp_name {
	const char *name;
	uint8_t type, from, to; /* code range */
};

static const struct icmp_name names4[] = {
	{"echo-reply", 0, 0, 0xff},
	{"pong", 0, 0, 0xff},
	{"destination-unreachable", 3, 0, 0xff},
	{"network-unreachable", 3, 0, 0},
	{"host-unreachable", 3, 1, 1},
	{"protocol-unreachable", 3, 2, 2},
	{"port-unreachable", 3, 3, 3},
	{"fragmentation-needed", 3, 4, 4},
	{"source-route-failed", 3, 5, 5},
	{"network-unknown", 3, 6, 6},
	{"host-unknown", 3, 7, 7},
	{"network-prohibited", 3, 9, 9},
	{"host-prohibited", 3, 10, 10},
	{"TOS-network-unreachable", 3, 11, 11},
	{"TOS-host-unreachable", 3, 12, 12},
	{"communication-prohibited", 3, 13, 13},
	{"host-precedence-violation", 3, 14, 14},
	{"precedence-cutoff", 3, 15, 15},
	{"source-quench", 4, 0, 0xff},
	{"redirect", 5, 0, 0xff},
	{"network-redirect", 5, 0, 0},
	{"host-redirect", 5, 1, 1},
	{"TOS-network-redirect", 5, 2, 2},
	{"TOS-host-redirect", 5, 3, 3},
	{"echo-request", 8, 0, 0xff},
	{"ping", 8, 0, 0xff},
	{"router-advertisement", 9, 0, 0xff},
	{"router-solicitation", 10, 0, 0xff},
	{"time-exceeded", 11, 0, 0xff},
	{"ttl-exceeded", 11, 0, 0xff},
	{"ttl-zero-during-transit", 11, 0, 0},
	{"ttl-zero-during-reassembly", 11, 1, 1},
	{"parameter-problem", 12, 0, 0xff},
	{"ip-header-bad", 12, 0, 0},
	{"required-option-missing", 12, 1, 1},
	{"timestamp-request", 13, 0, 0xff},
	{"timestamp-reply", 14, 0, 0xff},
	{"address-mask-request", 17, 0, 0xff},
	{"address-mask-reply", 18, 0, 0xff},
};

static const struct icmp_name names6[] = {
	{"destination-unreachable", 1, 0, 0xff},
	{"no-route", 1, 0, 0},
	{"communication-prohibited", 1, 1, 1},
	{"beyond-scope", 1, 2, 2},
	{"address-unreachable", 1, 3, 3},
	{"port-unreachable", 1, 4, 4},
	{"failed-policy", 1, 5, 5},
	{"reject-route", 1, 6, 6},
	{"packet-too-big", 2, 0, 0xff},
	{"time-exceeded", 3, 0, 0xff},
	{"ttl-exceeded", 3, 0, 0xff},
	{"ttl-zero-during-transit", 3, 0, 0},
	{"ttl-zero-during-reassembly", 3, 1, 1},
	{"parameter-problem", 4, 0, 0xff},
	{"bad-header", 4, 0, 0},
	{"unknown-header-type", 4, 1, 1},
	{"unknown-option", 4, 2, 2},
	{"echo-request", 128, 0, 0xff},
	{"ping", 128, 0, 0xff},
	{"echo-reply", 129, 0, 0xff},
	{"pong", 129, 0, 0xff},
	{"mld-listener-query", 130, 0, 0xff},
	{"mld-listener-report", 131, 0, 0xff},
	{"mld-listener-done", 132, 0, 0xff},
	{"mld-listener-reduction", 132, 0, 0xff},
	{"router-solicitation", 133, 0, 0xff},
	{"router-advertisement", 134, 0, 0xff},
	{"neighbour-solicitation", 135, 0, 0xff},
	{"neighbor-solicitation", 135, 0, 0xff},
	{"neighbour-advertisement", 136, 0, 0xff},
	{"neighbor-advertisement", 136, 0, 0xff},
	{"redirect", 137, 0, 0xff},
};

/* An unambiguous beginning of a name is enough (xtables_parse_icmp()). */
static bool find_name(const struct icmp_name *names, size_t count, const char *text,
		      struct icmp_name *ret_found)
{
	size_t matches = 0;

	for (size_t i = 0; i < count; i++) {
		if (strncasecmp(names[i].name, text, strlen(text)))
			continue;
		*ret_found = names[i];
		matches++;
		if (!names[i].name[strlen(text)])
			return true;
	}
	return matches == 1;
}

static bool read_type(enum inet_family family, const char *text, struct icmp_name *ret_found)
{
	const char *slash = strchr(text, '/');
	autofree char *type = strndup(text, slash ? (size_t)(slash - text) : strlen(text));
	uint64_t number, code;

	if (!type || !*type)
		return false;
	if (!read_number(type, 255, &number))
		return !slash &&
		       (family == INET_V6 ? find_name(names6, sizeof(names6) / sizeof(names6[0]),
						      type, ret_found)
					  : find_name(names4, sizeof(names4) / sizeof(names4[0]),
						      type, ret_found));
	*ret_found = (struct icmp_name){NULL, (uint8_t)number, 0, 0xff};
	if (slash) {
		if (!read_number(slash + 1, 255, &code))
			return false;
		ret_found->from = ret_found->to = (uint8_t)code;
	}
	return true;
}

enum own_answer own_icmp(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const char *word = spec->family == INET_V6 ? "icmpv6" : "icmp";
	const struct use *use = piece->uses.n ? piece->uses.v : NULL;
	struct icmp_name type;

	if (!use)
		return own_refuse(own, NULL, "expected a type");
	if (spec->family == INET_V4 && !strcasecmp(use->value[0], "any"))
		type = (struct icmp_name){NULL, 0xff, 0, 0xff};
	else if (!read_type(spec->family, use->value[0], &type))
		return own_refuse(own, use, "not an %s type", word);
	/* icmp_type_code_match(): 0xff is any type, whatever the code */
	if (spec->family == INET_V4 && type.type == 0xff)
		return use->negated ? own_refuse(own, use, "it matches no packet") : OWN_TEXT;
	if (type.from == 0 && type.to == 0xff)
		buf_printf(&own->text, "%s type %s%u", word, not_word(use->negated), type.type);
	else if (use->negated)
		buf_printf(&own->text, "%s type . %s code != { %u . %u }", word, word, type.type,
			   type.from);
	else
		buf_printf(&own->text, "%s type %u %s code %u", word, type.type, word, type.from);
	return OWN_TEXT;
}

static bool read_mh_type(const char *text, uint64_t *ret_type)
{
	static const struct {
		const char *name, *alias;
	} names[] = {
		{"binding-refresh-request", "brr"},
		{"home-test-init", "hoti"},
		{"careof-test-init", "coti"},
		{"home-test", "hot"},
		{"careof-test", "cot"},
		{"binding-update", "bu"},
		{"binding-acknowledgement", "ba"},
		{"binding-error", "be"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(text, names[i].name) || !strcasecmp(text, names[i].alias)) {
			*ret_type = i;
			return true;
		}
	return read_number(text, 255, ret_type);
}

/* "type", or "type:type" of which either side may be left out. */
enum own_answer own_mh(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "mh-type");
	autofree char *first = use ? strdup(use->value[0]) : NULL;
	char *colon = first ? strchr(first, ':') : NULL;
	uint64_t from = 0, to = 255;

	(void)spec;
	if (!use)
		return OWN_TEXT; /* any type: what is left is the protocol */
	if (colon)
		*colon++ = 0;
	if (!first || ((*first || !colon) && !read_mh_type(first, &from)) ||
	    (colon && *colon && !read_mh_type(colon, &to)))
		return own_refuse(own, use, "not a mobility header type");
	if (!colon)
		to = from;
	if (from > to)
		return own_refuse(own, use, "the range ends before it begins");
	buf_printf(&own->text, "mh type %s", not_word(use->negated));
	put_range(&own->text, from, to);
	return OWN_TEXT;
}
