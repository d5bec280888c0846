/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translations of our own: what iptables-restore-translate 1.8.9 drops or says wrongly. Each
 * function is given one match or target and writes nft statements, leaves it to the tool, or
 * refuses. What iptables does is told by its match functions in Linux (net/netfilter/xt_*.c), which
 * the comments name where nf_tables differs.
 */
#pragma once

#include "base/array.h"
#include "base/buf.h"
#include "document/import/rules.h"

/* Something that a rule names: a set, a helper, a timeout. */
struct definition {
	char *name;
	char *text;	/* "add set ip untrack_raw NAME { … }" */
	char *origin;	/* what it was made of: the same name from another origin is a clash */
	bool text_only; /* libnftables' JSON would lose it */
};

typedef ARRAY(struct definition) definitions;

struct ipset_list;

struct own {
	enum inet_family family;
	size_t shape; /* its number, for names */
	definitions *definitions;
	const struct ipset_list *ipsets;
	struct buf text;   /* statements in its place */
	struct buf late;   /* CT: statements for the chain behind connection tracking */
	struct buf note;   /* a warning that goes with it; empty: none */
	struct buf reason; /* of OWN_REFUSED */
};
void own_clear(struct own *own);

/* ---- helpers ---- */
const struct use *use_find(const struct piece *piece, const char *name);
/* OWN_REFUSED with "--option: why". use may be NULL. */
enum own_answer own_refuse(struct own *own, const struct use *use, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static inline const char *ip_word(enum inet_family family)
{
	return family == INET_V6 ? "ip6" : "ip";
}
static inline const char *not_word(bool negated)
{
	return negated ? "!= " : "";
}
/* As xtables_strtoui(): decimal, 0x, octal. */
bool read_number(const char *text, uint64_t max, uint64_t *ret_value);
/* "a", "a:b", "a:", ":b" */
bool read_range(const char *text, char separator, uint64_t max, uint64_t *ret_from,
		uint64_t *ret_to);
/* "a", "a:b", "a:", ":b" of ports; a port may be a service's name with that protocol. */
bool read_ports(const char *text, const char *protocol, uint64_t *ret_from, uint64_t *ret_to);
/* "value[/mask]" of marks; mask is all ones when it is not there. */
bool read_mark(const char *text, uint64_t *ret_value, uint64_t *ret_mask);
/* "a" or "a-b" */
void put_range(struct buf *b, uint64_t from, uint64_t to);
/* Adds a definition unless it is there. False with the refusal where another has its name. */
bool own_define(struct own *own, const char *name, const char *origin, const char *text,
		bool text_only);
/* A name that nft takes, made of prefix and what came: letters, digits, _ and -. Owned. */
char *own_name(const char *prefix, const char *name);
/* "tcp", "udp", …: the word nft has for the protocol's ports; NULL if it has none. */
const char *port_word(const struct spec *spec);

/* ---- matches ---- */
own_fn own_ports, own_tcp, own_sctp, own_icmp, own_mh, own_addrtype, own_cgroup, own_ecn,
	own_helper, own_ipcomp, own_iprange, own_multiport, own_owner, own_policy, own_rpfilter,
	own_socket, own_tcpmss, own_tos, own_u32, own_time, own_frag, own_exthdr, own_ipv6header;
own_fn own_connbytes, own_connlabel, own_conntrack;
own_fn own_connlimit, own_hashlimit, own_limit, own_quota, own_statistic;
own_fn own_set;

/* ---- targets ---- */
own_fn own_ct, own_log, own_nflog, own_nfqueue, own_mark, own_connmark, own_set_target;
