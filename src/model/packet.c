/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All paths are followed at once: what is not known splits them, so that an answer is unknown only
 * where paths end differently. A set of paths is told by how they may stand, tracked or untracked.
 */
#include "model/packet.h"

#include "model/packet_machine.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

enum { TRACKED = 1, UNTRACKED = 2 }; /* bits of a set of paths */
enum { JUMPS_MAX = 16, CONNTRACK_PRIORITY = -200 };

/* ------------------------------------------------------------------ rules */

/* What becomes of paths behind an expression. */
struct step {
	enum ternary match; /* do they go on in the rule? */
	bool verdict;	    /* the rule ends here with it */
	int32_t code;
	const char *chain;
	bool may_end; /* some may leave the chain here, untold how */
};

static struct step on(enum ternary match)
{
	return (struct step){.match = match};
}

static struct step verdict_of(struct span data)
{
	struct span verdict;

	if (!attr_find(data, NFTA_DATA_VERDICT, &verdict))
		return (struct step){.match = MAYBE, .may_end = true};
	return (struct step){
		.match = YES,
		.verdict = true,
		.code = (int32_t)attr_find_be32(verdict, NFTA_VERDICT_CODE),
		.chain = attr_find_text(verdict, NFTA_VERDICT_CHAIN),
	};
}

/* A register or a verdict. */
static struct step put_data(struct machine *m, struct span data, uint32_t number)
{
	struct span value;

	if (number == NFT_REG_VERDICT)
		return verdict_of(data);
	if (attr_find(data, NFTA_DATA_VALUE, &value))
		machine_store(m, number, value.data, value.len);
	else
		machine_store(m, number, NULL, KEY_BYTES);
	return on(YES);
}

static enum ternary find(const struct machine *m, const char *name, uint32_t number,
			 const struct set **ret_set, struct span *ret_element)
{
	struct partial_key key = machine_load(m, number);

	*ret_set = name ? table_find_set(m->table, name) : NULL;
	return *ret_set ? set_lookup(*ret_set, &key, ret_element) : MAYBE;
}

static struct step look_up(struct machine *m, struct span data)
{
	bool negate = attr_find_be32(data, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	struct span target, element = {NULL, 0};
	const struct set *set;
	enum ternary found = find(m, attr_find_text(data, NFTA_LOOKUP_SET),
				  attr_find_be32(data, NFTA_LOOKUP_SREG), &set, &element);

	if (!attr_find(data, NFTA_LOOKUP_DREG, &target))
		return on(negate_if(negate, found));
	if (found == YES && attr_find(element, NFTA_SET_ELEM_DATA, &element))
		return put_data(m, element, attr_be32(target));
	machine_store(m, attr_be32(target), NULL, KEY_BYTES);
	return (struct step){.match = found, .may_end = found != NO};
}

static struct step refer(const struct machine *m, struct span data)
{
	const char *map = attr_find_text(data, NFTA_OBJREF_SET_NAME);
	struct span element = {NULL, 0};
	const struct set *set;
	enum ternary found;

	if (!map)
		return on(attr_find_be32(data, NFTA_OBJREF_IMM_TYPE) == NFT_OBJECT_COUNTER ? YES
											   : MAYBE);
	found = find(m, map, attr_find_be32(data, NFTA_OBJREF_SET_SREG), &set, &element);
	if (found == YES &&
	    attr_find_be32(buf_span(&set->attrs), NFTA_SET_OBJ_TYPE) != NFT_OBJECT_COUNTER)
		return on(MAYBE);
	return on(found);
}

static struct step immediate(struct machine *m, struct span data)
{
	struct span value;

	if (!attr_find(data, NFTA_IMMEDIATE_DATA, &value))
		return (struct step){.match = MAYBE, .may_end = true};
	return put_data(m, value, attr_find_be32(data, NFTA_IMMEDIATE_DREG));
}

/* meta, payload and ct can also write; then there is a source register. */
static bool writes(struct span data, uint16_t source)
{
	struct span body;

	return attr_find(data, source, &body);
}

static struct step run_meta(struct machine *m, struct span data)
{
	if (!writes(data, NFTA_META_SREG))
		machine_meta(m, data);
	return on(YES);
}

static struct step run_payload(struct machine *m, struct span data)
{
	if (writes(data, NFTA_PAYLOAD_SREG))
		m->mangled = true;
	else
		machine_payload(m, data);
	return on(YES);
}

static struct step run_expression(struct machine *m, const struct expression *e)
{
	static const char *const harmless[] = {"counter", "log", "last"};

