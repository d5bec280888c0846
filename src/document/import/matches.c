/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands behind -m. */
#include "document/import/extension_rows.h"

static const struct option_def tcp[] = {
	TOOL("source-port", "tcp sport !%P"),
	TOOL("sport", "tcp sport !%P"),
	TOOL("destination-port", "tcp dport !%P"),
	TOOL("dport", "tcp dport !%P"),
	OWN_TWO("tcp-flags"),
	OWN_FLAG("syn"),
	OWN("tcp-option"),
};
static const struct option_def udp[] = {
	TOOL("source-port", "udp sport !%P"),
	TOOL("sport", "udp sport !%P"),
	TOOL("destination-port", "udp dport !%P"),
	TOOL("dport", "udp dport !%P"),
};
static const struct option_def sctp[] = {
	TOOL("source-port", "sctp sport !%P"),
	TOOL("sport", "sctp sport !%P"),
	TOOL("destination-port", "sctp dport !%P"),
	TOOL("dport", "sctp dport !%P"),
	OWN_TWO("chunk-types"),
};
static const struct option_def dccp[] = {
	TOOL("source-port", "dccp sport !%P"),
	TOOL("sport", "dccp sport !%P"),
	TOOL("destination-port", "dccp dport !%P"),
	TOOL("dport", "dccp dport !%P"),
	TOOL("dccp-types", "dccp type !*"),
	NOT("dccp-option", "nft 1.0.6 does not read DCCP options"),
};
static const struct option_def icmp[] = {OWN("icmp-type")};
static const struct option_def icmp6[] = {OWN("icmpv6-type")};
static const struct option_def mh[] = {OWN("mh-type")};
static const struct option_def esp[] = {TOOL("espspi", "esp spi !%R")};
static const struct option_def ah4[] = {TOOL("ahspi", "ah spi !%R")};
static const struct option_def ipcomp[] = {
	TOOL("ipcompspi", "comp cpi !%R"),
	NOT_FLAG("compres", "nf_tables does not look at that field for it"),
};
static const struct option_def addrtype[] = {
	OWN("src-type"),
	OWN("dst-type"),
	OWN_FLAG("limit-iface-in"),
	OWN_FLAG("limit-iface-out"),
};
static const struct option_def cgroup[] = {TOOL("cgroup", "meta cgroup !%d"), OWN("path")};
static const struct option_def comment[] = {OWN("comment")};
static const struct option_def connbytes[] = {
	OWN("connbytes"),
	OWN("connbytes-dir"),
	OWN("connbytes-mode"),
};
static const struct option_def connlabel[] = {
	OWN("label"),
	NOT_FLAG("set", "nf_tables sets labels in a statement of its own"),
};
static const struct option_def connlimit[] = {
	OWN("connlimit-upto"),	     OWN("connlimit-above"),	  OWN("connlimit-mask"),
	OWN_FLAG("connlimit-saddr"), OWN_FLAG("connlimit-daddr"),
};
static const struct option_def connmark[] = {TOOL("mark", "ct mark %M")};
static const struct option_def conntrack[] = {
	OWN("ctstate"),	      OWN("ctproto"),	    OWN("ctorigsrc"),	  OWN("ctorigdst"),
	OWN("ctreplsrc"),     OWN("ctrepldst"),	    OWN("ctorigsrcport"), OWN("ctorigdstport"),
	OWN("ctreplsrcport"), OWN("ctrepldstport"), OWN("ctstatus"),	  OWN("ctexpire"),
	OWN("ctdir"),
};
static const struct option_def state[] = {OWN("state")};
static const struct option_def cpu[] = {TOOL("cpu", "cpu !%d")};
static const struct option_def devgroup[] = {
	TOOL("src-group", "iifgroup %M|iifgroup !*"),
	TOOL("dst-group", "oifgroup %M|oifgroup !*"),
};
static const struct option_def dscp[] = {
	TOOL("dscp", "%F dscp !%H"),
	TOOL("dscp-class", "%F dscp !*"),
};
static const struct option_def ecn[] = {
	OWN_FLAG("ecn-tcp-cwr"),
	OWN_FLAG("ecn-tcp-ece"),
	OWN("ecn-ip-ect"),
};
static const struct option_def hashlimit[] = {
	OWN("hashlimit-upto"),
	OWN("hashlimit-above"),
	OWN("hashlimit"),
	OWN("hashlimit-burst"),
	OWN("hashlimit-mode"),
	OWN("hashlimit-srcmask"),
	OWN("hashlimit-dstmask"),
	OWN("hashlimit-name"),
	NOTHING("hashlimit-htable-size"),
	OWN("hashlimit-htable-max"),
	OWN("hashlimit-htable-expire"),
	NOTHING("hashlimit-htable-gcinterval"),
	NOT_FLAG("hashlimit-rate-match", "nf_tables has no such rate"),
	NOT("hashlimit-rate-interval", "nf_tables has no such rate"),
};
static const struct option_def helper[] = {OWN("helper")};
static const struct option_def iprange[] = {OWN("src-range"), OWN("dst-range")};
static const struct option_def length[] = {TOOL("length", "meta length !%L")};
static const struct option_def limit[] = {OWN("limit"), OWN("limit-burst")};
static const struct option_def mac[] = {TOOL("mac-source", "ether saddr !%l")};
static const struct option_def mark[] = {TOOL("mark", "mark %M")};
static const struct option_def multiport[] = {
	OWN("source-ports"), OWN("sports"), OWN("destination-ports"), OWN("dports"), OWN("ports"),
};
static const struct option_def owner[] = {
	OWN("uid-owner"),
	OWN("gid-owner"),
	NOT_FLAG("socket-exists",
		 "nf_tables sees sockets that have an owner, not the kernel's own"),
	NOT_FLAG("suppl-groups", "nf_tables does not see supplementary groups"),
};
static const struct option_def pkttype[] = {TOOL("pkt-type", "pkttype !*")};
static const struct option_def policy[] = {
	OWN("dir"),
	OWN("pol"),
	NOT_FLAG("strict", "nf_tables has no strict order of transforms"),
	NOT("reqid", "nf_tables looks at one transform only"),
	NOT("spi", "nf_tables looks at one transform only"),
	NOT("proto", "nf_tables does not see it"),
	NOT("mode", "nf_tables does not see it"),
	NOT("tunnel-src", "nf_tables looks at one transform only"),
	NOT("tunnel-dst", "nf_tables looks at one transform only"),
	NOT_FLAG("next", "nf_tables looks at one transform only"),
};
static const struct option_def quota[] = {OWN("quota")};
static const struct option_def realm[] = {TOOL("realm", "rtclassid %M|rtclassid !*")};
static const struct option_def rpfilter[] = {
	OWN_FLAG("loose"),
	OWN_FLAG("validmark"),
	OWN_FLAG("accept-local"),
	OWN_FLAG("invert"),
};
static const struct option_def set_match[] = {
	OWN_TWO("match-set"),
	OWN_TWO("set"),
	NOT_FLAG("return-nomatch", "an nft set has no such elements"),
	NOTHING_FLAG("update-counters"),
	NOTHING_FLAG("update-subcounters"),
	NOT("packets-eq", "an nft set's elements are not matched by their counters"),
	NOT("packets-lt", "an nft set's elements are not matched by their counters"),
	NOT("packets-gt", "an nft set's elements are not matched by their counters"),
	NOT("bytes-eq", "an nft set's elements are not matched by their counters"),
	NOT("bytes-lt", "an nft set's elements are not matched by their counters"),
	NOT("bytes-gt", "an nft set's elements are not matched by their counters"),
};
static const struct option_def socket_match[] = {
	OWN_FLAG("transparent"),
	OWN_FLAG("nowildcard"),
	NOT_FLAG("restore-skmark", "nft 1.0.6 sets no mark from a socket's"),
};
static const struct option_def statistic[] = {
	OWN("mode"),
	OWN("probability"),
	OWN("every"),
	OWN("packet"),
};
static const struct option_def tcpmss[] = {OWN("mss")};
static const struct option_def time_match[] = {
	OWN("datestart"),
	OWN("datestop"),
	OWN("timestart"),
	OWN("timestop"),
	OWN("weekdays"),
	OWN_FLAG("contiguous"),
	NOTHING_FLAG("utc"),
	NOT("monthdays", "nf_tables does not know days of the month"),
	NOT_FLAG("kerneltz", "nf_tables has UTC only"),
	NOT_FLAG("localtz", "nf_tables has UTC only"),
};
static const struct option_def tos[] = {OWN("tos")};
static const struct option_def ttl[] = {
	TOOL("ttl-eq", "ip ttl !%d"),
	TOOL("ttl", "ip ttl !%d"),
	TOOL("ttl-lt", "ip ttl lt %d"),
	TOOL("ttl-gt", "ip ttl gt %d"),
};
static const struct option_def hl[] = {
	TOOL("hl-eq", "ip6 hoplimit !%d"),
	TOOL("hl-lt", "ip6 hoplimit lt %d"),
	TOOL("hl-gt", "ip6 hoplimit gt %d"),
};
static const struct option_def u32[] = {OWN("u32")};
static const struct option_def frag[] = {
	TOOL("fragid", "frag id !%R"),
	NOT("fraglen", "nf_tables does not look at that field"),
	OWN_FLAG("fragres"),
	FLAG("fragfirst", "frag frag-off 0"),
	FLAG("fragmore", "frag more-fragments 1"),
	FLAG("fraglast", "frag more-fragments 0"),
};
static const struct option_def hbh[] = {
	OWN("hbh-len"),
	NOT("hbh-opts", "nft 1.0.6 does not read IPv6 options"),
};
static const struct option_def dst[] = {
	OWN("dst-len"),
	NOT("dst-opts", "nft 1.0.6 does not read IPv6 options"),
};
static const struct option_def rt[] = {
	OWN("rt-type"),
	OWN("rt-segsleft"),
	OWN("rt-len"),
	NOT_FLAG("rt-0-res", "nf_tables does not look at that field"),
	NOT("rt-0-addrs", "nf_tables does not look at lists of addresses"),
	NOT_FLAG("rt-0-not-strict", "nf_tables does not look at lists of addresses"),
};
static const struct option_def ipv6header[] = {OWN("header"), OWN_FLAG("soft")};

