/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/tracking.h"

#include "base/cleanup.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_CT.h>
#include <string.h>

struct name_trait {
	const char *name;
	unsigned traits;
	const char *why;
};

/* The kernel's expressions whose init calls nf_ct_netns_get() or nf_defrag_*_enable(). */
static const struct name_trait native[] = {
	{"ct", TRAIT_TRACKS, "ct"},
	{"connlimit", TRAIT_TRACKS, "ct count"},
	{"masq", TRAIT_TRACKS, "masquerade"},
	{"redir", TRAIT_TRACKS, "redirect"},
	{"nat", TRAIT_TRACKS, "nat"},
	{"synproxy", TRAIT_TRACKS | TRAIT_SYNPROXY, "synproxy"},
	{"flow_offload", TRAIT_TRACKS | TRAIT_OFFLOADS, "flow add"},
	{"notrack", TRAIT_UNTRACKS, "notrack"},
	{"tproxy", TRAIT_DEFRAGMENTS, "tproxy"},
	{"socket", TRAIT_DEFRAGMENTS, "socket"},
};

/* Likewise for x_tables (net/netfilter/xt_*.c); matches are in lower case, targets in upper case.
 */
static const struct name_trait compat[] = {
	{"conntrack", TRAIT_TRACKS, "xt conntrack"},
	{"state", TRAIT_TRACKS, "xt state"},
	{"connmark", TRAIT_TRACKS, "xt connmark"},
	{"connlabel", TRAIT_TRACKS, "xt connlabel"},
	{"connlimit", TRAIT_TRACKS, "xt connlimit"},
	{"connbytes", TRAIT_TRACKS, "xt connbytes"},
	{"helper", TRAIT_TRACKS, "xt helper"},
	{"cluster", TRAIT_TRACKS, "xt cluster"},
	{"socket", TRAIT_DEFRAGMENTS, "xt socket"},
	{"CONNMARK", TRAIT_TRACKS, "xt CONNMARK"},
	{"CONNSECMARK", TRAIT_TRACKS, "xt CONNSECMARK"},
	{"MASQUERADE", TRAIT_TRACKS, "xt MASQUERADE"},
	{"SNAT", TRAIT_TRACKS, "xt SNAT"},
	{"DNAT", TRAIT_TRACKS, "xt DNAT"},
	{"REDIRECT", TRAIT_TRACKS, "xt REDIRECT"},
	{"NETMAP", TRAIT_TRACKS, "xt NETMAP"},
	{"SYNPROXY", TRAIT_TRACKS | TRAIT_SYNPROXY, "xt SYNPROXY"},
	{"TPROXY", TRAIT_DEFRAGMENTS, "xt TPROXY"},
	{"NOTRACK", TRAIT_UNTRACKS, "xt NOTRACK"},
};

static const struct name_trait *find(const struct name_trait *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].name[0] == name[0] && !strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}
#define FIND(table, name) find(table, sizeof(table) / sizeof(*(table)), name)

/* CT --notrack leaves before nf_ct_netns_get(); CT with anything else attaches a template. */
static const struct name_trait *xt_ct(struct span data)
{
	static const struct name_trait untracks = {"CT", TRAIT_UNTRACKS, "xt CT --notrack"};
	static const struct name_trait tracks = {"CT", TRAIT_TRACKS, "xt CT"};
	struct span info;
	uint16_t flags;

	if (!attr_find(data, NFTA_TARGET_INFO, &info) || info.len < sizeof(flags))
		return &tracks;
	memcpy(&flags, info.data, sizeof(flags)); /* struct xt_ct_target_info begins with them */
	return flags & XT_CT_NOTRACK ? &untracks : &tracks;
}

static const struct name_trait *xt_trait(struct span data)
{
	/* NFTA_MATCH_NAME is the same number as NFTA_TARGET_NAME. */
	const char *name = attr_find_text(data, NFTA_TARGET_NAME);

	if (!name)
		return NULL;
	return strcmp(name, "CT") == 0 ? xt_ct(data) : FIND(compat, name);
}

