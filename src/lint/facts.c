/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/facts.h"

#include "lint/decode.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

unsigned key_bytes(enum key key)
{
	static const uint8_t bytes[KEYS] = {
		[KEY_NFPROTO] = 1,   [KEY_ETHERTYPE] = 2, [KEY_L4PROTO] = 1,  [KEY_SADDR4] = 4,
		[KEY_DADDR4] = 4,    [KEY_SADDR6] = 16,	  [KEY_DADDR6] = 16,  [KEY_SPORT] = 2,
		[KEY_DPORT] = 2,     [KEY_TCPFLAGS] = 1,  [KEY_ICMPTYPE] = 1, [KEY_ICMPCODE] = 1,
		[KEY_IIFNAME] = 16,  [KEY_OIFNAME] = 16,  [KEY_MARK] = 4,     [KEY_CTSTATE] = 4,
		[KEY_SADDRTYPE] = 4, [KEY_DADDRTYPE] = 4,
	};

	return bytes[key];
}

static const struct ranges *make_domain(struct arena *arena, enum key key)
{
	static const struct interval states[] = {{STATE_INVALID, STATE_INVALID},
						 {STATE_ESTABLISHED, STATE_ESTABLISHED},
						 {STATE_RELATED, STATE_RELATED},
						 {STATE_NEW, STATE_NEW},
						 {STATE_UNTRACKED, STATE_UNTRACKED}};

	if (key == KEY_CTSTATE)
		return ranges_make(arena, states, COUNT(states));
	if (key == KEY_NFPROTO)
		return ranges_make(arena,
				   (const struct interval[]){{NFPROTO_IPV4, NFPROTO_IPV4},
							     {NFPROTO_IPV6, NFPROTO_IPV6}},
				   2);
	return ranges_one(arena, 0, number_max(key_bytes(key)));
}

const struct ranges *key_domain(struct arena *arena, struct domains *domains, enum key key)
{
	if (!domains->of[key])
		domains->of[key] = make_domain(arena, key);
	return domains->of[key];
}

/* --- expressions ------------------------------------------------------------------------------ */

static void decode_notrack(struct decoding *d, struct span data)
{
	(void)data;
	decode_effect(d, EFFECT_NOTRACK, "notrack");
}

static void decode_tproxy(struct decoding *d, struct span data)
{
	(void)data;
	decode_effect(d, EFFECT_TPROXY, "tproxy");
}

static void decode_synproxy(struct decoding *d, struct span data)
{
	(void)data;
	decode_effect(d, EFFECT_SYNPROXY, "synproxy");
	decode_verdict(d, NF_STOLEN, NULL);
}

static void decode_flow(struct decoding *d, struct span data)
{
	(void)data;
	decode_effect(d, EFFECT_FLOW, "flow add");
}

static void decode_reject(struct decoding *d, struct span data)
{
	(void)data;
	decode_verdict(d, NF_DROP, NULL);
}

static void decode_queue(struct decoding *d, struct span data)
{
	(void)data;
	decode_verdict(d, NF_QUEUE, NULL);
}

static void decode_fwd(struct decoding *d, struct span data)
{
	(void)data;
	decode_verdict(d, NF_STOLEN, NULL);
}

static void decode_limit(struct decoding *d, struct span data)
{
	(void)data;
	decode_effect(d, EFFECT_LIMIT, "limit");
	decode_chance(d, "limit");
}

static void decode_quota(struct decoding *d, struct span data)
{
	(void)data;
	decode_effect(d, EFFECT_LIMIT, "quota");
	decode_chance(d, "quota");
}

/* Without an entry nothing is counted: such a packet is never over a count, and always within. */
void decode_count(struct decoding *d, bool over)
{
	if (!over) {
		decode_effect(d, EFFECT_SET_ENTRY, "ct count");
		return;
	}
	decode_add(d, (struct fact){.kind = FACT_ENTRY, .what = "ct count"});
	decode_chance(d, "ct count");
}

static void decode_connlimit(struct decoding *d, struct span data)
{
	decode_count(d, attr_find_be32(data, NFTA_CONNLIMIT_FLAGS) & NFT_CONNLIMIT_F_INV);
}

/* An update of a set is a condition where it carries a limit or a count. */
static void decode_dynset(struct decoding *d, struct span data)
{
	struct expression one = {0}, next;
	struct span list, body;

	if (attr_find(data, NFTA_DYNSET_EXPR, &body)) {
		one.name = attr_find_text(body, NFTA_EXPR_NAME);
		attr_find(body, NFTA_EXPR_DATA, &one.data);
	} else if (attr_find(data, NFTA_DYNSET_EXPRESSIONS, &list)) {
		while (expression_next(&list, &next))
			if (!one.name || strcmp(next.name, "counter"))
				one = next;
	}
	if (!one.name)
		return;
	if (!strcmp(one.name, "limit") || !strcmp(one.name, "quota"))
		decode_limit(d, data);
	else if (!strcmp(one.name, "connlimit"))
		decode_connlimit(d, one.data);
}

