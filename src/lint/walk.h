/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks rulesets with many packets at once. A path is a set of packets, told by the values its keys
 * may have; where a rule takes some of them and leaves others, the path splits. So at each end what
 * stands on the path holds for packets that exist, and what no path reaches, no packet does.
 *
 * A rule that no packet of a path matches costs one look at its guards (facts.h): it is passed over
 * before the path is split, and by all packets alike.
 *
 * Bounded: when there are too many paths or steps the rest is let go, and `truncated` says so. Then
 * packets are missed, but nothing is claimed that is not so: what none of the packets seen did may
 * be what one of the others does.
 */
#pragma once

#include "lint/facts.h"

/* A choice on an opaque condition, so that the same condition is answered alike further on. */
struct decision {
	const struct decision *next;
	uint64_t id;
	bool truth;
};

struct path {
	const struct ranges *key[KEYS]; /* NULL: any value */
	const struct ranges *oif;	/* what KEY_OIFNAME is to be after routing; NULL: any */
	const struct ranges *mark;	/* KEY_MARK as the packet set out with it */
	const struct decision *decisions;
	bool assumed; /* an unsure condition was taken to be true, or to be false and not let in */
	bool untracked; /* notrack took it */
	const struct rule_facts *untracked_by;
	const struct rule_facts *template_by; /* gave it a template, or NULL */
	const char *template_what;
	const struct rule_facts *nat_by; /* translates it, or NULL */
	const struct fact *nat;
};

enum journey {
	JOURNEY_IN,	 /* prerouting, input */
	JOURNEY_THROUGH, /* prerouting, forward, postrouting */
	JOURNEY_OUT,	 /* output, postrouting */
};

enum event {
	EVENT_ACCEPT,	/* a rule accepts: the base chain ends for the path */
	EVENT_DROP,	/* rule, or (rule NULL) the base chain's policy */
	EVENT_STOLEN,	/* ended well: synproxy, forwarded */
	EVENT_EFFECT,	/* fact->effect */
	EVENT_ENTRY,	/* a rule reads the entry of the connection, which there is */
	EVENT_NO_ENTRY, /* … which there is not: the rule does not match */
	EVENT_ARRIVED,	/* at the end of the journey; base and rule NULL */
};

struct walk;
struct path_node;
typedef void walk_fn(void *arg, struct walk *walk, enum event event, const struct path *path,
		     const struct rule_facts *rule, const struct fact *fact);

/* What was made of two sets: paths that were one path have the same, and ask for the same again. */
enum { MADE_MAX = 64 };
struct made {
	const struct ranges *a;
	const struct ranges *b;
	const struct ranges *both; /* NULL: not asked for */
	const struct ranges *rest; /* a without b; likewise */
};

/* Can anything that happens to these packets matter? Of what it refuses it refuses all parts. */
typedef bool walk_wants_fn(struct walk *walk, const struct path *path);

struct walk {
	const struct facts *facts;
	walk_fn *event;
	walk_wants_fn *wants; /* others are let go, and missed by nobody; NULL: all */
	void *arg;
	bool nat;    /* chains of type nat are walked */
	bool forced; /* notrack is passed over: the state after tracking is told by the caller */
	struct arena arena;
	struct domains domains;
	const struct chain_facts *base; /* the base chain it is in */
	bool lets_in;			/* the rule that it is at accepts, or leads elsewhere */
	struct path_node *spare;	/* not used any more */
	struct made made[MADE_MAX];
	size_t paths_max; /* at a time; 0: PATHS_MAX */
	size_t steps;
	size_t looks; /* at a rule, for a path */
	unsigned merges;
	unsigned depth;
	bool truncated;
	bool enough; /* set by the event: nothing more is asked */
};

/* Where tracking sits (NF_IP_PRI_CONNTRACK). */
#define PRIORITY_TRACKING (-200)

/* A path of that family with nothing else told. */
void path_init(struct walk *walk, struct path *path, uint8_t nfproto);
/* Are they the same packets, to which the same has happened? They may owe it to other rules that they are
 * untracked: where rules take only some of what they could, packets would be told apart by each of them. */
bool path_is_same(const struct path *a, const struct path *b);
/* Demands a key to be in ranges. False: no packet is left. */
bool path_demand(struct walk *walk, struct path *path, enum key key, const struct ranges *ranges);
bool path_demand_one(struct walk *walk, struct path *path, enum key key, number value);
bool path_refuse_one(struct walk *walk, struct path *path, enum key key, number value);
const struct ranges *path_values(struct walk *walk, const struct path *path, enum key key);

/* Lets a path travel. state is what tracking says of it (STATE_*), unless notrack took it. Its
 * KEY_OIFNAME tells where it will go out. */
void walk_journey(struct walk *walk, enum journey journey, uint32_t state, struct path start);
/* Only its first hook: prerouting or output. */
void walk_departure(struct walk *walk, enum journey journey, uint32_t state, struct path start);
/* Only the first stage: the chains ahead of tracking, at prerouting or output. */
void walk_raw(struct walk *walk, enum journey journey, struct path start);
/* Only the rules of the base chain behind one place in it; and into what they jump to. */
void walk_behind(struct walk *walk, const struct chain_facts *base, size_t first,
		 struct path start);
void walk_free(struct walk *walk);
#define autowalk __attribute__((cleanup(walk_free))) struct walk

/* Does the base chain see packets of that family? */
bool chain_sees(const struct chain_facts *chain, uint8_t nfproto);