static unsigned list_traits(struct span list, const char **ret_why)
{
	struct expression expression;
	unsigned traits = 0;

	while (expression_next(&list, &expression)) {
		const char *why = NULL;
		unsigned more = expression_traits(&expression, &why);

		if (ret_why && more && (!traits || (more & ~traits & TRAIT_TRACKS)))
			*ret_why = why;
		traits |= more;
	}
	return traits;
}

/* What a set update carries: one expression (its NFTA_EXPR_* directly), or a list. */
static unsigned carried_traits(struct span data, uint16_t one, uint16_t list, const char **ret_why)
{
	struct span body;

	if (attr_find(data, list, &body))
		return list_traits(body, ret_why);
	if (attr_find(data, one, &body)) {
		struct expression expression = {.name = attr_find_text(body, NFTA_EXPR_NAME)};

		if (!attr_find(body, NFTA_EXPR_DATA, &expression.data))
			expression.data = (struct span){0};
		return expression.name ? expression_traits(&expression, ret_why) : 0;
	}
	return 0;
}

static unsigned object_traits(uint32_t type, const char **ret_why)
{
	const char *why;

	switch (type) {
	case NFT_OBJECT_CT_HELPER:
		why = "ct helper object";
		break;
	case NFT_OBJECT_CT_TIMEOUT:
		why = "ct timeout object";
		break;
	case NFT_OBJECT_CT_EXPECT:
		why = "ct expectation object";
		break;
	case NFT_OBJECT_CONNLIMIT:
		why = "ct count object";
		break;
	case NFT_OBJECT_SYNPROXY:
		why = "synproxy object";
		break;
	default:
		return 0;
	}
	if (ret_why)
		*ret_why = why;
	return TRAIT_TRACKS | (type == NFT_OBJECT_SYNPROXY ? TRAIT_SYNPROXY : 0);
}

unsigned expression_traits(const struct expression *expression, const char **ret_why)
{
	const struct name_trait *found;

	if (expression_is(expression, "dynset"))
		return carried_traits(expression->data, NFTA_DYNSET_EXPR, NFTA_DYNSET_EXPRESSIONS,
				      ret_why);
	if (expression_is(expression, "objref"))
		return object_traits(attr_find_be32(expression->data, NFTA_OBJREF_IMM_TYPE),
				     ret_why);
	if (expression_is(expression, "match") || expression_is(expression, "target"))
		found = xt_trait(expression->data);
	else
		found = FIND(native, expression->name);
	if (!found)
		return 0;
	if (ret_why)
		*ret_why = found->why;
	return found->traits;
}

unsigned rule_traits(const struct rule *rule, const char **ret_why)
{
	return list_traits(rule_expressions(rule), ret_why);
}

/* ------------------------------------------------------------------ jumps */

/* NFTA_DATA_VERDICT of a data attribute: the chain, or NULL. */
static const char *verdict_chain(struct span data)
{
	struct span verdict;

	return attr_find(data, NFTA_DATA_VERDICT, &verdict)
		       ? attr_find_text(verdict, NFTA_VERDICT_CHAIN)
		       : NULL;
}

static void map_targets(const struct table *table, const char *name, rule_target_fn *fn, void *arg)
{
	const struct set *set = name ? table_find_set(table, name) : NULL;

	if (!set || !(set->flags & NFT_SET_MAP))
		return;
	for (size_t i = 0; i < elements_count(&set->elements); i++) {
		struct span data;
		const char *chain =
			attr_find(element_at(&set->elements, i), NFTA_SET_ELEM_DATA, &data)
				? verdict_chain(data)
				: NULL;

		if (chain)
			fn(arg, chain);
	}
}

