/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would break? Judges a ruleset as it will be after an apply, on the facts of its host. Pure:
 * all it knows comes in as data, and what it finds goes out as data.
 *
 * lint_new(), lint_look(), then (if lint_wants_entries()) lint_count() for each entry of the connection
 * table, if there is one to see, then lint_run(): each once.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/session.h"
#include "lint/facts.h"
#include "model/finding.h"
#include "model/flow_entry.h"
#include "model/policy.h"
#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

enum known { KNOWN_NO, KNOWN_YES, KNOWN_NOT };

struct lint_input {
	const struct ruleset *before; /* all live tables, rules and sets read; NULL: unknown. Asked
					 * for where tcp_loose is known to be off, only then */
	const struct ruleset *after;  /* all tables as they will be */
	const struct ruleset *document; /* the tables that the document declares; names count */
	const struct ruleset *legacy; /* iptables' legacy tables, as iptables-nft would hold them */
	const struct policy *policy;  /* or NULL: the document is no policy */
	const interfaces *devices;    /* of this host, by index; or NULL */
	const inet_ranges *addresses; /* that are delivered here; or NULL */
	bool brief;		    /* advice that a change waits for: of a long ruleset not all */
	enum known forwarding;	    /* does this host route packets? */
	enum known tcp_loose;	    /* nf_conntrack_tcp_loose */
	struct ssh_session session; /* the one that applies; INET_ANY: there is none */
	const uint16_t *failsafe;   /* TCP ports that must stay reachable */
	size_t failsafe_n;
};

struct lint;

/* Borrows the input, which must outlive it. */
struct lint *lint_new(const struct lint_input *input, struct untrack_error *err);
void lint_free(struct lint *lint);
DEFINE_AUTOCLEAN(struct lint, lint_free)

/*
 * Looks for what is kept out of tracking. By rules of the document: by all of them, or (touched) only
 * where a change makes a difference. The tables of `touched` have just the rules that come and go; near
 * them is what they match and what answers that, or is answered by it. Whatever a change of these rules
 * alone brings about is about packets that are near.
 */
bool lint_look(struct lint *lint, const struct ruleset *touched, struct untrack_error *err);

/* Are there so many services or rules that only the first ones are judged? */
bool lint_is_partial(const struct lint *lint);

/* Does it matter what is in the connection table? */
bool lint_wants_entries(const struct lint *lint);
/* Counts one entry of the connection table with the services that it belongs to. */
void lint_count(struct lint *lint, const struct flow_entry *entry);

/* Adds to findings, most severe first. */
bool lint_run(struct lint *lint, struct findings *findings, struct untrack_error *err);

/* Is it a word of the table of codes? If not, *ret_meant is the one that was probably meant, or NULL. */
bool lint_code_exists(const char *code, const char **ret_meant);
