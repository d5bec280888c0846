/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iptables' extensions inside rules of iptables-nft: expressions "match" and "target" with a name,
 * a revision and a binary structure (linux/netfilter/xt_*.h). What is not known here is opaque.
 */
#include "document/saved.h"
#include "lint/decode.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct extension {
	const char *name;
	uint32_t revision;
	struct span info;
	struct span data; /* the whole expression, for its identity */
};

static bool info_read(const struct extension *x, void *out, size_t size)
{
	if (x->info.len < size)
		return false;
	memcpy(out, x->info.data, size);
	return true;
}

static void unsure(struct decoding *d, const struct extension *x)
{
	decode_opaque(d, x->name, OPAQUE_UNSURE, false, x->data, 0);
}

/* --- matches ---------------------------------------------------------------------------------- */

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

	if (x->revision == 1 && info_read(x, &old, sizeof(old))) {
		info.match_flags = old.match_flags;
		info.invert_flags = old.invert_flags;
		info.state_mask = old.state_mask;
	} else if (x->revision < 2 || !info_read(x, &info, sizeof(struct xt_conntrack_mtinfo2))) {
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

	if (info_read(x, &mask, sizeof(mask)))
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

	if (!info_read(x, &info, sizeof(info))) {
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

	if (!info_read(x, &info, sizeof(info))) {
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

	if (x->revision != 1 || !info_read(x, &info, sizeof(info)) || info.count > XT_MULTI_PORTS) {
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

	if (!info_read(x, &info, sizeof(info))) {
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

	if (x->revision == 0 && info_read(x, &old, sizeof(old))) {
		add_types(d, KEY_SADDRTYPE, old.source, old.invert_source);
		add_types(d, KEY_DADDRTYPE, old.dest, old.invert_dest);
	} else if (x->revision == 1 && info_read(x, &info, sizeof(info))) {
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

	if (!info_read(x, &info, sizeof(info))) {
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

	if (x->revision != 1 ||
	    !info_read(x, &info, offsetof(struct xt_mark_mtinfo1, invert) + 1)) {
		unsure(d, x);
		return;
	}
	decode_add(d, (struct fact){.kind = FACT_MASK,
				    .what = "mark",
				    .mask = {KEY_MARK, info.mask, info.mark, info.invert}});
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
	decode_opaque(d, x->name, OPAQUE_FREE, false, x->data, (uint64_t)(uintptr_t)d->rule);
}

static void match_count(struct decoding *d, const struct extension *x)
{
	struct xt_connlimit_info info;
	bool upto = info_read(x, &info, offsetof(struct xt_connlimit_info, data)) &&
		    info.flags & XT_CONNLIMIT_INVERT;

	decode_count(d, !upto, x->data);
}

static void match_free(struct decoding *d, const struct extension *x)
{
	decode_opaque(d, x->name, OPAQUE_FREE, false, x->data, 0);
}

/* --- targets ---------------------------------------------------------------------------------- */

static void target_ct(struct decoding *d, const struct extension *x)
{
	struct xt_ct_target_info_v1 info = {0};
	struct xt_ct_target_info old;

	if (x->revision == 0 && info_read(x, &old, sizeof(old))) {
		info.flags = old.flags;
		info.zone = old.zone;
		memcpy(info.helper, old.helper, sizeof(info.helper));
	} else if (x->revision == 0 || !info_read(x, &info, sizeof(info))) {
		return;
	}
	if (info.flags & XT_CT_NOTRACK) {
		decode_effect(d, EFFECT_NOTRACK, "CT --notrack");
		return;
	}
	if (info.helper[0])
		decode_effect(d, EFFECT_HELPER, "CT --helper");
	/* xt_ct_target() attaches its template whatever it was made for. */
	decode_effect(d, EFFECT_TEMPLATE,
		      info.helper[0]	? "CT --helper"
		      : info.timeout[0] ? "CT --timeout"
		      : info.zone	? "CT --zone"
					: "CT");
}

static void target_notrack(struct decoding *d, const struct extension *x)
{
	decode_effect(d, EFFECT_NOTRACK, x->name);
}

/* Revision 0 of IPv4 has a list of one range; all others begin with struct nf_nat_range. */
static void read_nat_range(struct decoding *d, const struct extension *x, struct translation *nat)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range range = {0};
	size_t length = d->nfproto == NFPROTO_IPV6 ? 16 : 4;

	if (d->nfproto == NFPROTO_IPV4 && x->revision == 0 && info_read(x, &old, sizeof(old))) {
		range.flags = old.range[0].flags;
		range.min_addr.ip = old.range[0].min_ip;
		range.max_addr.ip = old.range[0].max_ip;
		range.min_proto = old.range[0].min;
		range.max_proto = old.range[0].max;
	} else if (!info_read(x, &range, sizeof(range))) {
		nat->unknown = true;
		return;
	}
	if (range.flags & NF_NAT_RANGE_MAP_IPS)
		nat->address = ranges_one(d->arena, number_read(&range.min_addr, length),
					  number_read(&range.max_addr, length));
	if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED)
		nat->port = ranges_one(d->arena, number_read(&range.min_proto, 2),
				       number_read(&range.max_proto, 2));
}

static void target_nat(struct decoding *d, const struct extension *x)
{
	struct translation nat = {.source = !strcmp(x->name, "SNAT") || !strcmp(x->name, "MASQUERADE")};

	nat.here = !strcmp(x->name, "REDIRECT") || !strcmp(x->name, "MASQUERADE");
	if (!strcmp(x->name, "NETMAP"))
		nat.unknown = true;
	else
		read_nat_range(d, x, &nat);
	decode_translation(d, x->name, nat);
}

static void target_tproxy(struct decoding *d, const struct extension *x)
{
	decode_effect(d, EFFECT_TPROXY, x->name);
	decode_verdict(d, NF_ACCEPT, NULL);
}

static void target_synproxy(struct decoding *d, const struct extension *x)
{
	decode_effect(d, EFFECT_SYNPROXY, x->name);
	decode_verdict(d, NF_STOLEN, NULL);
}

static void target_drop(struct decoding *d, const struct extension *x)
{
	(void)x;
	decode_verdict(d, NF_DROP, NULL);
}

static void target_queue(struct decoding *d, const struct extension *x)
{
	(void)x;
	decode_verdict(d, NF_QUEUE, NULL);
}

static void target_flow(struct decoding *d, const struct extension *x)
{
	decode_effect(d, EFFECT_FLOW, x->name);
}

static void target_mark(struct decoding *d, const struct extension *x)
{
	struct fact fact = {.kind = FACT_MARK, .what = x->name};
	struct xt_mark_tginfo2 info;

	if (x->revision == 2 && info_read(x, &info, sizeof(info))) {
		fact.mark.known = true;
		fact.mark.keep = (uint32_t)~info.mask;
		fact.mark.value = info.mark;
	}
	decode_add(d, fact);
}

static void target_connmark(struct decoding *d, const struct extension *x)
{
	struct xt_connmark_tginfo1 info;
	uint8_t mode = XT_CONNMARK_SET;

	if (x->revision == 1 && info_read(x, &info, sizeof(info)))
		mode = info.mode;
	else if (x->revision == 2 && x->info.len > offsetof(struct xt_connmark_tginfo2, mode))
		mode = x->info.data[offsetof(struct xt_connmark_tginfo2, mode)];
	decode_effect(d, EFFECT_SET_ENTRY, "CONNMARK");
	if (mode == XT_CONNMARK_RESTORE) {
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = "CONNMARK"});
		decode_add(d, (struct fact){.kind = FACT_MARK, .what = "CONNMARK"});
	}
}

struct extension_decoder {
	const char *name;
	void (*decode)(struct decoding *d, const struct extension *x);
};

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

static const struct extension_decoder targets[] = {
	{"CONNMARK", target_connmark}, {"CT", target_ct},	  {"DNAT", target_nat},
	{"FLOWOFFLOAD", target_flow},  {"MARK", target_mark},	  {"MASQUERADE", target_nat},
	{"NETMAP", target_nat},	       {"NFQUEUE", target_queue}, {"NOTRACK", target_notrack},
	{"REDIRECT", target_nat},      {"REJECT", target_drop},	  {"SNAT", target_nat},
	{"SYNPROXY", target_synproxy}, {"TPROXY", target_tproxy},
};

static bool decode_by_name(struct decoding *d, const struct extension_decoder *decoders, size_t n,
			   const struct extension *x)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(decoders[i].name, x->name)) {
			/* The tables' words live as long as the program, the message's do not. */
			struct extension named = *x;

			named.name = decoders[i].name;
			decoders[i].decode(d, &named);
			return true;
		}
	}
	return false;
}

