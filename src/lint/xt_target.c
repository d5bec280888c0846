/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables' targets: what a rule does to a packet. */
#include "lint/xt.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>
#include <stddef.h>
#include <string.h>

static void target_ct(struct decoding *d, const struct extension *x)
{
	struct xt_ct_target_info_v1 info = {0};
	struct xt_ct_target_info old;

	if (x->revision == 0 && xt_read(x, &old, sizeof(old))) {
		info.flags = old.flags;
		info.zone = old.zone;
		memcpy(info.helper, old.helper, sizeof(info.helper));
	} else if (x->revision == 0 || !xt_read(x, &info, sizeof(info))) {
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

	if (d->nfproto == NFPROTO_IPV4 && x->revision == 0 && xt_read(x, &old, sizeof(old))) {
		range.flags = old.range[0].flags;
		range.min_addr.ip = old.range[0].min_ip;
		range.max_addr.ip = old.range[0].max_ip;
		range.min_proto = old.range[0].min;
		range.max_proto = old.range[0].max;
	} else if (!xt_read(x, &range, sizeof(range))) {
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
	struct translation nat = {.source = !strcmp(x->name, "SNAT") ||
					    !strcmp(x->name, "MASQUERADE")};

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

	if (x->revision == 2 && xt_read(x, &info, sizeof(info))) {
		fact.mark.known = true;
		fact.mark.keep = ~info.mask;
		fact.mark.value = info.mark;
	}
	decode_add(d, fact);
}

static void target_connmark(struct decoding *d, const struct extension *x)
{
	struct xt_connmark_tginfo1 info;
	uint8_t mode = XT_CONNMARK_SET;

	if (x->revision == 1 && xt_read(x, &info, sizeof(info)))
		mode = info.mode;
	else if (x->revision == 2 && x->info.len > offsetof(struct xt_connmark_tginfo2, mode))
		mode = x->info.data[offsetof(struct xt_connmark_tginfo2, mode)];
	decode_effect(d, EFFECT_SET_ENTRY, "CONNMARK");
	if (mode == XT_CONNMARK_RESTORE) {
		decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = "CONNMARK"});
		decode_add(d, (struct fact){.kind = FACT_MARK, .what = "CONNMARK"});
	}
}

static const struct extension_decoder targets[] = {
	{"CONNMARK", target_connmark}, {"CT", target_ct},	  {"DNAT", target_nat},
	{"FLOWOFFLOAD", target_flow},  {"MARK", target_mark},	  {"MASQUERADE", target_nat},
	{"NETMAP", target_nat},	       {"NFQUEUE", target_queue}, {"NOTRACK", target_notrack},
	{"REDIRECT", target_nat},      {"REJECT", target_drop},	  {"SNAT", target_nat},
	{"SYNPROXY", target_synproxy}, {"TPROXY", target_tproxy},
};

bool xt_target(struct decoding *d, const struct extension *x)
{
	return xt_by_name(d, targets, sizeof(targets) / sizeof(*targets), x);
}
