/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic that is untracked on one of its ways only: one-way, loopback. */
#include "lint/check.h"

#include <netinet/in.h>

#include <linux/netfilter.h>

/* Pieces of a flow that are looked at. */
#define PIECES_MAX 32

struct pieces {
	ARRAY(struct path) list;
	bool tracked; /* some packets certainly are tracked */
	bool failed;
};

static bool is_known(const struct pieces *pieces, const struct path *path)
{
	array_for_each(piece, &pieces->list) {
		if (path_is_same(piece, path))
			return true;
	}
	return false;
}

static void note_piece(void *arg, struct walk *walk, enum event event, const struct path *path,
		       const struct rule_facts *rule, const struct fact *fact)
{
	struct pieces *pieces = arg;

	(void)walk;
	(void)rule;
	(void)fact;
	if (event != EVENT_ARRIVED || path->assumed)
		return;
	if (!path->untracked)
		pieces->tracked = true;
	else if (pieces->list.n < PIECES_MAX && !is_known(pieces, path) &&
		 !array_push(&pieces->list, *path))
		pieces->failed = true;
}

/* Are some of these packets certainly tracked on that journey? */
static bool is_tracked(struct lint *lint, enum journey journey, const struct path *path)
{
	struct pieces pieces = {0};
	autowalk walk = lint_walk(lint, note_piece, &pieces);
	struct path start = *path;

	if (path_refuse_loopback(&walk, &start, journey))
		walk_raw(&walk, journey, start);
	array_free(&pieces.list);
	return pieces.tracked;
}

static struct path piece_origin(const struct path *piece, enum journey journey)
{
	return path_origin(piece, journey == JOURNEY_OUT ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING);
}

/* Is the answer to it tracked, on each of the ways that it may take? */
static bool answer_tracked(struct lint *lint, const struct flow *flow, const struct path *piece)
{
	enum journey to = answer_journey(flow->journey);
	struct path from = piece_origin(piece, flow->journey);
	struct path back = path_reverse(&from, flow->journey, to);
	struct path same = back;

	if (!is_tracked(lint, to, &back))
		return false;
	if (flow->service)
		return true;
	/* Tunnels of peers have the same destination port both ways. */
	same.key[KEY_SPORT] = from.key[KEY_SPORT];
	same.key[KEY_DPORT] = from.key[KEY_DPORT];
	if (!is_tracked(lint, to, &same))
		return false;
	/* A rule does not tell whether its traffic ends here or passes through. */
	if (flow->journey == JOURNEY_IN && lint->input->forwarding != KNOWN_NO) {
		back = path_reverse(&from, JOURNEY_IN, JOURNEY_THROUGH);
		return is_tracked(lint, JOURNEY_THROUGH, &back);
	}
	if (flow->journey == JOURNEY_THROUGH) {
		back = path_reverse(&from, JOURNEY_THROUGH, JOURNEY_OUT);
		return is_tracked(lint, JOURNEY_OUT, &back);
	}
	return true;
}

static bool check_one_way(struct lint *lint, const struct flow *flow)
{
	struct pieces pieces = {0};
	autowalk walk = lint_walk(lint, note_piece, &pieces);
	struct path start = flow->path;
	bool found = false;

	/* Only the first packets of connections: that is what SYNPROXY wants. */
	if (start.key[KEY_TCPFLAGS])
		return false;
	if (path_refuse_loopback(&walk, &start, flow->journey))
		walk_raw(&walk, flow->journey, start);
	array_for_each(piece, &pieces.list) {
		if (found || !answer_tracked(lint, flow, piece))
			continue;
		found = true;
		lint_find(lint, "one-way",
			  (struct place){flow_service(flow), NULL,
					 flow->service ? NULL : piece->untracked_by},
			  "take the other direction off too (the same with source and destination "
			  "exchanged)",
			  "%s: only one direction is untracked; what answers makes a reversed "
			  "`[UNREPLIED]` entry for each flow, and TCP's SYN-ACK is `invalid`",
			  flow_words(lint, flow));
	}
	if (pieces.failed || walk.arena.failed)
		lint->failed = true;
	array_free(&pieces.list);
	return found;
}

/* --- lo --------------------------------------------------------------------------------------- */

/* The same packets, as they leave over lo. */
static bool tracked_at_output(struct lint *lint, const struct flow *flow)
{
	struct pieces pieces = {0};
	autowalk walk = lint_walk(lint, note_piece, &pieces);
	struct path start = flow->path;
	char lo[16] = "lo";

	start.key[KEY_IIFNAME] = NULL;
	if (path_demand_one(&walk, &start, KEY_OIFNAME, number_read(lo, sizeof(lo))))
		walk_raw(&walk, JOURNEY_OUT, start);
	array_free(&pieces.list);
	return pieces.tracked;
}

static void check_loopback(struct lint *lint, const struct flow *flow, bool one_way)
{
	struct tally *tally = lint_tally(lint, flow);
	char lo[16] = "lo";
	bool meant = path_is_loopback(&flow->path);

	if (flow->service || flow->journey != JOURNEY_IN || flow->path.key[KEY_TCPFLAGS])
		return;
	if (flow->path.key[KEY_IIFNAME] &&
	    !ranges_has(flow->path.key[KEY_IIFNAME], number_read(lo, sizeof(lo))))
		return;
	if ((!meant && !one_way && !(tally && tally->local)) || !tracked_at_output(lint, flow))
		return;
	lint_find(lint, "loopback", (struct place){.rule = flow->rule},
		  "take the same packets off at output too",
		  "%s: traffic over lo meets output first, where it gets its entry; notrack at "
		  "prerouting comes too late for it",
		  flow_words(lint, flow));
}

void check_direction(struct lint *lint)
{
	array_for_each(flow, &lint->flows) {
		bool one_way = false;

		/* For services one direction tells of both; tunnels' ends are two flows. */
		if (!flow->service || (flow->opening && flow->service->role != ROLE_PEER))
			one_way = check_one_way(lint, flow);
		check_loopback(lint, flow, one_way);
	}
}
