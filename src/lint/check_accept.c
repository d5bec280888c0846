/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * no-accept: packets that a firewall lets in because it knows their connection are dropped once
 * nothing is known of it. What a walk of untracked packets loses is asked again as new and as
 * established ones; only where those pass is it the document's doing.
 */
#include "lint/check.h"

#include <linux/netfilter.h>

/* Losses looked into, for each flow. */
#define LOSSES_MAX 64

struct loss {
	struct path origin;
	const struct chain_facts *base;
	const struct rule_facts *rule; /* NULL: by policy */
};

struct losing {
	ARRAY(struct loss) losses;
	const struct flow *flow; /* one of those looked at */
	bool passes;		 /* some packets get through */
	bool accepted;		 /* … because a rule says so */
	bool by_default;	 /* some are lost, not because a rule names them */
	bool found;		 /* something was said about them */
	bool missed; /* not all packets were seen: what those that were did not do, others may */
	bool failed;
	const struct chain_facts *by;
	const struct rule_facts *by_rule;
};

/* Ahead of tracking all packets are alike. */
static bool is_ahead(const struct chain_facts *base)
{
	return (base->hook.hook == NF_INET_PRE_ROUTING || base->hook.hook == NF_INET_LOCAL_OUT) &&
	       base->hook.priority < PRIORITY_TRACKING;
}

/* By default: not by a rule that names the packets. */
static bool is_default(const struct rule_facts *rule)
{
	return !rule || !rule_singles_out(rule);
}

static void note_loss(void *arg, struct walk *walk, enum event event, const struct path *path,
		      const struct rule_facts *rule, const struct fact *fact)
{
	struct losing *losing = arg;

	(void)fact;
	if (event == EVENT_ARRIVED || event == EVENT_STOLEN)
		losing->passes = true;
	if (event == EVENT_ACCEPT && rule && !is_ahead(walk->base))
		losing->accepted = true;
	if (event != EVENT_DROP || is_ahead(walk->base))
		return;
	if (is_default(rule)) {
		if (!losing->by_default) {
			losing->by = walk->base;
			losing->by_rule = rule;
		}
		losing->by_default = true;
	}
	if (path->assumed || losing->losses.n == LOSSES_MAX)
		return;
	if (!array_push(&losing->losses,
			(struct loss){path_origin(path, walk->base->hook.hook), walk->base, rule}))
		losing->failed = true;
}

/* --- the same packets, tracked ---------------------------------------------------------------- */

struct passing {
	const struct chain_facts *base; /* where they were lost */
	const struct rule_facts *rule;	/* what lets them through there */
	bool arrived;
};

static void note_pass(void *arg, struct walk *walk, enum event event, const struct path *path,
		      const struct rule_facts *rule, const struct fact *fact)
{
	struct passing *passing = arg;

	(void)fact;
	if (path->assumed)
		return;
	if (event == EVENT_ACCEPT && walk->base == passing->base && !passing->rule)
		passing->rule = rule;
	if (event == EVENT_ARRIVED || event == EVENT_STOLEN)
		passing->arrived = true;
}

static bool passes_by(const struct lint *lint, enum journey journey, uint32_t state,
		      const struct path *path, struct passing *passing)
{
	autowalk walk = lint_walk(lint, note_pass, passing);

	walk.forced = true;
	passing->arrived = false;
	walk_journey(&walk, journey, state, *path);
	return passing->arrived;
}

bool lint_passes(const struct lint *lint, enum journey journey, uint32_t state,
		 const struct path *path)
{
	struct passing passing = {0};

	return passes_by(lint, journey, state, path, &passing);
}

enum journey answer_journey(enum journey journey)
{
	return journey == JOURNEY_IN ? JOURNEY_OUT : journey == JOURNEY_OUT ? JOURNEY_IN : journey;
}

/* Openings that got through and are looked at. */
#define OPENED_MAX 64

struct opened {
	struct path v[OPENED_MAX];
	size_t n;
};

