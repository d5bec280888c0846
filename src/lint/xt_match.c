/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables' matches: conditions on keys, or what no key tells. */
#include "lint/xt.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stddef.h>

static void unsure(struct decoding *d, const struct extension *x)
{
	decode_opaque(d, x->name, OPAQUE_UNSURE, false, x->data, 0);
}

/* The states of nf_conntrack as bits of xt_conntrack or xt_state. */
static void add_states(struct decoding *d, uint32_t bits, uint32_t untracked, bool inverted)
{
	static const struct {
		uint32_t bit;
		uint32_t state;
	} states[] = {
		{XT_CONNTRACK_STATE_INVALID, STATE_INVALID},
		{XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), STATE_ESTABLISHED},
		{XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), STATE_RELATED},
		{XT_CONNTRACK_STATE_BIT(IP_CT_NEW), STATE_NEW},
	};
	struct interval v[5];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (bits & states[i].bit)
			v[n++] = (struct interval){states[i].state, states[i].state};
	if (bits & untracked)
		v[n++] = (struct interval){STATE_UNTRACKED, STATE_UNTRACKED};
	decode_in(d, KEY_CTSTATE, v, n, inverted);
}

static void match_conntrack(struct decoding *d, const struct extension *x)
{
	struct xt_conntrack_mtinfo3 info = {0};
	struct xt_conntrack_mtinfo1 old;
	uint32_t states;

	if (x->revision == 1 && xt_read(x, &old, sizeof(old))) {
		info.match_flags = old.match_flags;
		info.invert_flags = old.invert_flags;
		info.state_mask = old.state_mask;
	} else if (x->revision < 2 || !xt_read(x, &info, sizeof(struct xt_conntrack_mtinfo2))) {
		unsure(d, x);
		return;
	}
	states = info.state_mask;
	if (info.match_flags & XT_CONNTRACK_STATE) {
		/* "SNAT" and "DNAT" count as states there; no other state goes with them. */
		if (states & (XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT)) {
			decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = WHAT_NAT_STATUS});
			decode_opaque(d, WHAT_NAT_STATUS, OPAQUE_FREE, false, x->data, 0);
		} else {
			add_states(d, states, XT_CONNTRACK_STATE_UNTRACKED,
				   info.invert_flags & XT_CONNTRACK_STATE);
		}
	}
	if (info.match_flags & ~(XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS)) {
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = "conntrack"});
		decode_opaque(d, "conntrack", OPAQUE_FREE, false, x->data, 0);
	}
}

static void match_state(struct decoding *d, const struct extension *x)
{
	uint32_t mask; /* struct xt_state_info */

	if (xt_read(x, &mask, sizeof(mask)))
		add_states(d, mask, 1u << (IP_CT_NUMBER + 1), false);
	else
		unsure(d, x);
}

static void add_ports(struct decoding *d, enum key key, const uint16_t ports[2], bool inverted)
{
	struct interval v = {ports[0], ports[1]};

	if (inverted || ports[0] != 0 || ports[1] != UINT16_MAX)
		decode_in(d, key, &v, 1, inverted);
}

static void match_tcp(struct decoding *d, const struct extension *x)
{
	struct xt_tcp info;
	struct interval v[256];
	size_t n = 0;

	if (!xt_read(x, &info, sizeof(info))) {
		unsure(d, x);
		return;
	}
	add_ports(d, KEY_SPORT, info.spts, info.invflags & XT_TCP_INV_SRCPT);
	add_ports(d, KEY_DPORT, info.dpts, info.invflags & XT_TCP_INV_DSTPT);
	for (unsigned i = 0; info.flg_mask && i < 256; i++)
		if ((i & info.flg_mask) == info.flg_cmp)
			v[n++] = (struct interval){i, i};
	if (info.flg_mask)
		decode_in(d, KEY_TCPFLAGS, v, n, info.invflags & XT_TCP_INV_FLAGS);
	if (info.option)
		decode_opaque(d, "tcp option", OPAQUE_FREE, false, x->data, 0);
}

static void match_udp(struct decoding *d, const struct extension *x)
{
	struct xt_udp info;

	if (!xt_read(x, &info, sizeof(info))) {
		unsure(d, x);
		return;
	}
	add_ports(d, KEY_SPORT, info.spts, info.invflags & XT_UDP_INV_SRCPT);
	add_ports(d, KEY_DPORT, info.dpts, info.invflags & XT_UDP_INV_DSTPT);
}

static void match_multiport(struct decoding *d, const struct extension *x)
{
	struct interval v[2 * XT_MULTI_PORTS];
	struct xt_multiport_v1 info;
	size_t n = 0;

	if (x->revision != 1 || !xt_read(x, &info, sizeof(info)) || info.count > XT_MULTI_PORTS) {
		unsure(d, x);
		return;
	}
	for (unsigned i = 0; i < info.count; i++) {
		bool pair = info.pflags[i] && i + 1u < info.count;

		v[n++] = (struct interval){info.ports[i], info.ports[pair ? i + 1 : i]};
		i += pair;
	}
	if (info.flags == XT_MULTIPORT_EITHER) {
		/* Either port: two boxes over both keys. */
		static const enum key keys[] = {KEY_SPORT, KEY_DPORT};
		struct interval *boxes = arena_get(d->arena, 4 * n * sizeof(*boxes));

		for (size_t i = 0; boxes && i < n; i++) {
			boxes[4 * i] = boxes[4 * i + 3] = v[i];
			boxes[4 * i + 1] = boxes[4 * i + 2] = (struct interval){0, UINT16_MAX};
		}
		if (boxes)
			decode_add(d, (struct fact){.kind = FACT_BOXES,
						    .what = x->name,
						    .boxes = {.keys = 2,
							      .ordered = 2,
							      .key = keys,
							      .n = 2 * n,
							      .v = boxes,
							      .negated = info.invert}});
		return;
	}
	decode_in(d, info.flags == XT_MULTIPORT_SOURCE ? KEY_SPORT : KEY_DPORT, v, n, info.invert);
}