void decode_match(struct decoding *d, struct span data)
{
	struct extension x = {.name = attr_find_text(data, NFTA_MATCH_NAME),
			      .revision = attr_find_be32(data, NFTA_MATCH_REV),
			      .data = data};

	d->rule->compat = true;
	attr_find(data, NFTA_MATCH_INFO, &x.info);
	if (!x.name || !decode_by_name(d, matches, COUNT(matches), &x))
		decode_opaque(d, "iptables match", OPAQUE_UNSURE, false, data, 0);
}

void decode_target(struct decoding *d, struct span data)
{
	struct extension x = {.name = attr_find_text(data, NFTA_TARGET_NAME),
			      .revision = attr_find_be32(data, NFTA_TARGET_REV),
			      .data = data};

	d->rule->compat = true;
	attr_find(data, NFTA_TARGET_INFO, &x.info);
	/* Other targets log, count or rewrite: they do not decide. */
	if (x.name)
		decode_by_name(d, targets, COUNT(targets), &x);
}

void decode_log(struct decoding *d, struct span data)
{
	const char *prefix = attr_find_text(data, NFTA_LOG_PREFIX);
	struct extension x = {.data = data};

	if (!prefix || strncmp(prefix, SAVED_STAND_IN, sizeof(SAVED_STAND_IN) - 1))
		return;
	prefix += sizeof(SAVED_STAND_IN) - 1;
	x.name = strrchr(prefix, ' ') + 1;
	if (!strncmp(prefix, "flow ", 5))
		decode_effect(d, EFFECT_FLOW, "flow add");
	else if (!strncmp(prefix, "xt target ", 10))
		decode_by_name(d, targets, COUNT(targets), &x);
	else if (!decode_by_name(d, matches, COUNT(matches), &x))
		decode_opaque(d, "iptables match", OPAQUE_UNSURE, false, data, 0);
}