static void decode_rt(struct decoding *d, struct span data)
{
	load_other(d, "rt", data, NFTA_RT_DREG, OPAQUE_UNSURE);
}

static void decode_exthdr(struct decoding *d, struct span data)
{
	struct span body;

	if (!attr_find(data, NFTA_EXTHDR_SREG, &body))
		load_other(d, "exthdr", data, NFTA_EXTHDR_DREG, OPAQUE_FREE);
}

static void decode_socket(struct decoding *d, struct span data)
{
	load_other(d, "socket", data, NFTA_SOCKET_DREG, OPAQUE_FREE);
}

static void decode_osf(struct decoding *d, struct span data)
{
	load_other(d, "osf", data, NFTA_OSF_DREG, OPAQUE_FREE);
}

static void decode_numgen(struct decoding *d, struct span data)
{
	load_other(d, "numgen", data, NFTA_NG_DREG, OPAQUE_FREE);
}

static void decode_hash(struct decoding *d, struct span data)
{
	load_other(d, "hash", data, NFTA_HASH_DREG, OPAQUE_FREE);
}

static void decode_xfrm(struct decoding *d, struct span data)
{
	load_other(d, "ipsec", data, NFTA_XFRM_DREG, OPAQUE_UNSURE);
}

static void decode_tunnel(struct decoding *d, struct span data)
{
	load_other(d, "tunnel", data, NFTA_TUNNEL_DREG, OPAQUE_UNSURE);
}

static void decode_nothing(struct decoding *d, struct span data)
{
	(void)d;
	(void)data;
}

struct decoder {
	const char *name;
	void (*decode)(struct decoding *d, struct span data);
};

/* By name. */
static const struct decoder decoders[] = {
	{"bitwise", load_bitwise},
	{"byteorder", load_byteorder},
	{"cmp", decode_cmp},
	{"connlimit", decode_connlimit},
	{"counter", decode_nothing},
	{"ct", load_ct},
	{"dup", decode_nothing},
	{"dynset", decode_dynset},
	{"exthdr", decode_exthdr},
	{"fib", load_fib},
	{"flow_offload", decode_flow},
	{"fwd", decode_fwd},
	{"hash", decode_hash},
	{"immediate", load_immediate},
	{"last", decode_nothing},
	{"limit", decode_limit},
	{"log", decode_log},
	{"lookup", decode_lookup},
	{"masq", decode_masq},
	{"match", decode_match},
	{"meta", load_meta},
	{"nat", decode_nat},
	{"notrack", decode_notrack},
	{"numgen", decode_numgen},
	{"objref", decode_objref},
	{"osf", decode_osf},
	{"payload", load_payload},
	{"queue", decode_queue},
	{"quota", decode_quota},
	{"range", decode_range},
	{"redir", decode_redir},
	{"reject", decode_reject},
	{"rt", decode_rt},
	{"socket", decode_socket},
	{"synproxy", decode_synproxy},
	{"target", decode_target},
	{"tproxy", decode_tproxy},
	{"tunnel", decode_tunnel},
	{"xfrm", decode_xfrm},
};

static int compare_names(const void *name, const void *decoder)
{
	return strcmp(name, ((const struct decoder *)decoder)->name);
}

/* For the expressions of a rule: what those of the last one had. Neighbours are alike more often than not. */
enum { KNOWN_MAX = 16 };
typedef const struct decoder *known_decoders[KNOWN_MAX];

static const struct decoder *find_decoder(const char *name, const struct decoder **known)
{
	if (!*known || strcmp((*known)->name, name) != 0)
		*known = bsearch(name, decoders, COUNT(decoders), sizeof(*decoders), compare_names);
	return *known;
}

static void decode_expression(struct decoding *d, const struct expression *expression,
			      const struct decoder **known)
{
	const struct decoder *found = find_decoder(expression->name, known);

	if (found)
		found->decode(d, expression->data);
	else
		decode_opaque(d, "unknown expression", OPAQUE_UNSURE, false, expression->data, 0);
}

/* The facts of a rule grew in the scratch arena, and now have their size. */
static void keep_facts(struct decoding *d)
{
	struct rule_facts *rule = d->rule;
	struct fact *kept = rule->n ? arena_get(d->arena, rule->n * sizeof(*kept)) : NULL;

	if (kept)
		memcpy(kept, rule->facts, rule->n * sizeof(*kept));
	else
		rule->n = 0;
	rule->facts = kept;
	d->arena->failed = d->arena->failed || d->scratch->failed;
	arena_reset(d->scratch);
}

