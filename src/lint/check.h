/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of lint.h: what the checks share. */
#pragma once

#include "lint/lint.h"
#include "lint/walk.h"

/* Packets that the document keeps out of tracking, on one of their journeys. */
struct flow {
	const struct policy_service *service; /* NULL: by a rule of the document */
	const struct rule_facts *rule;	      /* or NULL */
	uint8_t nfproto;
	enum journey journey;
	bool opening; /* they open the conversation; the others answer it */
	struct path path;
};

/* Entries of the connection table, of one service or (services NULL) of all rules together. */
struct tally {
	const struct policy_service *service;
	uint64_t entries;
	uint64_t natted;
	uint64_t helped;
	uint64_t expected;
	uint64_t zoned;
	uint64_t local;	 /* over lo */
	uint64_t halved; /* only one of their directions is taken */
};

struct lint {
	const struct lint_input *input;
	struct facts *facts;
	struct facts *facts_before; /* for check_loose(), or NULL */
	struct facts *touched;	    /* of rules that come and go; NULL: of no change */
	struct walk walk;	    /* owns the paths of flows */
	ARRAY(struct flow) flows;
	size_t flows_max;	     /* more are not judged one by one */
	bool partial;		     /* there are more */
	size_t paths_max;	     /* of a walk; 0: many */
	ARRAY(struct tally) tallies; /* of services in their order, then of rules */
	uint64_t entries;
	struct findings *findings;		      /* while lint_run() runs */
	size_t first_found;			      /* its own begin there */
	ARRAY(const struct rule_facts *) rules_found; /* of each of its own, or NULL */
	bool failed;				      /* memory ran out */
};

bool flows_make(struct lint *lint);
/* Adds those packets that start there and that rules of the document (or that one only) keep untracked. */
void flows_gather(struct lint *lint, enum journey journey, const struct path *start,
		  const struct rule_facts *only);
/* Adds all of that family, on all journeys. */
void flows_gather_all(struct lint *lint, uint8_t nfproto);
/* Adds what is near the rules that come and go. */
void flows_near(struct lint *lint);
bool lint_has_journey(const struct lint *lint, enum journey journey);
/* Is it that a rule of the document takes off packets which certainly were tracked until there? */
bool lint_takes_off(const struct lint *lint, enum event event, const struct path *path,
		    const struct rule_facts *rule, const struct fact *fact);
/* A walk for one question of a check. */
struct walk lint_walk(const struct lint *lint, walk_fn *event, void *arg);
/* The name of a flow's service, or NULL. */
const char *flow_service(const struct flow *flow);
/* What it is in words: "service 'web'", or "the notrack rule of inet t prerouting". Owned by arena.
 */
const char *flow_words(struct lint *lint, const struct flow *flow);
/* The same packets on their way back, on that journey. */
struct path path_reverse(const struct path *path, enum journey from, enum journey to);
/* The path as it set out, from what is told of it at a hook. */
struct path path_origin(const struct path *path, uint32_t hook);
/* Packets that are not over lo, nor (unless that is told) of addresses that no peer has. False:
 * there are none. Firewalls treat such ones on their own, which says nothing about the service. */
bool path_refuse_loopback(struct walk *walk, struct path *path, enum journey journey);
/* Is it told to be traffic over lo only? */
bool path_is_loopback(const struct path *path);
/* Is the key told to be among less than half of its values? What rules before have taken away does
 * not make it so. */
bool path_is_narrow(struct walk *walk, const struct path *path, enum key key);
/* Do some of these packets certainly get to the end of that journey? */
bool lint_passes(const struct lint *lint, enum journey journey, uint32_t state,
		 const struct path *path);
/* Finds no-accept where the flow's packets, when tracking says that of them, are dropped by default
 * and were let in as tracked ones. how: "once they are untracked". */
void lint_lose(struct lint *lint, const struct flow *flow, uint32_t state, const char *how,
	       const char *remedy);
/* The journey of what answers. */
enum journey answer_journey(enum journey journey);
/* Has the rule conditions that single out some of the packets that come to it? Families and
 * protocols alone do not count, nor does the state. */
bool rule_singles_out(const struct rule_facts *rule);
bool rule_has_effect(const struct rule_facts *rule, enum effect effect);
/* Is the rule in a table of the document? */
bool lint_is_ours(const struct lint *lint, const struct chain_facts *chain);
struct tally *lint_tally(struct lint *lint, const struct flow *flow);

/* Where a finding is. */
struct place {
	const char *service;
	const struct chain_facts *chain;
	const struct rule_facts *rule; /* its chain counts instead, if set */
};
/* Adds a finding unless the same code stands at that place already. */
void lint_find(struct lint *lint, const char *code, struct place place, const char *remedy,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
/* "rule 7 of inet filter input", "the policy of inet filter input". Owned by the arena. */
const char *place_words(struct lint *lint, const struct chain_facts *chain,
			const struct rule_facts *rule);

/* The checks; each adds findings of the codes that the table in lint.c gives it. */
void check_accept(struct lint *lint);
void check_broad(struct lint *lint);
void check_bypass(struct lint *lint);
void check_direction(struct lint *lint);
void check_forwarded(struct lint *lint);
void check_icmp(struct lint *lint);
void check_interplay(struct lint *lint);
void check_loose(struct lint *lint);
void check_management(struct lint *lint);
void check_raw(struct lint *lint);
void check_routed(struct lint *lint);
void check_regenerated(struct lint *lint);
void check_tracking(struct lint *lint);
void check_translated(struct lint *lint);