#define MATCH(name, options)                                                                       \
	{                                                                                          \
		name, false, FAMILY_BOTH, NULL, NULL, LIST(options), false                         \
	}
#define MATCH_OWN(name, own, options)                                                              \
	{                                                                                          \
		name, false, FAMILY_BOTH, NULL, own, LIST(options), false                          \
	}
#define MATCH_4(name, own, options)                                                                \
	{                                                                                          \
		name, false, FAMILY_4, NULL, own, LIST(options), false                             \
	}
#define MATCH_6(name, own, options)                                                                \
	{                                                                                          \
		name, false, FAMILY_6, NULL, own, LIST(options), false                             \
	}
#define NO_MATCH(name, why)                                                                        \
	{                                                                                          \
		name, false, FAMILY_BOTH, why, NULL, NULL, 0, false                                \
	}
#define NO_MATCH_6(name, why)                                                                      \
	{                                                                                          \
		name, false, FAMILY_6, why, NULL, NULL, 0, false                                   \
	}

const struct extension match_extensions[] = {
	MATCH_OWN("tcp", own_tcp, tcp),
	MATCH_OWN("udp", own_ports, udp),
	MATCH_OWN("sctp", own_sctp, sctp),
	MATCH_OWN("dccp", own_ports, dccp),
	MATCH_4("icmp", own_icmp, icmp),
	MATCH_6("icmp6", own_icmp, icmp6),
	MATCH_6("icmpv6", own_icmp, icmp6),
	MATCH_6("ipv6-icmp", own_icmp, icmp6),
	MATCH_6("mh", own_mh, mh),
	MATCH("esp", esp),
	MATCH_4("ah", NULL, ah4),
	NO_MATCH_6("ah", "nf_tables takes AH for one of the headers that it skips in IPv6"),
	MATCH_OWN("ipcomp", own_ipcomp, ipcomp),
	MATCH_OWN("addrtype", own_addrtype, addrtype),
	NO_MATCH("bpf", "nf_tables runs no BPF programs"),
	MATCH_OWN("cgroup", own_cgroup, cgroup),
	NO_MATCH("cluster", "nf_tables hashes other bytes, so packets would go to other nodes"),
	MATCH_OWN("comment", NULL, comment),
	MATCH_OWN("connbytes", own_connbytes, connbytes),
	MATCH_OWN("connlabel", own_connlabel, connlabel),
	{"connlimit", false, FAMILY_BOTH, NULL, own_connlimit, LIST(connlimit), true},
	MATCH("connmark", connmark),
	MATCH_OWN("conntrack", own_conntrack, conntrack),
	MATCH_OWN("state", own_conntrack, state),
	MATCH("cpu", cpu),
	MATCH("devgroup", devgroup),
	MATCH("dscp", dscp),
	MATCH_OWN("ecn", own_ecn, ecn),
	{"hashlimit", false, FAMILY_BOTH, NULL, own_hashlimit, LIST(hashlimit), true},
	MATCH_OWN("helper", own_helper, helper),
	MATCH_OWN("iprange", own_iprange, iprange),
	NO_MATCH("ipvs", "nf_tables does not see IPVS"),
	MATCH("length", length),
	MATCH_OWN("limit", own_limit, limit),
	MATCH("mac", mac),
	MATCH("mark", mark),
	MATCH_OWN("multiport", own_multiport, multiport),
	NO_MATCH("nfacct", "nf_tables has counters of its own, not those of nfacct"),
	NO_MATCH("osf", "nf_tables tells it otherwise for packets that fit no fingerprint"),
	MATCH_OWN("owner", own_owner, owner),
	NO_MATCH("physdev", "nf_tables does not see bridge ports from IP chains"),
	MATCH("pkttype", pkttype),
	MATCH_OWN("policy", own_policy, policy),
	MATCH_OWN("quota", own_quota, quota),
	NO_MATCH("rateest", "nf_tables has no rate estimators"),
	MATCH_4("realm", NULL, realm),
	NO_MATCH("recent", "nf_tables has no such list; use a set with a timeout"),
	MATCH_OWN("rpfilter", own_rpfilter, rpfilter),
	{"set", false, FAMILY_BOTH, NULL, own_set, LIST(set_match), false},
	MATCH_OWN("socket", own_socket, socket_match),
	{"statistic", false, FAMILY_BOTH, NULL, own_statistic, LIST(statistic), false},
	NO_MATCH("string", "nf_tables does not search in packets"),
	MATCH_OWN("tcpmss", own_tcpmss, tcpmss),
	MATCH_OWN("time", own_time, time_match),
	MATCH_OWN("tos", own_tos, tos),
	MATCH_4("ttl", NULL, ttl),
	MATCH_6("hl", NULL, hl),
	MATCH_OWN("u32", own_u32, u32),
	NO_MATCH_6("eui64", "nf_tables does not compare an address with the link's"),
	MATCH_6("frag", own_frag, frag),
	MATCH_6("hbh", own_exthdr, hbh),
	MATCH_6("dst", own_exthdr, dst),
	MATCH_6("rt", own_exthdr, rt),
	MATCH_6("ipv6header", own_ipv6header, ipv6header),
	NO_MATCH_6("srh", "nft 1.0.6 has no match for most of its fields"),
};
const size_t match_extensions_count = sizeof(match_extensions) / sizeof(match_extensions[0]);