static void decode_rule(struct facts *facts, const struct facts_source *source,
			struct arena *scratch, known_decoders known, struct rule_facts *rule)
{
	struct decoding d = {.arena = &facts->arena,
			     .scratch = scratch,
			     .domains = &facts->domains,
			     .protocols = facts->protocols,
			     .source = source,
			     .table = rule->chain->table,
			     .nfproto = rule->chain->table->family,
			     .l4proto = -1,
			     .rule = rule};
	struct span rest = rule_expressions(rule->rule);
	struct expression expression;
	size_t i = 0;

	rule->inert = true;
	while (expression_next(&rest, &expression))
		decode_expression(&d, &expression, &known[i < KNOWN_MAX ? i++ : KNOWN_MAX - 1]);
	keep_facts(&d);
	make_guards(&facts->arena, rule);
}

/* --- chains ----------------------------------------------------------------------------------- */

/* A chain of the same table. */
static const struct chain_facts *find_chain(const struct chain_facts *from, const char *name)
{
	size_t place = name ? table_chain_place(from->table, name) : SIZE_MAX;

	return place == SIZE_MAX ? NULL : from - from->place + place;
}

static void resolve(struct facts *facts, struct rule_facts *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		struct fact *fact = &rule->facts[i];

		if (fact->kind == FACT_VERDICT)
			fact->verdict.target = find_chain(rule->chain, fact->verdict.chain);
		if (fact->kind != FACT_VERDICTS || !fact->boxes.verdicts)
			continue;
		struct verdict *resolved =
			arena_get(&facts->arena, (fact->boxes.n + 1) * sizeof(*resolved));

		if (!resolved)
			return;
		memcpy(resolved, fact->boxes.verdicts, (fact->boxes.n + 1) * sizeof(*resolved));
		for (size_t j = 0; j <= fact->boxes.n; j++)
			resolved[j].target = find_chain(rule->chain, resolved[j].chain);
		fact->boxes.verdicts = resolved;
	}
}

static void read_chain(struct facts *facts, const struct facts_source *source,
		       struct arena *scratch, struct chain_facts *chain)
{
	known_decoders known = {0};

	chain->base = chain_hook(chain->chain, &chain->hook);
	chain->n = chain->chain->rules.n;
	chain->rules = arena_get(&facts->arena, chain->n * sizeof(*chain->rules));
	chain->glances = arena_get(&facts->arena, chain->n * sizeof(*chain->glances));
	for (size_t i = 0; chain->rules && chain->glances && i < chain->n; i++) {
		chain->rules[i].rule = chain->chain->rules.v[i];
		chain->rules[i].chain = chain;
		decode_rule(facts, source, scratch, known, &chain->rules[i]);
		chain->glances[i] = make_glance(&chain->rules[i]);
	}
}

static bool is_dormant(const struct table *table)
{
	return attr_find_be32(buf_span(&table->attrs), NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT;
}

struct facts *facts_new(const struct facts_source *sources, size_t n, struct untrack_error *err)
{
	struct facts *facts = calloc(1, sizeof(*facts));
	autoarena scratch = {0};
	size_t count = 0;

	for (size_t s = 0; s < n; s++)
		array_for_each(table, &sources[s].ruleset->tables)
			count += (*table)->chains.n;
	if (facts)
		facts->chains = arena_get(&facts->arena, (count + 1) * sizeof(*facts->chains));
	for (size_t s = 0; facts && facts->chains && s < n; s++) {
		array_for_each(table, &sources[s].ruleset->tables) {
			/* The chains of a dormant table are not registered: nothing reaches it. */
			for (size_t i = 0; !is_dormant(*table) && i < (*table)->chains.n; i++) {
				struct chain_facts *chain = &facts->chains[facts->n];

				chain->table = *table;
				chain->chain = (*table)->chains.v[i];
				chain->place = i;
				chain->age = facts->n++;
				chain->source = s;
				read_chain(facts, &sources[s], &scratch, chain);
			}
		}
	}
	for (size_t i = 0; facts && i < facts->n; i++)
		for (size_t j = 0; facts->chains[i].rules && j < facts->chains[i].n; j++)
			resolve(facts, &facts->chains[i].rules[j]);
	if (!facts || facts->arena.failed) {
		facts_free(facts);
		error_memory(err);
		return NULL;
	}
	return facts;
}

void facts_free(struct facts *facts)
{
	if (!facts)
		return;
	arena_free(&facts->arena);
	free(facts);
}
