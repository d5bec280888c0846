/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/reserved.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Found by asking nft 1.0.6 to add a table of each name that its library and manual have; sorted.
 */
static const char *const words[] = {
	"accept",     "add",	  "ah",	      "all",	     "and",	 "arp",	     "auto-merge",
	"bridge",     "cgroup",	  "chain",    "comment",     "comp",	 "constant", "continue",
	"counter",    "cpu",	  "create",   "ct",	     "day",	 "dccp",     "define",
	"delete",     "describe", "device",   "devices",     "dnat",	 "drop",     "dst",
	"dup",	      "dynamic",  "ecn",      "element",     "elements", "esp",	     "ether",
	"exists",     "expires",  "exthdr",   "fib",	     "flags",	 "flow",     "flowtable",
	"flush",      "frag",	  "fwd",      "gc-interval", "get",	 "goto",     "handle",
	"hbh",	      "hook",	  "hour",     "ibriport",    "ibrname",	 "icmp",     "icmpv6",
	"igmp",	      "iif",	  "iifgroup", "iifname",     "iiftype",	 "include",  "index",
	"inet",	      "insert",	  "interval", "ip",	     "ip6",	 "ipsec",    "jhash",
	"jump",	      "limit",	  "list",     "log",	     "lt",	 "map",	     "mark",
	"masquerade", "meta",	  "meter",    "mh",	     "missing",	 "monitor",  "ne",
	"netdev",     "nftrace",  "not",      "notrack",     "numgen",	 "obriport", "obrname",
	"offload",    "oif",	  "oifgroup", "oifname",     "oiftype",	 "or",	     "osf",
	"pkttype",    "policy",	  "position", "priority",    "queue",	 "quota",    "random",
	"redefine",   "redirect", "reject",   "rename",	     "replace",	 "reset",    "return",
	"rt",	      "rt0",	  "rt2",      "rtclassid",   "rule",	 "ruleset",  "sctp",
	"secmark",    "set",	  "size",     "skgid",	     "skuid",	 "snat",     "socket",
	"srh",	      "symhash",  "synproxy", "table",	     "tcp",	 "th",	     "time",
	"timeout",    "tproxy",	  "type",     "typeof",	     "udp",	 "udplite",  "undefine",
	"update",     "vlan",	  "vmap",     "xt",
};

static int compare(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

bool nft_word_is_reserved(const char *word)
{
	return bsearch(word, words, sizeof(words) / sizeof(*words), sizeof(*words), compare);
}

bool nft_name_is_valid(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_' && *name != '.')
		return false;
	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("/_.-", *at))
			return false;
	return strlen(name) <= 255;
}