static void note_opened(void *arg, struct walk *walk, enum event event, const struct path *path,
			const struct rule_facts *rule, const struct fact *fact)
{
	struct opened *opened = arg;

	(void)walk;
	(void)rule;
	(void)fact;
	if ((event == EVENT_ARRIVED || event == EVENT_STOLEN) && !path->assumed &&
	    opened->n < OPENED_MAX)
		opened->v[opened->n++] = *path;
}

/* Only packets between the same ends as those of that path. */
static bool demand_ends(struct walk *walk, struct path *path, const struct path *ends)
{
	static const enum key keys[] = {KEY_L4PROTO, KEY_SADDR4, KEY_SADDR6, KEY_DADDR4,
					KEY_DADDR6,  KEY_SPORT,	 KEY_DPORT};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (ends->key[keys[i]] && !path_demand(walk, path, keys[i], ends->key[keys[i]]))
			return false;
	return true;
}

/* Would these packets have got through as part of a tracked connection? Of one that could be opened:
 * what else they are let in by is no matter. */
static bool was_let_in(const struct lint *lint, const struct flow *flow, const struct loss *loss,
		       struct passing *passing)
{
	enum journey opening = flow->opening ? flow->journey : answer_journey(flow->journey);
	struct opened opened = {0};
	autowalk walk = lint_walk(lint, note_opened, &opened);
	struct path first;

	if (flow->opening && passes_by(lint, flow->journey, STATE_NEW, &loss->origin, passing))
		return true;
	/* The connection's first packet has the same ends, but may differ in all else. */
	first = path_reverse(&loss->origin, flow->journey, opening);
	if (flow->opening)
		first = path_reverse(&first, opening, opening);
	walk.forced = true;
	walk_journey(&walk, opening, STATE_NEW, first);
	for (size_t i = 0; i < opened.n; i++) {
		struct path ends = flow->opening
					   ? opened.v[i]
					   : path_reverse(&opened.v[i], opening, flow->journey);
		struct path path = loss->origin;

		passing->rule = NULL;
		if (demand_ends(&walk, &path, &ends) &&
		    passes_by(lint, flow->journey, STATE_ESTABLISHED, &path, passing))
			return true;
	}
	return false;
}

static const char *const directions[] = {
	[JOURNEY_IN] = "packets coming in",
	[JOURNEY_THROUGH] = "packets passing through",
	[JOURNEY_OUT] = "packets going out",
};

static const char remedy_accept[] =
	"accept them where they are untracked (\"accept\": true for the service and the chain in "
	"\"accept_in\", or a rule without ct state), or leave the service tracked";

static void judge_losses(struct lint *lint, const struct flow *flow, struct losing *losing,
			 const char *how, const char *remedy)
{
	array_for_each(loss, &losing->losses) {
		struct passing passing = {.base = loss->base};
		struct place place = {flow_service(flow), loss->base, loss->rule};

		if (!was_let_in(lint, flow, loss, &passing))
			continue;
		if (!place.rule)
			place.rule = passing.rule;
		losing->found = true;
		lint_find(lint, "no-accept", place, remedy,
			  "%s: %s are dropped by %s %s%s%s; live connections die at once",
			  flow_words(lint, flow), directions[flow->journey],
			  place_words(lint, loss->base, loss->rule), how,
			  passing.rule ? "; tracked ones are accepted by " : "",
			  passing.rule ? place_words(lint, NULL, passing.rule) : "");
	}
}

/* --- services --------------------------------------------------------------------------------- */

/* The ports that clients are at: those that the kernel gives them, and for NFS those that only root may
 * take, which its clients bind. What rules do to other ports is about servers. */
static bool demand_client_ports(struct walk *walk, struct path *path, const struct flow *flow)
{
	const struct interval v[] = {{32768, UINT16_MAX}, {512, 1023}};
	enum key port = flow->opening ? KEY_DPORT : KEY_SPORT;
	enum key own = flow->opening ? KEY_SPORT : KEY_DPORT;
	bool nfs;

	if (!flow->service || flow->service->role != ROLE_CLIENT || !flow->path.key[port])
		return true;
	nfs = ranges_has(flow->path.key[port], 2049);
	return path_demand(walk, path, own, ranges_make(&walk->arena, v, nfs ? 2 : 1));
}

