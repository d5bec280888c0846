/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of facts.h: expressions, one after the other, become the facts of one rule. */
#pragma once

#include "lint/facts.h"

/* A part of a loaded value: bytes of one key, or bytes that no key tells. */
struct segment {
	bool known;
	bool host; /* in the host's byte order: a number of the key's whole length */
	enum key key;
	unsigned offset; /* of its first byte in the key, from the highest */
	unsigned length; /* bytes */
	number mask;	 /* of those bytes; what was read is (value & mask) ^ flip */
	number flip;
};

enum { SEGMENTS = 8, SLOTS = 16 };

/* What a register holds from the slot at which it was loaded. */
struct load {
	unsigned length; /* bytes */
	unsigned n;
	struct segment segment[SEGMENTS];
	bool constant; /* bytes holds its value */
	uint8_t bytes[16];
	const struct set *map; /* it is a value of that map */
	bool entry;	       /* was read from the connection's entry */
	enum opaque opaque;
	const char *what;
	uint64_t id; /* of where it was read, and what was done to it */
};

struct decoding {
	struct arena *arena;
	struct arena *scratch; /* for what only this rule needs */
	struct domains *domains;
	const struct ranges **protocols;
	const struct facts_source *source;
	const struct table *table;
	const struct load *slot[SLOTS]; /* the load that begins at the slot */
	uint8_t nfproto;		/* NFPROTO_INET: either */
	int l4proto;			/* -1: not told yet */
	struct rule_facts *rule;
	size_t capacity;
};

void decode_add(struct decoding *d, struct fact fact);
void decode_opaque(struct decoding *d, const char *what, enum opaque kind, bool negated,
		   struct span id, uint64_t more);
/* A condition whose answer is another each time that it is asked: a rate, a quota. */
void decode_chance(struct decoding *d, const char *what);
void decode_effect(struct decoding *d, enum effect effect, const char *what);
void decode_verdict(struct decoding *d, int32_t code, const char *chain);
/* A number of connections: more than that many (over), or no more. */
void decode_count(struct decoding *d, bool over);
/* (key & mask) == value (negated: differs) */
void decode_mask(struct decoding *d, const char *what, enum key key, struct masked is,
		 bool negated);
/* The key is in these intervals (negated: is not). */
void decode_in(struct decoding *d, enum key key, const struct interval *v, size_t n, bool negated);

/* loads.c: what reads into registers, and comparisons of them. */
unsigned slot_of(uint32_t reg); /* SLOTS if it is none */
const struct load *decode_load(const struct decoding *d, struct span data, uint16_t attribute);
void load_meta(struct decoding *d, struct span data);
void load_payload(struct decoding *d, struct span data);
void load_ct(struct decoding *d, struct span data);
void load_fib(struct decoding *d, struct span data);
void load_immediate(struct decoding *d, struct span data);
void load_bitwise(struct decoding *d, struct span data);
void load_byteorder(struct decoding *d, struct span data);
/* A value that no key tells: other expressions that load a register. */
void load_other(struct decoding *d, const char *what, struct span data, uint16_t dreg,
		enum opaque kind);

/* The value that a lookup in a map gives. */
void load_map(struct decoding *d, struct span data, const struct set *map);

/* A compared register taken apart: the segments of `length` bytes from its slot on, each with the
 * place of its bytes. */
struct part {
	struct segment segment;
	unsigned at;
};
enum { PARTS = 16 };
/* How many parts; 0 if the register holds something else, or a part is not known. *ret_first is the
 * first load or NULL. */
unsigned decode_parts(const struct decoding *d, struct span data, uint16_t sreg, unsigned length,
		      struct part parts[PARTS], const struct load **ret_first);
/* The values of one part's key for which it equals these bytes of the register. False: they are no
 * interval. */
bool part_interval(const struct decoding *d, const struct part *part, const uint8_t *bytes,
		   struct interval *ret_interval);

/* compare.c, lookup.c */
void decode_cmp(struct decoding *d, struct span data);
void decode_range(struct decoding *d, struct span data);
void decode_lookup(struct decoding *d, struct span data);
void decode_objref(struct decoding *d, struct span data);

/* nat.c */
void decode_nat(struct decoding *d, struct span data);
void decode_masq(struct decoding *d, struct span data);
void decode_redir(struct decoding *d, struct span data);
/* The rule translates like that, and lets the packet pass. */
void decode_translation(struct decoding *d, const char *what, struct translation nat);

/* xt.c: iptables' extensions. */
void decode_match(struct decoding *d, struct span data);
void decode_target(struct decoding *d, struct span data);
/* Stand-ins of saved rulesets (document/saved.h); other logs do nothing. */
void decode_log(struct decoding *d, struct span data);

/* guards.c: the guards of a rule that is decoded. */
void make_guards(struct arena *arena, struct rule_facts *rule);
struct glance make_glance(const struct rule_facts *rule);

uint64_t hash_bytes(uint64_t seed, const void *data, size_t length);