	if (!strcmp(e->name, "meta"))
		return run_meta(m, e->data);
	if (!strcmp(e->name, "payload"))
		return run_payload(m, e->data);
	if (!strcmp(e->name, "cmp"))
		return on(machine_cmp(m, e->data));
	if (!strcmp(e->name, "range"))
		return on(machine_range(m, e->data));
	if (!strcmp(e->name, "lookup"))
		return look_up(m, e->data);
	if (!strcmp(e->name, "objref"))
		return refer(m, e->data);
	if (!strcmp(e->name, "immediate"))
		return immediate(m, e->data);
	if (!strcmp(e->name, "bitwise")) {
		machine_bitwise(m, e->data);
		return on(YES);
	}
	if (!strcmp(e->name, "byteorder")) {
		machine_byteorder(m, e->data);
		return on(YES);
	}
	if (!strcmp(e->name, "ct")) {
		m->templated |= writes(e->data, NFTA_CT_SREG);
		machine_forget(m);
		return on(YES);
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (!strcmp(e->name, harmless[i]))
			return on(YES);
	machine_forget(m);
	return (struct step){.match = MAYBE, .may_end = true};
}

static unsigned run_chain(struct machine *m, const struct chain *chain, unsigned paths);

/* Paths that go on with the next rule; *returned gets those that leave the chain for its caller. */
static unsigned take_verdict(struct machine *m, const struct step *step, unsigned paths,
			     unsigned *returned)
{
	const struct chain *target = step->chain ? table_find_chain(m->table, step->chain) : NULL;
	unsigned back;

	switch (step->code) {
	case NF_ACCEPT:
	case NF_STOP:
		m->ended |= paths;
		return 0;
	case NF_DROP:
	case NF_STOLEN:
		m->dropped |= paths;
		return 0;
	case NFT_CONTINUE:
	case NFT_BREAK:
		return paths;
	case NFT_RETURN:
		*returned |= paths;
		return 0;
	case NFT_JUMP:
	case NFT_GOTO:
		back = target && m->depth < JUMPS_MAX ? run_chain(m, target, paths)
						      : TRACKED | UNTRACKED;
		if (step->code == NFT_JUMP)
			return back;
		*returned |= back;
		return 0;
	default: /* queue and whatever comes */
		m->ended |= TRACKED | UNTRACKED;
		return 0;
	}
}

/* The paths that go on behind the rule. */
static unsigned run_rule(struct machine *m, const struct rule *rule, unsigned paths,
			 unsigned *returned)
{
	struct span rest = rule_expressions(rule);
	struct expression expression;
	unsigned past = 0;

	machine_forget(m);
	while (expression_next(&rest, &expression)) {
		struct step step;

		if (!strcmp(expression.name, "notrack")) {
			paths = m->templated ? TRACKED | UNTRACKED : UNTRACKED;
			continue;
		}
		step = run_expression(m, &expression);
		if (step.may_end)
			m->ended |= paths;
		if (step.match != YES)
			past |= paths;
		if (step.match == NO)
			return past;
		if (step.verdict)
			return past | take_verdict(m, &step, paths, returned);
	}
	return past | paths;
}

/* The paths that come back from the chain. */
static unsigned run_chain(struct machine *m, const struct chain *chain, unsigned paths)
{
	unsigned returned = 0;

	if (!chain->rules_read)
		return TRACKED | UNTRACKED;
	m->depth++;
	for (size_t i = 0; i < chain->rules.n && paths; i++)
		paths = run_rule(m, chain->rules.v[i], paths, &returned);
	m->depth--;
	return paths | returned;
}

/* ------------------------------------------------------------------ base chains */

/* The base chain of that hook that comes next behind `priority` (and, with that one, `index`). */
static const struct chain *next_chain(const struct table *table, uint32_t hook, int64_t *priority,
				      size_t *index)
{
	const struct chain *next = NULL;
	int64_t best_priority = 0;
	size_t best_index = 0;

	for (size_t i = 0; i < table->chains.n; i++) {
		struct chain_hook at;

		if (!chain_hook(table->chains.v[i], &at) || at.hook != hook ||
		    at.priority >= CONNTRACK_PRIORITY || at.priority < *priority ||
		    (at.priority == *priority && i <= *index))
			continue;
		if (next && at.priority >= best_priority)
			continue;
		next = table->chains.v[i];
		best_priority = at.priority;
		best_index = i;
	}
	*priority = best_priority;
	*index = best_index;
	return next;
}

enum packet_answer packet_evaluate(const struct table *table, uint32_t hook,
				   const struct packet *packet)
{
	struct machine m = {.table = table, .packet = packet, .hook = hook};
	int64_t priority = INT64_MIN;
	const struct chain *chain;
	unsigned paths = TRACKED;
	size_t index = 0;

	if (!table->contents_read)
		return PACKET_UNKNOWN;
	while (paths && (chain = next_chain(table, hook, &priority, &index))) {
		struct chain_hook at;

		m.ended = 0;
		paths = run_chain(&m, chain, paths);
		if (paths && chain_hook(chain, &at) && at.policy == NF_DROP) {
			m.dropped |= paths;
			paths = 0;
		}
		paths |= m.ended;
	}
	if (m.dropped)
		paths |= TRACKED; /* what is dropped was not taken off tracking */
	if (paths == UNTRACKED)
		return PACKET_UNTRACKED;
	return paths == TRACKED ? PACKET_TRACKED : PACKET_UNKNOWN;
}
