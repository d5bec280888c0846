/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, and what the routing tables say of them. */
#include "base/cleanup.h"
#include "base/inet.h"
#include "document/import/own.h"

#include <string.h>

enum own_answer own_iprange(struct own *own, const struct spec *spec, const struct piece *piece)
{
	array_for_each(use, &piece->uses) {
		const char *dash = strchr(use->value[0], '-');
		autofree char *first = strndup(use->value[0], dash ? (size_t)(dash - use->value[0])
								   : strlen(use->value[0]));
		struct inet_range a, b;
		char text[INET_TEXT_MAX];

		if (!first || inet_parse(first, &a) != INET_OK || a.family != spec->family ||
		    inet_parse(dash ? dash + 1 : first, &b) != INET_OK ||
		    b.family != spec->family || inet_compare(&a.first, &b.first, a.family) > 0)
			return own_refuse(own, use, "not a range of addresses");
		a.last = b.first;
		buf_printf(&own->text, "%s %s %s%s ", ip_word(spec->family),
			   use->option->name[0] == 's' ? "saddr" : "daddr", not_word(use->negated),
			   inet_format(&a, text));
	}
	return OWN_TEXT;
}

/* ---- addrtype ---- */
struct type {
	const char *name, *nft;
	bool looked_up; /* IPv6: in the routing table; the others are told from the address alone */
};

static const struct type types4[] = {
	{"unspec", NULL, true},		  {"unicast", "unicast", true},
	{"local", "local", true},	  {"broadcast", "broadcast", true},
	{"anycast", "anycast", true},	  {"multicast", "multicast", true},
	{"blackhole", "blackhole", true}, {"unreachable", "unreachable", true},
	{"prohibit", "prohibit", true},
};

enum { SIX_UNSPEC, SIX_UNICAST, SIX_MULTICAST, SIX_LOCAL, SIX_ANYCAST, SIX_UNREACHABLE, SIX_COUNT };

/* match_type6() in xt_addrtype.c. ipv6_addr_type() counts neither "::" nor IPv4-mapped addresses
 * as unicast; every route that rejects counts as unreachable. */
static const struct type types6[SIX_COUNT] = {
	[SIX_UNSPEC] = {"unspec", "::", false},
	[SIX_UNICAST] = {"unicast", "{ ::, ::ffff:0:0/96, ff00::/8 }", false}, /* != */
	[SIX_MULTICAST] = {"multicast", "ff00::/8", false},
	[SIX_LOCAL] = {"local", "local", true},
	[SIX_ANYCAST] = {"anycast", "anycast", true},
	[SIX_UNREACHABLE] = {"unreachable", "unreachable, blackhole, prohibit", true},
};

#define TYPES_MAX (sizeof(types4) / sizeof(types4[0]))

/* Which of the types the list names; false with a refusal for one that nft cannot say. */
static bool read_types(struct own *own, const struct use *use, const struct type *types,
		       size_t count, bool *ret_named)
{
	autofree char *list = strdup(use->value[0]);
	char *rest = list, *word;

	while (rest && (word = strsep(&rest, ","))) {
		size_t i = 0;

		while (i < count && strcasecmp(word, types[i].name))
			i++;
		if (i == count || !types[i].nft) {
			own_refuse(own, use, "nft has no address type '%s'", word);
			return false;
		}
		ret_named[i] = true;
	}
	return list;
}

static void put_lookup(struct own *own, const struct use *use, const char *field, const char *link,
		       const struct type *types, size_t count, const bool *named)
{
	const char *comma = "";
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += named[i] && types[i].looked_up ? 1 + (strchr(types[i].nft, ',') != NULL) : 0;
	if (!n)
		return;
	buf_printf(&own->text, "fib %s%s type %s%s", field, link, not_word(use->negated),
		   n > 1 ? "{ " : "");
	for (size_t i = 0; i < count; i++) {
		if (!named[i] || !types[i].looked_up)
			continue;
		buf_printf(&own->text, "%s%s", comma, types[i].nft);
		comma = ", ";
	}
	buf_puts(&own->text, n > 1 ? " } " : " ");
}

/* In IPv6 what is told from the address alone must hold beside what is looked up, and all of it:
 * "UNICAST,LOCAL" is no "or". */
static bool put_types6(struct own *own, const struct use *use, const char *field, const char *link,
		       bool *named)
{
	size_t conditions = named[SIX_LOCAL] || named[SIX_ANYCAST] || named[SIX_UNREACHABLE];

	/* own addresses and anycast ones are unicast anyhow */
	if (conditions && !named[SIX_UNREACHABLE])
		named[SIX_UNICAST] = false;
	for (size_t i = 0; i < SIX_COUNT; i++)
		conditions += named[i] && !types6[i].looked_up;
	if (use->negated && conditions > 1) {
		own_refuse(own, use,
			   "nf_tables cannot say in one rule that one of these does not "
			   "hold");
		return false;
	}
	for (size_t i = 0; i < SIX_COUNT; i++)
		if (named[i] && !types6[i].looked_up)
			buf_printf(&own->text, "ip6 %s %s%s ", field,
				   not_word(use->negated != (i == SIX_UNICAST)), types6[i].nft);
	put_lookup(own, use, field, link, types6, SIX_COUNT, named);
	return true;
}

enum own_answer own_addrtype(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const char *link = use_find(piece, "limit-iface-in")	? " . iif"
			   : use_find(piece, "limit-iface-out") ? " . oif"
								: "";
	bool six = spec->family == INET_V6;

	array_for_each(use, &piece->uses) {
		const char *field = use->option->name[0] == 's' ? "saddr" : "daddr";
		bool named[TYPES_MAX] = {false};

		if (!use->value[0])
			continue;
		if (!read_types(own, use, six ? types6 : types4, six ? SIX_COUNT : TYPES_MAX,
				named))
			return OWN_REFUSED;
		if (!six)
			put_lookup(own, use, field, link, types4, TYPES_MAX, named);
		else if (!put_types6(own, use, field, link, named))
			return OWN_REFUSED;
	}
	return OWN_TEXT;
}

/* ---- rpfilter ---- */
/* rpfilter_lookup_reverse() takes a source that is a broadcast address for one without a route;
 * nft_fib4_eval() finds its link. (IPv6 has none.) */
enum own_answer own_rpfilter(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *local = use_find(piece, "accept-local");
	bool invert = use_find(piece, "invert");

	if (local)
		return own_refuse(own, local, "nf_tables cannot say it in one rule");
	buf_printf(&own->text, "fib saddr%s%s oif %s0",
		   use_find(piece, "validmark") ? " . mark" : "",
		   use_find(piece, "loose") ? "" : " . iif", invert ? "" : "!= ");
	if (spec->family == INET_V6)
		return OWN_TEXT;
	if (invert)
		buf_puts(&own->note,
			 "--invert: packets from a broadcast address match in iptables and do "
			 "not match in nf_tables; Linux itself drops them as martians");
	else
		buf_puts(&own->text, " fib saddr type != broadcast");
	return OWN_TEXT;
}