void rule_targets(const struct table *table, const struct rule *rule, rule_target_fn *fn, void *arg)
{
	struct span list = rule_expressions(rule), data;
	struct expression expression;

	while (expression_next(&list, &expression)) {
		const char *chain = NULL;

		if (expression_is(&expression, "immediate") &&
		    attr_find(expression.data, NFTA_IMMEDIATE_DATA, &data))
			chain = verdict_chain(data);
		else if (expression_is(&expression, "lookup"))
			map_targets(table, attr_find_text(expression.data, NFTA_LOOKUP_SET), fn,
				    arg);
		if (chain)
			fn(arg, chain);
	}
}

struct walk {
	const struct table *table;
	bool *reached;
	ARRAY(size_t) open; /* reached, their rules not looked at yet */
	bool failed;
};

static void walk_to(void *arg, const char *name)
{
	struct walk *walk = arg;
	size_t place = table_chain_place(walk->table, name);

	if (place == SIZE_MAX)
		return;
	if (!walk->reached[place] && !array_push(&walk->open, place))
		walk->failed = true;
	walk->reached[place] = true;
}

bool *chain_reach(const struct table *table, const struct chain *chain, struct untrack_error *err)
{
	autofree bool *reached = calloc(table->chains.n + 1, sizeof(*reached));
	struct walk walk = {.table = table, .reached = reached};

	if (!reached) {
		error_memory(err);
		return NULL;
	}
	walk_to(&walk, chain->name);
	while (walk.open.n) {
		const struct chain *next = table->chains.v[walk.open.v[--walk.open.n]];

		array_for_each(rule, &next->rules) {
			rule_targets(table, *rule, walk_to, &walk);
		}
	}
	array_free(&walk.open);
	if (walk.failed) {
		error_memory(err);
		return NULL;
	}
	return steal_pointer(&reached);
}

/* ------------------------------------------------------------------ what turns it on */

/* Each gives the word for what turns it on, or NULL. */
static const char *chain_tracker(const struct chain *chain)
{
	const char *why = NULL;

	array_for_each(rule, &chain->rules)
		if (rule_traits(*rule, &why) & TRAIT_TRACKS)
			return why;
	return NULL;
}

static const char *object_tracker(const struct stateful *object)
{
	const char *why = NULL;

	return object_traits(object->type, &why) & TRAIT_TRACKS ? why : NULL;
}

static const char *set_tracker(const struct set *set)
{
	const char *why = NULL;
	unsigned traits =
		carried_traits(buf_span(&set->attrs), NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS, &why);

	return traits & TRAIT_TRACKS ? why : NULL;
}

bool table_tracks(const struct table *table)
{
	array_for_each(chain, &table->chains)
		if (chain_tracker(*chain))
			return true;
	array_for_each(object, &table->objects)
		if (object_tracker(*object))
			return true;
	array_for_each(set, &table->sets)
		if (set_tracker(*set))
			return true;
	return false;
}

static bool add(trackers *list, const struct table *table, const char *chain, const char *why,
		struct untrack_error *err)
{
	return !why || array_push(list, (struct tracker){table->family, table->name, chain, why}) ||
	       error_memory(err);
}

static bool table_trackers(const struct table *table, trackers *list, struct untrack_error *err)
{
	array_for_each(chain, &table->chains) {
		if (!add(list, table, (*chain)->name, chain_tracker(*chain), err))
			return false;
	}
	array_for_each(object, &table->objects) {
		if (!add(list, table, NULL, object_tracker(*object), err))
			return false;
	}
	array_for_each(set, &table->sets) {
		if (!add(list, table, NULL, set_tracker(*set), err))
			return false;
	}
	return true;
}

bool ruleset_trackers(const struct ruleset *ruleset, trackers *ret_trackers,
		      struct untrack_error *err)
{
	trackers list = {0};

	array_for_each(table, &ruleset->tables) {
		if (!table_trackers(*table, &list, err)) {
			array_free(&list);
			return false;
		}
	}
	*ret_trackers = list;
	return true;
}
