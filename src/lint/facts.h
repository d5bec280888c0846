/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rulesets as facts: what a rule demands of a packet and what it does to it, read once from the
 * kernel's expressions (and from the binary structures of iptables' extensions), for walk.h to
 * reason with. What a packet's description cannot tell becomes an opaque fact, never a guess.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/mirror.h"
#include "lint/arena.h"
#include "lint/ranges.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

/* What describes a packet. */
enum key {
	KEY_NFPROTO,   /* NFPROTO_IPV4, NFPROTO_IPV6 */
	KEY_ETHERTYPE, /* ETH_P_* */
	KEY_L4PROTO,
	KEY_SADDR4,
	KEY_DADDR4,
	KEY_SADDR6,
	KEY_DADDR6,
	KEY_SPORT,
	KEY_DPORT,
	KEY_TCPFLAGS,
	KEY_ICMPTYPE,
	KEY_ICMPCODE,
	KEY_IIFNAME, /* as 16 bytes, zeros behind; all zeros where there is no interface */
	KEY_OIFNAME,
	KEY_MARK,
	KEY_CTSTATE,   /* exactly one bit of STATE_* */
	KEY_SADDRTYPE, /* RTN_* */
	KEY_DADDRTYPE,
	KEYS
};

enum {
	STATE_INVALID = 1,
	STATE_ESTABLISHED = 2,
	STATE_RELATED = 4,
	STATE_NEW = 8,
	STATE_UNTRACKED = 64,
};

/* All values of a key; never empty. Made once for the table of domains that it is asked with. */
struct domains {
	const struct ranges *of[KEYS];
};
const struct ranges *key_domain(struct arena *arena, struct domains *domains, enum key key);
unsigned key_bytes(enum key key);

enum fact_kind {
	FACT_RANGES,   /* the key is in ranges */
	FACT_BOXES,    /* the keys are in one of the boxes (negated: in none) */
	FACT_VERDICTS, /* likewise, and each box has its verdict: a verdict map */
	FACT_MASK,     /* (key & mask) == value (negated: differs) */
	FACT_OPAQUE,   /* a condition that the description does not tell */
	FACT_ENTRY,    /* reads the connection's entry: without one the rule does not match */
	FACT_VERDICT,  /* the rule ends with it */
	FACT_MARK,     /* mark = (mark & keep) ^ value, or anything */
	FACT_EFFECT,
};

enum opaque {
	OPAQUE_FREE, /* surely true for some packets and false for others: a rate, a length, an hour
		      */
	OPAQUE_UNSURE, /* may be true for none or for all */
};

enum effect {
	EFFECT_NOTRACK,
	EFFECT_TEMPLATE, /* gives the packet a template: zone, timeout, xt helper */
	EFFECT_HELPER,	 /* assigns a helper */
	EFFECT_NAT,	 /* source or destination NAT, masquerade, redirect */
	EFFECT_TPROXY,
	EFFECT_SYNPROXY,
	EFFECT_FLOW,	  /* offloads to a flowtable */
	EFFECT_SET_ENTRY, /* writes to the connection's entry: mark, label, events */
	EFFECT_LIMIT,	  /* a rate, quota or connection count: no verdict of its own */
};

struct chain_facts;

/* What NAT makes of a packet. NULL: left as it is, or (unknown) not told by the rule. */
struct translation {
	bool source;
	bool here; /* to an address of this host: redirect */
	const struct ranges *address;
	const struct ranges *port;
	bool unknown;
};

struct verdict {
	int32_t code; /* NF_ACCEPT, NF_DROP, NF_QUEUE, NFT_JUMP, …; NF_STOLEN ends the packet well
		       */
	const char *chain;
	const struct chain_facts *target; /* jump and goto; NULL if unknown */
};

struct box_facts {
	unsigned keys;
	unsigned ordered; /* the key by whose first and last values they are in order; keys: none */
	const enum key *key;
	size_t n;
	const struct interval *v; /* n times keys */
	const struct verdict
		*verdicts; /* FACT_VERDICTS: n, and one more for the rest if rest is set */
	bool rest;	   /* there is an element for all else */
	bool negated;
};

struct masked {
	number mask;
	number value;
};

/* There are four or five for each rule, and very many rules. */
struct fact {
	enum fact_kind kind;
	const char *what; /* words for messages: "ct mark", "limit", "dnat" */
	union {
		struct {
			enum key key;
			const struct ranges *ranges;
		} in;
		struct box_facts boxes;
		struct {
			enum key key;
			bool negated;
			const struct masked *is;
		} mask;
		struct {
			uint64_t id; /* the same condition has the same; 0: asked anew each time */
			enum opaque kind;
			bool negated;
		} opaque;
		struct verdict verdict;
		struct {
			bool known;
			uint32_t keep;
			uint32_t value;
		} mark;
		struct {
			enum effect effect;
			const struct translation *nat; /* EFFECT_NAT */
		};
	};
};

/* What a key must meet for a packet to match the rule: seen at a glance where it does not. */
struct guard {
	enum key key;
	const struct ranges *ranges;
};

struct rule_facts {
	const struct rule *rule;
	const struct chain_facts *chain;
	struct fact *facts;
	size_t n;
	const struct guard *guards; /* the one that tells most comes first */
	size_t guards_n;
	bool inert;	 /* has neither verdict nor effect */
	bool lets_in;	 /* accepts, or leads to another chain */
	bool compat;	 /* has expressions of iptables' extensions */
	uint32_t states; /* STATE_* that a condition on ct state names and takes; 0 without one */
};

/* Of a rule's first guard the 64 bits that tell most: long chains are walked through these. */
struct glance {
	uint64_t first;
	uint64_t last;
	enum key key;
	bool high; /* they are the high half of the key's values */
};

static inline uint64_t glance_bits(const struct glance *glance, number value)
{
	return (uint64_t)(glance->high ? value >> 64 : value);
}

struct chain_facts {
	const struct table *table;
	const struct chain *chain;
	size_t place; /* among the chains of its table, which are neighbours */
	struct rule_facts *rules;
	struct glance *glances; /* one for each rule */
	size_t n;
	bool base;
	struct chain_hook hook; /* of a base chain */
	size_t age;		/* of later registered base chains it is higher */
	size_t source;		/* index of the facts_source it is from */
};

/* What a fact is about that asks whether the connection is NATed. */
extern const char WHAT_NAT_STATUS[];

struct facts {
	struct arena arena;
	struct domains domains;
	const struct ranges *protocols[UINT8_MAX + 1]; /* one value of KEY_L4PROTO each, or NULL */
	struct chain_facts *chains;
	size_t n;
};

struct facts_source {
	const struct ruleset *ruleset;
	const interfaces *devices; /* for `iif`; lo has index 1 anyway; or NULL */
};

/* Facts borrow the rulesets, which must outlive them. Chains whose rules were not read have none.
 */
struct facts *facts_new(const struct facts_source *sources, size_t n, struct untrack_error *err);
void facts_free(struct facts *facts);
DEFINE_AUTOCLEAN(struct facts, facts_free)
