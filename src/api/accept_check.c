/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/accept_check.h"

#include "api/iptables_lines.h"
#include "api/target.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "model/tracking.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

static bool refuse(const struct policy *policy, const struct origin *origin,
		   struct untrack_error *err, struct buf *message)
{
	if (!buf_ok(message, err))
		return false;
	return error_at(err, ERROR_DOCUMENT, policy->file, origin->line, origin->column,
			origin->path, "%s", buf_text(message));
}

/* ------------------------------------------------------------------ which chains there are */

static bool family_fits(uint8_t family)
{
	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET;
}

static void list_chains(struct buf *out, const struct ruleset *live, const struct policy *policy)
{
	size_t count = 0;

	array_for_each(table, &live->tables) {
		if (!family_fits((*table)->family) ||
		    ((*table)->family == policy->family && !strcmp((*table)->name, policy->table)))
			continue;
		array_for_each(chain, &(*table)->chains) {
			buf_printf(out, "%s'%s %s %s'",
				   count++ ? ", " : "; there are: ", family_name((*table)->family),
				   (*table)->name, (*chain)->name);
		}
	}
	if (!count)
		buf_puts(out, "; this network namespace has no chains of ip, ip6 or inet tables");
}

static bool refuse_missing(const struct policy *policy, const struct ruleset *live,
			   const struct table *table, const struct policy_accept_in *entry,
			   struct untrack_error *err)
{
	autobuf out = {0};

	if (table)
		buf_printf(&out, "table %s %s has no chain '%s'", family_name(entry->family),
			   entry->table, entry->chain);
	else
		buf_printf(&out, "no table '%s %s'", family_name(entry->family), entry->table);
	list_chains(&out, live, policy);
	return refuse(policy, &entry->origin, err, &out);
}

/* ------------------------------------------------------------------ iptables-nft */

/* iptables-nft's tables are known by their names and upper-case base chains (iptables/nft.c:
 * xtables_ipv4), or by xt expressions in their rules. */
static bool is_iptables_nft(const struct table *table)
{
	static const char *const tables[] = {"filter", "nat", "mangle", "raw", "security"};
	static const char *const chains[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
					     "POSTROUTING"};
	bool name = false, base = false;

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		name |= table->family != NFPROTO_INET && !strcmp(table->name, tables[i]);
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++) {
		const struct chain *chain = table_find_chain(table, chains[i]);
		struct chain_hook hook;

		base |= chain && chain_hook(chain, &hook);
	}
	return (name && base) || table_has_xt(table);
}

static bool refuse_iptables(const struct policy *policy, const struct table *table,
			    const struct policy_accept_in *entry, struct untrack_error *err)
{
	struct accept_directions directions;
	autobuf out = {0};

	if (!accept_directions(policy, table, entry, &directions, err))
		return false;
	buf_printf(
		&out,
		"chain '%s %s %s' belongs to iptables-nft: a rule of nft's there would make the "
		"table unreadable to iptables, or be saved wrongly; leave it out of accept_in, and "
		"add by hand:",
		family_name(entry->family), entry->table, entry->chain);
	iptables_lines(&out, policy, entry, directions);
	return refuse(policy, &entry->origin, err, &out);
}

bool accept_check(const struct policy *policy, const struct ruleset *live,
		  const struct table *table, const struct policy_accept_in *entry,
		  struct untrack_error *err)
{
	struct accept_directions directions;
	autobuf out = {0};

	if (entry->family == policy->family && !strcmp(entry->table, policy->table)) {
		buf_printf(&out,
			   "'%s %s' is the policy's own table; expected a chain of your firewall",
			   family_name(entry->family), entry->table);
		return refuse(policy, &entry->origin, err, &out);
	}
	if (!table || !table_find_chain(table, entry->chain))
		return refuse_missing(policy, live, table, entry, err);
	if (is_iptables_nft(table))
		return refuse_iptables(policy, table, entry, err);
	if (table->unknown) {
		buf_printf(&out, "table '%s %s' cannot be read whole, so nothing is written there",
			   family_name(entry->family), entry->table);
		return refuse(policy, &entry->origin, err, &out);
	}
	return accept_directions(policy, table, entry, &directions, err);
}

/* ------------------------------------------------------------------ what reaches a chain */

static const char *jump_of(const struct expression *expression)
{
	struct span data, verdict;

	if (strcmp(expression->name, "immediate") != 0 ||
	    !attr_find(expression->data, NFTA_IMMEDIATE_DATA, &data) ||
	    !attr_find(data, NFTA_DATA_VERDICT, &verdict))
		return NULL;
	return attr_find_text(verdict, NFTA_VERDICT_CHAIN);
}

