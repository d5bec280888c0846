/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules in the wrong place: template, priority, hook, state-in-raw, raw-coexist. */
#include "lint/check.h"
#include "model/tracking.h"

#include <linux/netfilter.h>
#include <string.h>

bool rule_singles_out(const struct rule_facts *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct fact *fact = &rule->facts[i];

		if (fact->kind == FACT_BOXES || fact->kind == FACT_MASK ||
		    fact->kind == FACT_OPAQUE || fact->kind == FACT_ENTRY)
			return true;
		if (fact->kind == FACT_VERDICTS && fact->boxes.key[0] != KEY_CTSTATE)
			return true;
		if (fact->kind == FACT_RANGES && fact->in.key != KEY_CTSTATE &&
		    fact->in.key != KEY_NFPROTO && fact->in.key != KEY_L4PROTO)
			return true;
	}
	return false;
}

bool rule_has_effect(const struct rule_facts *rule, enum effect effect)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->facts[i].kind == FACT_EFFECT && rule->facts[i].effect == effect)
			return true;
	return false;
}

/* --- template --------------------------------------------------------------------------------- */

struct templating {
	struct lint *lint;
	const struct flow *flow;
};

static void note_template(void *arg, struct walk *walk, enum event event, const struct path *path,
			  const struct rule_facts *rule, const struct fact *fact)
{
	struct templating *at = arg;

	(void)walk;
	if (event != EVENT_EFFECT || fact->effect != EFFECT_NOTRACK || !path->template_by ||
	    path->assumed || !lint_is_ours(at->lint, rule->chain))
		return;
	lint_find(at->lint, "template",
		  (struct place){.service = flow_service(at->flow), .rule = path->template_by},
		  "take these packets out of that rule, or put the notrack ahead of it",
		  "%s: `%s` in %s comes first and gives the packet a template: notrack is silently "
		  "ignored, the traffic stays tracked",
		  flow_words(at->lint, at->flow), path->template_what,
		  place_words(at->lint, NULL, path->template_by));
}

static void check_template(struct lint *lint, const struct flow *flow)
{
	struct templating at = {lint, flow};
	autowalk walk = lint_walk(lint, note_template, &at);

	walk_raw(&walk, flow->journey, flow->path);
}

/* --- what a rule is reached by ---------------------------------------------------------------- */

/* Marks what the base chain leads to: one mark for each chain of facts. */
static void reach(struct lint *lint, const struct chain_facts *base, bool *reached)
{
	const struct facts *facts = lint->facts;
	autofree bool *chains = chain_reach(base->table, base->chain, NULL);
	size_t first = (size_t)(base - facts->chains) - base->place;

	if (!chains) {
		lint->failed = true;
		return;
	}
	for (size_t i = 0; i < base->table->chains.n; i++)
		reached[first + i] = reached[first + i] || chains[i];
}

static bool is_layer3(uint8_t family)
{
	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET;
}

static bool is_raw(const struct chain_facts *base)
{
	return (base->hook.hook == NF_INET_PRE_ROUTING || base->hook.hook == NF_INET_LOCAL_OUT) &&
	       base->hook.priority < PRIORITY_TRACKING;
}

static const char remedy_raw[] =
	"put it in a chain at prerouting or output with priority raw (-300)";

static void find_misplaced(struct lint *lint, const struct rule_facts *rule,
			   const struct chain_facts *base)
{
	bool hook = base->hook.hook == NF_INET_PRE_ROUTING || base->hook.hook == NF_INET_LOCAL_OUT;
	const char *at = hook_name(base->table->family, base->hook.hook);

	if (hook)
		lint_find(lint, "priority", (struct place){.rule = rule}, remedy_raw,
			  "notrack in %s runs at priority %d of %s: tracking, at -200, is done "
			  "by then, and it has no effect",
			  place_words(lint, NULL, rule), base->hook.priority, at);
	else
		lint_find(lint, "hook", (struct place){.rule = rule}, remedy_raw,
			  "notrack in %s runs at hook %s, behind tracking: it has no effect",
			  place_words(lint, NULL, rule), at);
}

