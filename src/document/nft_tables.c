/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources: libnftables-json(5), and what nft 1.0.6 to 1.1.3 print. */
#include "document/nft_tables.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

#define FIELD(key_, kinds_)                                                                        \
	{                                                                                          \
		.key = (key_), .kinds = (kinds_)                                                   \
	}
#define CHOICE(key_, kinds_, ...)                                                                  \
	{                                                                                          \
		.key = (key_), .kinds = (kinds_), .words = LIST(__VA_ARGS__)                       \
	}
#define NAMED(key_, kinds_, reference_)                                                            \
	{                                                                                          \
		.key = (key_), .kinds = (kinds_), .reference = (reference_)                        \
	}
#define NESTED(key_, kinds_, shape_)                                                               \
	{                                                                                          \
		.key = (key_), .kinds = SHAPE | (kinds_), .shape = &(shape_)                       \
	}
#define NESTED_NAMED(key_, kinds_, shape_, reference_)                                             \
	{                                                                                          \
		.key = (key_), .kinds = SHAPE | (kinds_), .shape = &(shape_),                      \
		.reference = (reference_)                                                          \
	}

#define DEFINE_SHAPE(name, what_, ...)                                                             \
	static const struct member name##_members[] = {__VA_ARGS__};                               \
	static const struct shape name = {                                                         \
		.what = (what_), .members = name##_members, .count = COUNT(name##_members)}
/* The first of two shapes, told by a key that only it has. */
#define DEFINE_SHAPE_OR(name, what_, key_, otherwise_, ...)                                        \
	static const struct member name##_members[] = {__VA_ARGS__};                               \
	static const struct shape name = {.what = (what_),                                         \
					  .members = name##_members,                               \
					  .count = COUNT(name##_members),                          \
					  .told_by = (key_),                                       \
					  .otherwise = &(otherwise_)}

#define FAMILIES "ip", "ip6", "inet", "arp", "bridge", "netdev"
#define UNITS "bytes", "kbytes", "mbytes"
#define TIMES "second", "minute", "hour", "day", "week"

/* What each object of a table begins with. */
#define OWNER                                                                                      \
	CHOICE("family", REQUIRED | WORD, FAMILIES), FIELD("table", REQUIRED | TEXT),              \
		FIELD("name", REQUIRED | TEXT), FIELD("handle", NUMBER), FIELD("comment", TEXT)

/* ---------------------------------------------------------------- objects of a ruleset */

DEFINE_SHAPE(metainfo, "metainfo", FIELD("version", TEXT), FIELD("release_name", TEXT),
	     FIELD("json_schema_version", NUMBER));

DEFINE_SHAPE(table, "a table", CHOICE("family", REQUIRED | WORD, FAMILIES),
	     FIELD("name", REQUIRED | TEXT), FIELD("handle", NUMBER), FIELD("comment", TEXT),
	     CHOICE("flags", WORDS, "dormant", "owner", "persist"));

DEFINE_SHAPE(chain, "a chain", OWNER, CHOICE("type", WORD, "filter", "nat", "route"),
	     CHOICE("hook", WORD, "prerouting", "input", "forward", "output", "postrouting",
		    "ingress", "egress"),
	     FIELD("prio", SIGNED), FIELD("dev", TEXTS), CHOICE("policy", WORD, "accept", "drop"));

DEFINE_SHAPE(rule, "a rule", CHOICE("family", REQUIRED | WORD, FAMILIES),
	     FIELD("table", REQUIRED | TEXT), NAMED("chain", REQUIRED | TEXT, REFERENCE_CHAIN),
	     FIELD("expr", REQUIRED | STATEMENTS), FIELD("handle", NUMBER), FIELD("index", NUMBER),
	     FIELD("comment", TEXT));

DEFINE_SHAPE(typeof_expression, "a type", FIELD("typeof", REQUIRED | EXPRESSION));

#define SET_FIELDS                                                                                 \
	OWNER, NESTED("type", REQUIRED | TEXTS, typeof_expression),                                \
		CHOICE("policy", WORD, "performance", "memory"),                                   \
		CHOICE("flags", WORDS, "constant", "interval", "timeout", "dynamic"),              \
		FIELD("elem", EXPRESSION), FIELD("timeout", NUMBER), FIELD("gc-interval", NUMBER), \
		FIELD("size", NUMBER), FIELD("stmt", STATEMENTS), FIELD("auto-merge", FLAG)

DEFINE_SHAPE(set, "a set", SET_FIELDS);
DEFINE_SHAPE(map, "a map", SET_FIELDS, NESTED("map", REQUIRED | TEXTS, typeof_expression));

DEFINE_SHAPE(element, "an element", CHOICE("family", REQUIRED | WORD, FAMILIES),
	     FIELD("table", REQUIRED | TEXT), NAMED("name", REQUIRED | TEXT, REFERENCE_SET),
	     FIELD("elem", REQUIRED | EXPRESSION));

DEFINE_SHAPE(flowtable, "a flowtable", OWNER, CHOICE("hook", REQUIRED | WORD, "ingress"),
	     FIELD("prio", REQUIRED | SIGNED), FIELD("dev", TEXTS),
	     CHOICE("flags", WORDS, "offload", "counter"));

DEFINE_SHAPE(counter_object, "a counter", OWNER, FIELD("packets", NUMBER), FIELD("bytes", NUMBER));

DEFINE_SHAPE(quota_object, "a quota", OWNER, FIELD("bytes", NUMBER), FIELD("used", NUMBER),
	     FIELD("inv", FLAG));

DEFINE_SHAPE(helper_object, "a ct helper", OWNER, FIELD("type", REQUIRED | TEXT),
	     FIELD("protocol", REQUIRED | TEXT | NUMBER),
	     CHOICE("l3proto", WORD, "ip", "ip6", "inet"));

DEFINE_SHAPE(timeout_object, "a ct timeout", OWNER, FIELD("protocol", REQUIRED | TEXT | NUMBER),
	     CHOICE("l3proto", WORD, "ip", "ip6", "inet"), FIELD("policy", NUMBERS | NOTHING),
	     FIELD("state", TEXT), FIELD("value", NUMBER));

DEFINE_SHAPE(expectation_object, "a ct expectation", OWNER,
	     FIELD("protocol", REQUIRED | TEXT | NUMBER),
	     CHOICE("l3proto", WORD, "ip", "ip6", "inet"), FIELD("dport", NUMBER),
	     FIELD("timeout", NUMBER), FIELD("size", NUMBER));

DEFINE_SHAPE(limit_object, "a limit", OWNER, FIELD("rate", REQUIRED | NUMBER),
	     CHOICE("per", REQUIRED | WORD, TIMES), CHOICE("rate_unit", WORD, "packets", UNITS),
	     FIELD("burst", NUMBER), CHOICE("burst_unit", WORD, "packets", UNITS),
	     CHOICE("unit", WORD, "packets", "bytes"), FIELD("inv", FLAG));

DEFINE_SHAPE(secmark_object, "a secmark", OWNER, FIELD("context", REQUIRED | TEXT));

DEFINE_SHAPE(synproxy_object, "a synproxy", OWNER, FIELD("mss", REQUIRED | NUMBER),
	     FIELD("wscale", REQUIRED | NUMBER), CHOICE("flags", WORDS, "timestamp", "sack-perm"));

const struct member nft_objects[] = {
	NESTED("metainfo", 0, metainfo),
	NESTED_NAMED("table", 0, table, REFERENCE_TABLE),
	NESTED_NAMED("chain", 0, chain, REFERENCE_CHAIN),
	NESTED("rule", 0, rule),
	NESTED_NAMED("set", 0, set, REFERENCE_SET),
	NESTED_NAMED("map", 0, map, REFERENCE_SET),
	NESTED("element", 0, element),
	NESTED_NAMED("flowtable", 0, flowtable, REFERENCE_FLOWTABLE),
	NESTED_NAMED("counter", 0, counter_object, REFERENCE_COUNTER),
	NESTED_NAMED("quota", 0, quota_object, REFERENCE_QUOTA),
	NESTED_NAMED("limit", 0, limit_object, REFERENCE_LIMIT),
	NESTED_NAMED("ct helper", 0, helper_object, REFERENCE_HELPER),
	NESTED_NAMED("ct timeout", 0, timeout_object, REFERENCE_TIMEOUT),
	NESTED_NAMED("ct expectation", 0, expectation_object, REFERENCE_EXPECTATION),
	NESTED_NAMED("secmark", 0, secmark_object, REFERENCE_SECMARK),
	NESTED_NAMED("synproxy", 0, synproxy_object, REFERENCE_SYNPROXY),
};
const size_t nft_object_count = COUNT(nft_objects);

/* ---------------------------------------------------------------- statements */

DEFINE_SHAPE(verdict_target, "a target", NAMED("target", REQUIRED | TEXT, REFERENCE_CHAIN));

DEFINE_SHAPE(match, "a match",
	     CHOICE("op", REQUIRED | WORD, "==", "!=", "<", ">", "<=", ">=", "in", "&", "|", "^",
		    "<<", ">>", "!"),
	     FIELD("left", REQUIRED | EXPRESSION), FIELD("right", REQUIRED | EXPRESSION));

DEFINE_SHAPE(counter, "a counter", FIELD("packets", NUMBER), FIELD("bytes", NUMBER));

DEFINE_SHAPE(mangle, "a mangle statement", FIELD("key", REQUIRED | EXPRESSION),
	     FIELD("value", REQUIRED | EXPRESSION));

DEFINE_SHAPE(quota, "a quota", FIELD("val", REQUIRED | NUMBER), CHOICE("val_unit", WORD, UNITS),
	     FIELD("used", NUMBER), CHOICE("used_unit", WORD, UNITS), FIELD("inv", FLAG));

DEFINE_SHAPE(limit, "a limit", FIELD("rate", REQUIRED | NUMBER),
	     CHOICE("per", REQUIRED | WORD, TIMES), CHOICE("rate_unit", WORD, "packets", UNITS),
	     FIELD("burst", NUMBER), CHOICE("burst_unit", WORD, "packets", UNITS),
	     FIELD("inv", FLAG));

DEFINE_SHAPE(flow, "a flow statement", CHOICE("op", REQUIRED | WORD, "add"),
	     NAMED("flowtable", REQUIRED | AT, REFERENCE_FLOWTABLE));

DEFINE_SHAPE(fwd, "a fwd statement", FIELD("dev", REQUIRED | EXPRESSION),
	     CHOICE("family", WORD, "ip", "ip6"), FIELD("addr", EXPRESSION));

DEFINE_SHAPE(dup, "a dup statement", FIELD("addr", REQUIRED | EXPRESSION),
	     FIELD("dev", EXPRESSION));

DEFINE_SHAPE(nat, "a NAT statement", CHOICE("family", WORD, "ip", "ip6"), FIELD("addr", EXPRESSION),
	     FIELD("port", EXPRESSION),
	     CHOICE("flags", WORDS, "random", "fully-random", "persistent", "netmap"),
	     CHOICE("type_flags", WORDS, "interval", "prefix", "concat"));

DEFINE_SHAPE(reject, "a reject statement",
	     CHOICE("type", WORD, "tcp reset", "icmp", "icmpv6", "icmpx"),
	     FIELD("expr", EXPRESSION));

#define SET_STATEMENT                                                                              \
	CHOICE("op", REQUIRED | WORD, "add", "update", "delete"),                                  \
		FIELD("elem", REQUIRED | EXPRESSION), FIELD("stmt", STATEMENTS)

DEFINE_SHAPE(set_statement, "a set statement", SET_STATEMENT,
	     NAMED("set", REQUIRED | AT, REFERENCE_SET));

DEFINE_SHAPE(map_statement, "a map statement", SET_STATEMENT,
	     NAMED("map", REQUIRED | AT, REFERENCE_SET), FIELD("data", REQUIRED | EXPRESSION));

DEFINE_SHAPE(log_statement, "a log statement", FIELD("prefix", TEXT), FIELD("group", NUMBER),
	     FIELD("snaplen", NUMBER), FIELD("queue-threshold", NUMBER),
	     CHOICE("level", WORD, "emerg", "alert", "crit", "err", "warn", "notice", "info",
		    "debug", "audit"),
	     CHOICE("flags", WORDS, "tcp sequence", "tcp options", "ip options", "skuid", "ether",
		    "all"));

DEFINE_SHAPE(meter, "a meter", FIELD("name", TEXT), FIELD("key", REQUIRED | EXPRESSION),
	     FIELD("stmt", REQUIRED | STATEMENT), FIELD("size", NUMBER));

DEFINE_SHAPE(queue, "a queue statement", FIELD("num", EXPRESSION),
	     CHOICE("flags", WORDS, "bypass", "fanout"));

DEFINE_SHAPE(connection_count, "a ct count", FIELD("val", REQUIRED | NUMBER), FIELD("inv", FLAG));

DEFINE_SHAPE(tproxy, "a tproxy statement", CHOICE("family", WORD, "ip", "ip6"),
	     FIELD("addr", EXPRESSION), FIELD("port", EXPRESSION));

DEFINE_SHAPE(synproxy, "a synproxy statement", FIELD("mss", NUMBER), FIELD("wscale", NUMBER),
	     CHOICE("flags", WORDS, "timestamp", "sack-perm"));

DEFINE_SHAPE(last, "a last statement", FIELD("used", NUMBER));

DEFINE_SHAPE(mapping, "a map", FIELD("key", REQUIRED | EXPRESSION),
	     FIELD("data", REQUIRED | EXPRESSION));

/* Verdicts are statements, and values of maps. */
#define VERDICTS                                                                                   \
	FIELD("accept", NOTHING), FIELD("drop", NOTHING), FIELD("continue", NOTHING),              \
		FIELD("return", NOTHING), NESTED("jump", 0, verdict_target),                       \
		NESTED("goto", 0, verdict_target)

const struct member nft_statements[] = {
	VERDICTS,
	NESTED("match", 0, match),
	NESTED("vmap", 0, mapping),
	NESTED_NAMED("counter", NOTHING | TEXT | LOOKUP, counter, REFERENCE_COUNTER),
	NESTED("mangle", 0, mangle),
	NESTED_NAMED("quota", TEXT | LOOKUP, quota, REFERENCE_QUOTA),
	NESTED_NAMED("limit", TEXT | LOOKUP, limit, REFERENCE_LIMIT),
	NESTED("flow", 0, flow),
	NESTED("fwd", 0, fwd),
	FIELD("notrack", NOTHING),
	NESTED("dup", 0, dup),
	NESTED("snat", 0, nat),
	NESTED("dnat", 0, nat),
	NESTED("masquerade", NOTHING, nat),
	NESTED("redirect", NOTHING, nat),
	NESTED("reject", NOTHING, reject),
	NESTED("set", 0, set_statement),
	NESTED("map", 0, map_statement),
	NESTED("log", NOTHING, log_statement),
	NAMED("ct helper", TEXT | LOOKUP, REFERENCE_HELPER),
	NAMED("ct timeout", TEXT | LOOKUP, REFERENCE_TIMEOUT),
	NAMED("ct expectation", TEXT | LOOKUP, REFERENCE_EXPECTATION),
	NESTED("meter", 0, meter),
	NESTED("queue", NOTHING, queue),
	NESTED("ct count", 0, connection_count),
	NESTED("tproxy", 0, tproxy),
	NESTED_NAMED("synproxy", NOTHING | TEXT | LOOKUP, synproxy, REFERENCE_SYNPROXY),
	FIELD("reset", LOOKUP),
	NAMED("secmark", TEXT | LOOKUP, REFERENCE_SECMARK),
	NESTED("last", NOTHING, last),
};
const size_t nft_statement_count = COUNT(nft_statements);

/* ---------------------------------------------------------------- expressions */

DEFINE_SHAPE(prefix, "a prefix", FIELD("addr", REQUIRED | EXPRESSION),
	     FIELD("len", REQUIRED | NUMBER));

DEFINE_SHAPE(payload_named, "a payload", FIELD("protocol", REQUIRED | TEXT),
	     FIELD("field", REQUIRED | TEXT), FIELD("tunnel", TEXT));
DEFINE_SHAPE_OR(payload, "a raw payload", "base", payload_named,
		CHOICE("base", REQUIRED | WORD, "ll", "nh", "th", "ih"),
		FIELD("offset", REQUIRED | NUMBER), FIELD("len", REQUIRED | NUMBER));

DEFINE_SHAPE(header_field, "a header's field", FIELD("name", REQUIRED | TEXT), FIELD("field", TEXT),
	     FIELD("offset", NUMBER));

DEFINE_SHAPE(option_field, "an option's field", FIELD("name", REQUIRED | TEXT),
	     FIELD("field", TEXT));
DEFINE_SHAPE_OR(tcp_option, "a raw tcp option", "base", option_field,
		FIELD("base", REQUIRED | NUMBER), FIELD("offset", REQUIRED | NUMBER),
		FIELD("len", REQUIRED | NUMBER));

DEFINE_SHAPE(dccp_option, "a dccp option", FIELD("type", REQUIRED | NUMBER));

DEFINE_SHAPE(keyed, "a key", FIELD("key", REQUIRED | TEXT));

DEFINE_SHAPE(rt, "an rt expression",
	     CHOICE("key", REQUIRED | WORD, "classid", "nexthop", "mtu", "ipsec"),
	     CHOICE("family", WORD, "ip", "ip6"));

DEFINE_SHAPE(ct, "a ct expression", FIELD("key", REQUIRED | TEXT),
	     CHOICE("family", WORD, "ip", "ip6"), CHOICE("dir", WORD, "original", "reply"));

DEFINE_SHAPE(numgen, "a numgen expression", CHOICE("mode", REQUIRED | WORD, "inc", "random"),
	     FIELD("mod", REQUIRED | NUMBER), FIELD("offset", NUMBER));

DEFINE_SHAPE(jhash, "a jhash expression", FIELD("mod", REQUIRED | NUMBER), FIELD("offset", NUMBER),
	     FIELD("expr", REQUIRED | EXPRESSION), FIELD("seed", NUMBER));

DEFINE_SHAPE(symhash, "a symhash expression", FIELD("mod", REQUIRED | NUMBER),
	     FIELD("offset", NUMBER));

DEFINE_SHAPE(fib, "a fib expression",
	     CHOICE("result", REQUIRED | WORD, "oif", "oifname", "type", "check"),
	     CHOICE("flags", WORDS, "saddr", "daddr", "mark", "iif", "oif"));

DEFINE_SHAPE(ipsec, "an ipsec expression",
	     CHOICE("key", REQUIRED | WORD, "saddr", "daddr", "reqid", "spi"),
	     CHOICE("family", WORD, "ip", "ip6"), CHOICE("dir", WORD, "in", "out"),
	     FIELD("spnum", NUMBER));

DEFINE_SHAPE(osf, "an osf expression", CHOICE("key", REQUIRED | WORD, "name", "version"),
	     CHOICE("ttl", WORD, "loose", "skip"));

/* Statements of an element stand beside its value. */
DEFINE_SHAPE(elem, "an element", FIELD("val", REQUIRED | EXPRESSION), FIELD("timeout", NUMBER),
	     FIELD("expires", NUMBER), FIELD("comment", TEXT), NESTED("counter", NOTHING, counter),
	     NESTED("quota", 0, quota), NESTED("limit", 0, limit),
	     NESTED("ct count", 0, connection_count), NESTED("last", NOTHING, last));

const struct member nft_expressions[] = {
	FIELD("concat", EXPRESSIONS),
	FIELD("set", EXPRESSION),
	NESTED("map", 0, mapping),
	NESTED("prefix", 0, prefix),
	FIELD("range", PAIR),
	NESTED("payload", 0, payload),
	NESTED("exthdr", 0, header_field),
	NESTED("tcp option", 0, tcp_option),
	NESTED("ip option", 0, option_field),
	NESTED("sctp chunk", 0, option_field),
	NESTED("dccp option", 0, dccp_option),
	NESTED("meta", 0, keyed),
	NESTED("rt", 0, rt),
	NESTED("ct", 0, ct),
	NESTED("numgen", 0, numgen),
	NESTED("jhash", 0, jhash),
	NESTED("symhash", 0, symhash),
	NESTED("fib", 0, fib),
	NESTED("socket", 0, keyed),
	NESTED("osf", 0, osf),
	NESTED("ipsec", 0, ipsec),
	FIELD("|", PAIR),
	FIELD("^", PAIR),
	FIELD("&", PAIR),
	FIELD("<<", PAIR),
	FIELD(">>", PAIR),
	NESTED("elem", 0, elem),
	VERDICTS,
};
const size_t nft_expression_count = COUNT(nft_expressions);