static bool map_jumps_to(const struct table *table, const char *map, const char *chain)
{
	const struct set *set = map ? table_find_set(table, map) : NULL;

	for (size_t i = 0; set && i < elements_count(&set->elements); i++) {
		struct span data, verdict;
		const char *to;

		if (!attr_find(element_at(&set->elements, i), NFTA_SET_ELEM_DATA, &data) ||
		    !attr_find(data, NFTA_DATA_VERDICT, &verdict))
			continue;
		to = attr_find_text(verdict, NFTA_VERDICT_CHAIN);
		if (to && !strcmp(to, chain))
			return true;
	}
	return false;
}

static bool jumps_to(const struct table *table, const struct chain *from, const char *chain)
{
	array_for_each(rule, &from->rules) {
		struct span list = rule_expressions(*rule);
		struct expression expression;

		while (expression_next(&list, &expression)) {
			const char *to = jump_of(&expression);

			if (to && !strcmp(to, chain))
				return true;
			if (!strcmp(expression.name, "lookup") &&
			    map_jumps_to(table, attr_find_text(expression.data, NFTA_LOOKUP_SET),
					 chain))
				return true;
		}
	}
	return false;
}

/* Hooks (bits) from which the chain is reached; depth bounds what the kernel bounds as well
 * (NFT_JUMP_STACK_SIZE is 16). */
static unsigned reached_by(const struct table *table, const struct chain *chain, unsigned depth)
{
	struct chain_hook hook;
	unsigned hooks = 0;

	if (chain_hook(chain, &hook))
		return 1u << hook.hook;
	if (depth > 16)
		return 0;
	array_for_each(from, &table->chains) {
		if (*from != chain && jumps_to(table, *from, chain->name))
			hooks |= reached_by(table, *from, depth + 1);
	}
	return hooks;
}

bool accept_directions(const struct policy *policy, const struct table *table,
		       const struct policy_accept_in *entry,
		       struct accept_directions *ret_directions, struct untrack_error *err)
{
	const unsigned fits =
		1u << NF_INET_LOCAL_IN | 1u << NF_INET_LOCAL_OUT | 1u << NF_INET_FORWARD;
	const struct chain *chain = table_find_chain(table, entry->chain);
	unsigned hooks = reached_by(table, chain, 0);
	autobuf out = {0};

	if (hooks && !(hooks & ~fits)) {
		*ret_directions = (struct accept_directions){
			.input = hooks & 1u << NF_INET_LOCAL_IN,
			.output = hooks & 1u << NF_INET_LOCAL_OUT,
			.forward = hooks & 1u << NF_INET_FORWARD,
		};
		return true;
	}
	buf_printf(&out, "chain '%s %s %s' is reached from ", family_name(entry->family),
		   entry->table, entry->chain);
	if (!hooks)
		buf_puts(&out, "no base chain");
	for (unsigned hook = 0, n = 0; hook < 8; hook++)
		if (hooks & ~fits & 1u << hook)
			buf_printf(&out, "%s%s", n++ ? ", " : "hook ",
				   hook_name(entry->family, hook));
	buf_puts(&out,
		 "; expected one of hook input, output or forward, where packets are accepted");
	return refuse(policy, &entry->origin, err, &out);
}

/* ------------------------------------------------------------------ tracking */

bool rule_matches_state(const struct rule *rule)
{
	struct span list = rule_expressions(rule);
	struct expression expression;

	while (expression_next(&list, &expression))
		if (!strcmp(expression.name, "ct") &&
		    attr_find_be32(expression.data, NFTA_CT_KEY) == NFT_CT_STATE &&
		    attr_find_be32(expression.data, NFTA_CT_DREG))
			return true;
	return false;
}

bool rule_ends_chain(const struct rule *rule)
{
	struct span list = rule_expressions(rule), data, verdict;
	struct expression expression;

	while (expression_next(&list, &expression)) {
		if (!strcmp(expression.name, "reject"))
			return true;
		if (!strcmp(expression.name, "immediate") &&
		    attr_find(expression.data, NFTA_IMMEDIATE_DATA, &data) &&
		    attr_find(data, NFTA_DATA_VERDICT, &verdict)) {
			int32_t code = (int32_t)attr_find_be32(verdict, NFTA_VERDICT_CODE);

			return code != NFT_JUMP && code != NFT_CONTINUE;
		}
		if (strcmp(expression.name, "counter") != 0 && strcmp(expression.name, "log") != 0)
			return false;
	}
	return false;
}

bool tracking_is_on(const struct ruleset *live, uint8_t family, const char *except)
{
	array_for_each(table, &live->tables) {
		if ((*table)->family == family && !strcmp((*table)->name, except))
			continue;
		if (table_tracks(*table))
			return true;
	}
	return false;
}