static void match_icmp(struct decoding *d, const struct extension *x)
{
	struct ipt_icmp info; /* struct ip6t_icmp is the same */
	struct interval type, code;

	if (!xt_read(x, &info, sizeof(info))) {
		unsure(d, x);
		return;
	}
	if (info.type == 0xff && d->nfproto == NFPROTO_IPV4 && !info.invflags)
		return; /* any */
	type = (struct interval){info.type, info.type};
	code = (struct interval){info.code[0], info.code[1]};
	if (info.invflags && (code.first || code.last != 0xff)) {
		unsure(d, x);
		return;
	}
	decode_in(d, KEY_ICMPTYPE, &type, 1, info.invflags & IPT_ICMP_INV);
	if (code.first || code.last != 0xff)
		decode_in(d, KEY_ICMPCODE, &code, 1, false);
}

static void add_types(struct decoding *d, enum key key, uint16_t mask, bool inverted)
{
	struct interval v[16];
	size_t n = 0;

	for (unsigned i = 0; i < 16; i++)
		if (mask & 1u << i)
			v[n++] = (struct interval){i, i};
	if (mask)
		decode_in(d, key, v, n, inverted);
}

static void match_addrtype(struct decoding *d, const struct extension *x)
{
	struct xt_addrtype_info_v1 info;
	struct xt_addrtype_info old;

	if (x->revision == 0 && xt_read(x, &old, sizeof(old))) {
		add_types(d, KEY_SADDRTYPE, old.source, old.invert_source);
		add_types(d, KEY_DADDRTYPE, old.dest, old.invert_dest);
	} else if (x->revision == 1 && xt_read(x, &info, sizeof(info))) {
		add_types(d, KEY_SADDRTYPE, info.source, info.flags & XT_ADDRTYPE_INVERT_SOURCE);
		add_types(d, KEY_DADDRTYPE, info.dest, info.flags & XT_ADDRTYPE_INVERT_DEST);
	} else {
		unsure(d, x);
	}
}

static void match_iprange(struct decoding *d, const struct extension *x)
{
	bool six = d->nfproto == NFPROTO_IPV6;
	size_t length = six ? 16 : 4;
	struct xt_iprange_mtinfo info;
	struct interval v;

	if (!xt_read(x, &info, sizeof(info))) {
		unsure(d, x);
		return;
	}
	if (info.flags & IPRANGE_SRC) {
		v = (struct interval){number_read(&info.src_min, length),
				      number_read(&info.src_max, length)};
		decode_in(d, six ? KEY_SADDR6 : KEY_SADDR4, &v, 1, info.flags & IPRANGE_SRC_INV);
	}
	if (info.flags & IPRANGE_DST) {
		v = (struct interval){number_read(&info.dst_min, length),
				      number_read(&info.dst_max, length)};
		decode_in(d, six ? KEY_DADDR6 : KEY_DADDR4, &v, 1, info.flags & IPRANGE_DST_INV);
	}
}

static void match_mark(struct decoding *d, const struct extension *x)
{
	struct xt_mark_mtinfo1 info;

	if (x->revision != 1 || !xt_read(x, &info, offsetof(struct xt_mark_mtinfo1, invert) + 1)) {
		unsure(d, x);
		return;
	}
	decode_mask(d, "mark", KEY_MARK, (struct masked){info.mask, info.mark}, info.invert);
}

static void match_nothing(struct decoding *d, const struct extension *x)
{
	(void)d;
	(void)x;
}

static void match_entry(struct decoding *d, const struct extension *x)
{
	decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = x->name});
	decode_opaque(d, x->name, OPAQUE_FREE, false, x->data, 0);
}

static void match_limit(struct decoding *d, const struct extension *x)
{
	decode_effect(d, EFFECT_LIMIT, x->name);
	decode_chance(d, x->name);
}

static void match_count(struct decoding *d, const struct extension *x)
{
	struct xt_connlimit_info info;
	bool upto = xt_read(x, &info, offsetof(struct xt_connlimit_info, data)) &&
		    info.flags & XT_CONNLIMIT_INVERT;

	decode_count(d, !upto);
}

static void match_free(struct decoding *d, const struct extension *x)
{
	decode_opaque(d, x->name, OPAQUE_FREE, false, x->data, 0);
}

static const struct extension_decoder matches[] = {
	{"addrtype", match_addrtype},	{"comment", match_nothing}, {"connbytes", match_entry},
	{"connlabel", match_entry},	{"connlimit", match_count}, {"connmark", match_entry},
	{"conntrack", match_conntrack}, {"dscp", match_free},	    {"ecn", match_free},
	{"hashlimit", match_limit},	{"helper", match_entry},    {"icmp", match_icmp},
	{"icmp6", match_icmp},		{"iprange", match_iprange}, {"length", match_free},
	{"limit", match_limit},		{"mac", match_free},	    {"mark", match_mark},
	{"multiport", match_multiport}, {"pkttype", match_free},    {"quota", match_limit},
	{"recent", match_limit},	{"socket", match_free},	    {"state", match_state},
	{"statistic", match_free},	{"tcp", match_tcp},	    {"tcpmss", match_free},
	{"time", match_free},		{"ttl", match_free},	    {"udp", match_udp},
};

bool xt_match(struct decoding *d, const struct extension *x)
{
	return xt_by_name(d, matches, sizeof(matches) / sizeof(*matches), x);
}
