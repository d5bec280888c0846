/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stages.h"

#include "base/cleanup.h"
#include "model/service_counter.h"
#include "model/tracking.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

static unsigned families_of(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return STAGE_IP;
	case NFPROTO_IPV6:
		return STAGE_IP6;
	case NFPROTO_INET:
	case NFPROTO_NETDEV:
		return STAGE_IP | STAGE_IP6;
	default:
		return 0;
	}
}

/* "eth0, eth1": the devices of an ingress or egress chain. NULL if it has none or without memory.
 */
static char *devices_of(const struct chain *chain)
{
	struct span hook, list;
	struct buf out = {0};
	const char *one;

	if (!attr_find(buf_span(&chain->attrs), NFTA_CHAIN_HOOK, &hook))
		return NULL;
	one = attr_find_text(hook, NFTA_HOOK_DEV);
	if (one)
		return strdup(one);
	if (!attr_find(hook, NFTA_HOOK_DEVS, &list))
		return NULL;
	attr_for_each(device, list) {
		const char *name = attr_text(device.body);

		buf_printf(&out, "%s%s", out.len ? ", " : "", name ? name : "?");
	}
	return buf_steal_text(&out);
}

bool traits_of_chain(const struct table *table, const struct chain *chain, unsigned *ret_traits,
		     struct untrack_error *err)
{
	autofree bool *reached = chain_reach(table, chain, err);
	unsigned traits = 0;

	if (!reached)
		return false;
	for (size_t i = 0; i < table->chains.n; i++) {
		if (!reached[i])
			continue;
		array_for_each(rule, &table->chains.v[i]->rules) {
			traits |= rule_traits(*rule, NULL);
		}
	}
	*ret_traits = traits;
	return true;
}

static bool add_services(struct stage *stage, const struct table *table, enum path_hook hook,
			 const service_counters *counters)
{
	array_for_each(counter, counters) {
		bool here = hook == PATH_PREROUTING
				    ? counter->prerouting_d.used || counter->prerouting_s.used
				    : counter->output_d.used || counter->output_s.used;
		char *name;

		if (counter->table != table || !here)
			continue;
		name = strndup(counter->name, counter->name_length);
		if (!name || !array_push(&stage->services, name)) {
			free(name);
			return false;
		}
	}
	return true;
}

static int32_t place_of(enum path_hook hook, const struct chain_hook *at)
{
	if (!at->type || strcmp(at->type, "nat") != 0)
		return at->priority;
	return hook == PATH_PREROUTING || hook == PATH_OUTPUT ? NF_IP_PRI_NAT_DST
							      : NF_IP_PRI_NAT_SRC;
}

static bool is_dormant(const struct table *table)
{
	return attr_find_be32(buf_span(&table->attrs), NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT;
}

static bool add_chain(struct path *path, const struct table *table, const struct chain *chain,
		      uint32_t turn, const service_counters *counters, struct untrack_error *err)
{
	struct stage stage = {.kind = STAGE_CHAIN, .activity = STAGE_ON, .turn = turn};
	struct chain_hook at;
	enum path_lane lane;
	enum path_hook hook;

	if (!chain_hook(chain, &at) || !path_place(table->family, at.hook, &lane, &hook))
		return true;
	if (!traits_of_chain(table, chain, &stage.traits, err))
		return false;
	stage.priority = at.priority;
	stage.place = place_of(hook, &at);
	stage.inside_nat = at.type && !strcmp(at.type, "nat");
	stage.families = families_of(table->family);
	stage.family = table->family;
	stage.table = strdup(table->name);
	stage.chain = strdup(chain->name);
	stage.type = strdup(at.type ? at.type : "filter");
	stage.devices = devices_of(chain);
	stage.drop = at.policy == NF_DROP;
	stage.dormant = is_dormant(table);
	stage.activity = stage.dormant ? STAGE_OFF : STAGE_ON;
	stage.rules = chain->rules.n;
	if (!stage.table || !stage.chain || !stage.type ||
	    ((stage.traits & TRAIT_UNTRACKS) && !add_services(&stage, table, hook, counters))) {
		stage_clear(&stage);
		return error_memory(err);
	}
	return stage_add(path, lane, hook, &stage, err);
}

bool stages_of_chains(struct path *path, const struct ruleset *ruleset, struct untrack_error *err)
{
	service_counters counters = {0};
	/* Of two hooks with one priority the kernel calls the one that was registered last first
	 * (net/netfilter/core.c: nf_hook_entries_grow()), and it lists them as they were made. */
	uint32_t turn = UINT32_MAX;
	bool fine = service_counters_read(ruleset, &counters, err);

	array_for_each(table, &ruleset->tables) {
		array_for_each(chain, &(*table)->chains) {
			fine = fine && add_chain(path, *table, *chain, turn--, &counters, err);
		}
	}
	array_free(&counters);
	return fine;
}
