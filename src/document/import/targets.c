/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands behind -j. */
#include "document/import/extension_rows.h"

static const struct option_def ct_target[] = {
	OWN_FLAG("notrack"), OWN("helper"), OWN("timeout"),   OWN("ctevents"),
	OWN("expevents"),    OWN("zone"),   OWN("zone-orig"), OWN("zone-reply"),
};
static const struct option_def log_target[] = {
	OWN("log-level"),
	OWN("log-prefix"),
	OWN_FLAG("log-tcp-sequence"),
	OWN_FLAG("log-tcp-options"),
	OWN_FLAG("log-ip-options"),
	OWN_FLAG("log-uid"),
	OWN_FLAG("log-macdecode"),
};
static const struct option_def nflog[] = {
	OWN("nflog-group"),	OWN("nflog-prefix"),	OWN("nflog-size"),
	OWN("nflog-threshold"), NOTHING("nflog-range"),
};
static const struct option_def nfqueue[] = {
	OWN("queue-num"),
	OWN("queue-balance"),
	OWN_FLAG("queue-bypass"),
	OWN_FLAG("queue-cpu-fanout"),
};
static const struct option_def mark_target[] = {
	OWN("set-mark"), OWN("set-xmark"), OWN("and-mark"), OWN("or-mark"), OWN("xor-mark"),
};
static const struct option_def connmark_target[] = {
	OWN("set-mark"),
	OWN("set-xmark"),
	OWN("and-mark"),
	OWN("or-mark"),
	OWN("xor-mark"),
	OWN_FLAG("save-mark"),
	OWN_FLAG("restore-mark"),
	OWN("nfmask"),
	OWN("ctmask"),
	OWN("mask"),
	NOT("left-shift-mark", "nft 1.0.6 does not shift marks"),
	NOT("right-shift-mark", "nft 1.0.6 does not shift marks"),
};
static const struct option_def classify[] = {TOOL("set-class", "meta priority set *")};
static const struct option_def tee[] = {
	TOOL("gateway", "dup to %v"),
	NOT("oif", "nf_tables binds it to the index of an interface that is there at that moment"),
};
static const struct option_def audit[] = {TOOL("type", "log level audit")};
static const struct option_def set_target[] = {
	OWN_TWO("add-set"),
	OWN_TWO("del-set"),
	OWN("timeout"),
	OWN_FLAG("exist"),
	{"map-set", 2, HOW_REFUSED, "nft 1.0.6 cannot take a mark from a set's element"},
	NOT_FLAG("map-mark", "nft 1.0.6 cannot take a mark from a set's element"),
	NOT_FLAG("map-prio", "nft 1.0.6 cannot take a mark from a set's element"),
	NOT_FLAG("map-queue", "nft 1.0.6 cannot take a mark from a set's element"),
};

#define TARGET(name, options)                                                                      \
	{                                                                                          \
		name, true, FAMILY_BOTH, NULL, NULL, LIST(options), false                          \
	}
#define TARGET_OWN(name, own, options)                                                             \
	{                                                                                          \
		name, true, FAMILY_BOTH, NULL, own, LIST(options), false                           \
	}
#define PLAIN(name)                                                                                \
	{                                                                                          \
		name, true, FAMILY_BOTH, NULL, NULL, NULL, 0, false                                \
	}
#define NO_TARGET(name, why)                                                                       \
	{                                                                                          \
		name, true, FAMILY_BOTH, why, NULL, NULL, 0, false                                 \
	}
#define NOT_RAW(name, where) NO_TARGET(name, "iptables takes it in the " where " only")

const struct extension target_extensions[] = {
	PLAIN("NOTRACK"),
	PLAIN("TRACE"),
	PLAIN("ACCEPT"),
	PLAIN("DROP"),
	PLAIN("RETURN"),
	PLAIN("QUEUE"),
	TARGET_OWN("CT", own_ct, ct_target),
	TARGET_OWN("LOG", own_log, log_target),
	TARGET_OWN("NFLOG", own_nflog, nflog),
	TARGET_OWN("NFQUEUE", own_nfqueue, nfqueue),
	TARGET_OWN("MARK", own_mark, mark_target),
	TARGET_OWN("CONNMARK", own_connmark, connmark_target),
	TARGET("CLASSIFY", classify),
	TARGET("TEE", tee),
	TARGET("AUDIT", audit),
	TARGET_OWN("SET", own_set_target, set_target),
	NO_TARGET("RAWDNAT", "nf_tables rewrites no address without a connection entry"),
	NO_TARGET("RAWSNAT", "nf_tables rewrites no address without a connection entry"),
	NO_TARGET("HMARK", "nf_tables hashes other bytes, so packets would get other marks"),
	NO_TARGET("IDLETIMER", "nf_tables has no such timer"),
	NO_TARGET("LED", "nf_tables drives no lamps"),
	NO_TARGET("SYNPROXY", "nf_tables takes it in input and forward chains only"),
	NO_TARGET("RATEEST", "nf_tables has no rate estimators"),
	NOT_RAW("CHECKSUM", "mangle table"),
	NOT_RAW("CLUSTERIP", "filter table"),
	NOT_RAW("CONNSECMARK", "mangle and security tables"),
	NOT_RAW("DNAT", "nat table"),
	NOT_RAW("DNPT", "mangle table"),
	NOT_RAW("DSCP", "mangle table"),
	NOT_RAW("ECN", "mangle table"),
	NOT_RAW("HL", "mangle table"),
	NOT_RAW("MASQUERADE", "nat table"),
	NOT_RAW("NETMAP", "nat table"),
	NOT_RAW("REDIRECT", "nat table"),
	NOT_RAW("REJECT", "filter table"),
	NOT_RAW("SECMARK", "mangle and security tables"),
	NOT_RAW("SNAT", "nat table"),
	NOT_RAW("SNPT", "mangle table"),
	NOT_RAW("TCPMSS", "mangle table"),
	NOT_RAW("TCPOPTSTRIP", "mangle table"),
	NOT_RAW("TOS", "mangle table"),
	NOT_RAW("TPROXY", "mangle table"),
	NOT_RAW("TTL", "mangle table"),
	NO_TARGET("ULOG", "Linux has had none since 3.17"),
};
const size_t target_extensions_count = sizeof(target_extensions) / sizeof(target_extensions[0]);