static void lose(struct lint *lint, const struct flow *flow, uint32_t state, const char *how,
		 const char *remedy, struct losing *losing)
{
	autowalk walk = lint_walk(lint, note_loss, losing);
	struct path start = flow->path;

	walk.forced = true;
	if (!path_refuse_loopback(&walk, &start, flow->journey) ||
	    !demand_client_ports(&walk, &start, flow))
		return;
	array_free(&losing->losses);
	walk_journey(&walk, flow->journey, state, start);
	losing->missed = losing->missed || walk.truncated;
	judge_losses(lint, flow, losing, how, remedy);
	if (losing->failed || walk.arena.failed)
		lint->failed = true;
}

void lint_lose(struct lint *lint, const struct flow *flow, uint32_t state, const char *how,
	       const char *remedy)
{
	struct losing losing = {0};

	lose(lint, flow, state, how, remedy, &losing);
	array_free(&losing.losses);
}

static void lose_untracked(struct lint *lint, const struct flow *flow, struct losing *losing)
{
	lose(lint, flow, STATE_UNTRACKED, "once they are untracked", remedy_accept, losing);
}

static void find_closed(struct lint *lint, const struct flow *flow, const struct losing *losing)
{
	lint_find(lint, "no-accept",
		  (struct place){flow_service(flow), losing->by, losing->by_rule}, remedy_accept,
		  "%s: %s are all dropped by %s: nothing accepts them untracked",
		  flow_words(lint, flow), directions[flow->journey],
		  place_words(lint, losing->by, losing->by_rule));
}

/* One family is closed but for what is established, and the other has no firewall: not that the
 * service is offered over one of the two. */
static bool is_closed_alone(const struct lint *lint, const struct losing *losing,
			    const struct losing *other)
{
	return losing->flow && losing->by_default && !losing->passes && other->passes &&
	       !other->accepted &&
	       lint_passes(lint, losing->flow->journey, STATE_ESTABLISHED, &losing->flow->path);
}

/* Nothing lets any packet of one direction of the service in. */
static void judge_direction(struct lint *lint, const struct flow *flow, const struct losing by[2])
{
	if (by[0].found || by[1].found || by[0].missed || by[1].missed)
		return;
	if (!by[0].passes && !by[1].passes && (by[0].by_default || by[1].by_default))
		find_closed(lint, flow, by[0].by_default ? &by[0] : &by[1]);
	for (unsigned i = 0; i < 2; i++)
		if (is_closed_alone(lint, &by[i], &by[!i]))
			find_closed(lint, flow, &by[i]);
}

static bool same_direction(const struct flow *a, const struct flow *b)
{
	return a->service == b->service && a->journey == b->journey && a->opening == b->opening;
}

/* The flows of a direction are judged together: it passes if one of them does. */
static void check_from(struct lint *lint, const struct flow *flow)
{
	struct losing by[2] = {0};
	bool first = true;

	for (struct flow *before = lint->flows.v; before < flow; before++)
		first = first && !same_direction(before, flow);
	for (const struct flow *at = flow; first && at < lint->flows.v + lint->flows.n; at++) {
		struct losing *losing = &by[at->nfproto == NFPROTO_IPV6];

		if (!same_direction(at, flow))
			continue;
		losing->flow = at;
		lose_untracked(lint, at, losing);
	}
	if (first)
		judge_direction(lint, flow, by);
	array_free(&by[0].losses);
	array_free(&by[1].losses);
}

void check_accept(struct lint *lint)
{
	array_for_each(flow, &lint->flows) {
		struct losing losing = {0};

		if (flow->service)
			check_from(lint, flow);
		else
			lose_untracked(lint, flow, &losing);
		array_free(&losing.losses);
	}
}