static const uint32_t STATES_TRACKED =
	STATE_INVALID | STATE_ESTABLISHED | STATE_RELATED | STATE_NEW;

static void find_state(struct lint *lint, const struct rule_facts *rule)
{
	/* "untracked" and "not untracked" can be told there. */
	if (!rule->states || rule->states == STATE_UNTRACKED || rule->states == STATES_TRACKED)
		return;
	lint_find(lint, "state-in-raw", (struct place){.rule = rule},
		  "match it behind tracking: in a chain with a priority above -200",
		  "%s matches ct state ahead of tracking, where every packet is `invalid`",
		  place_words(lint, NULL, rule));
}

struct reaching {
	bool *raw;
	bool *any;
	const struct chain_facts **wrong; /* a base chain that is no place for notrack */
};

static void judge_chain(struct lint *lint, const struct chain_facts *chain,
			const struct reaching *reaching)
{
	size_t at = (size_t)(chain - lint->facts->chains);

	for (size_t i = 0; chain->rules && i < chain->n; i++) {
		const struct rule_facts *rule = &chain->rules[i];

		if (reaching->raw[at])
			find_state(lint, rule);
		else if (reaching->wrong[at] && lint_is_ours(lint, chain) &&
			 rule_has_effect(rule, EFFECT_NOTRACK))
			find_misplaced(lint, rule, reaching->wrong[at]);
	}
}

static void check_places(struct lint *lint)
{
	size_t n = lint->facts->n;
	struct reaching reaching = {arena_get(&lint->walk.arena, n + 1),
				    arena_get(&lint->walk.arena, n + 1),
				    arena_get(&lint->walk.arena, (n + 1) * sizeof(void *))};

	if (!reaching.raw || !reaching.any || !reaching.wrong)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct chain_facts *base = &lint->facts->chains[i];

		if (!base->base || !is_layer3(base->table->family) ||
		    base->hook.hook > NF_INET_POST_ROUTING)
			continue;
		if (is_raw(base)) {
			reach(lint, base, reaching.raw);
			continue;
		}
		memset(reaching.any, 0, n);
		reach(lint, base, reaching.any);
		for (size_t j = 0; j < n; j++)
			if (reaching.any[j] && !reaching.wrong[j])
				reaching.wrong[j] = base;
	}
	for (size_t i = 0; i < n; i++)
		judge_chain(lint, &lint->facts->chains[i], &reaching);
}

/* --- iptables' raw table ---------------------------------------------------------------------- */

static const struct rule_facts *ct_rule(const struct chain_facts *chain)
{
	for (size_t i = 0; chain->rules && i < chain->n; i++)
		if (chain->rules[i].compat && (rule_has_effect(&chain->rules[i], EFFECT_NOTRACK) ||
					       rule_has_effect(&chain->rules[i], EFFECT_TEMPLATE)))
			return &chain->rules[i];
	return NULL;
}

static const char *effect_word(const struct rule_facts *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->facts[i].kind == FACT_EFFECT)
			return rule->facts[i].what;
	return "CT";
}

static void check_coexist(struct lint *lint)
{
	for (size_t i = 0; i < lint->facts->n; i++) {
		const struct chain_facts *chain = &lint->facts->chains[i];
		const struct rule_facts *rule = ct_rule(chain);

		if (rule && !lint_is_ours(lint, chain))
			lint_find(
				lint, "raw-coexist", (struct place){.rule = rule},
				"bring iptables' raw rules over (untrack import), or keep both in "
				"mind",
				"iptables' own raw table decides on tracking too: %s has `%s`",
				place_words(lint, NULL, rule), effect_word(rule));
	}
}

void check_raw(struct lint *lint)
{
	array_for_each(flow, &lint->flows)
		check_template(lint, flow);
	check_places(lint);
	check_coexist(lint);
}
