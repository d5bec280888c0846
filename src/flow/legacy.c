/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stages.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#define AT(hook) (1u << PATH_##hook)

/* Where a table stands (net/ipv4/netfilter/iptable_*.c: valid hooks and priorities). */
static const struct {
	const char *name;
	int32_t priority;
	unsigned hooks;
} legacy_tables[] = {
	{"raw", NF_IP_PRI_RAW, AT(PREROUTING) | AT(OUTPUT)},
	{"mangle", NF_IP_PRI_MANGLE,
	 AT(PREROUTING) | AT(INPUT) | AT(FORWARD) | AT(OUTPUT) | AT(POSTROUTING)},
	{"nat", 0, AT(PREROUTING) | AT(INPUT) | AT(OUTPUT) | AT(POSTROUTING)},
	{"filter", NF_IP_PRI_FILTER, AT(INPUT) | AT(FORWARD) | AT(OUTPUT)},
	{"security", NF_IP_PRI_SECURITY, AT(INPUT) | AT(FORWARD) | AT(OUTPUT)},
};

#define FILTER 3

static bool lists(const texts *names, const char *name)
{
	if (!names)
		return false;
	array_for_each(one, names) {
		if (!strcmp(*one, name))
			return true;
	}
	return false;
}

/* The table's rules at the hook, of both families that have it. */
static bool add_traits(struct stage *stage, const struct ruleset *rules, enum path_hook hook,
		       struct untrack_error *err)
{
	static const char *const chains[PATH_HOOKS] = {[PATH_PREROUTING] = "PREROUTING",
						       [PATH_INPUT] = "INPUT",
						       [PATH_FORWARD] = "FORWARD",
						       [PATH_OUTPUT] = "OUTPUT",
						       [PATH_POSTROUTING] = "POSTROUTING"};
	static const struct {
		unsigned stage;
		uint8_t family;
	} families[] = {{STAGE_IP, NFPROTO_IPV4}, {STAGE_IP6, NFPROTO_IPV6}};

	for (size_t i = 0; rules && i < sizeof(families) / sizeof(*families); i++) {
		const struct table *table =
			stage->families & families[i].stage
				? ruleset_find(rules, families[i].family, stage->table)
				: NULL;
		const struct chain *chain = table ? table_find_chain(table, chains[hook]) : NULL;
		unsigned traits = 0;

		if (chain && !traits_of_chain(table, chain, &traits, err))
			return false;
		stage->traits |= traits;
	}
	return true;
}

static bool add_legacy(struct path *path, enum path_lane lane, enum path_hook hook, size_t which,
		       unsigned families, const struct ruleset *rules, struct untrack_error *err)
{
	bool nat = !strcmp(legacy_tables[which].name, "nat");
	bool before = hook == PATH_PREROUTING || hook == PATH_OUTPUT;
	struct stage stage = {
		.kind = STAGE_LEGACY,
		.activity = STAGE_ON,
		.families = families,
		.inside_nat = nat,
		.family = lane == LANE_ARP ? NFPROTO_ARP : NFPROTO_IPV4,
		.table = strdup(legacy_tables[which].name),
	};

	if (!stage.table)
		return error_memory(err);
	stage.priority = !nat	  ? legacy_tables[which].priority
			 : before ? NF_IP_PRI_NAT_DST
				  : NF_IP_PRI_NAT_SRC;
	stage.place = stage.priority;
	if (!add_traits(&stage, rules, hook, err)) {
		stage_clear(&stage);
		return false;
	}
	return stage_add(path, lane, hook, &stage, err);
}

bool stages_of_legacy(struct path *path, const struct path_sources *sources,
		      struct untrack_error *err)
{
	for (size_t i = 0; i < sizeof(legacy_tables) / sizeof(*legacy_tables); i++) {
		unsigned families =
			(lists(sources->legacy[0], legacy_tables[i].name) ? STAGE_IP : 0) |
			(lists(sources->legacy[1], legacy_tables[i].name) ? STAGE_IP6 : 0);

		for (unsigned hook = 0; hook < PATH_HOOKS && families; hook++)
			if ((legacy_tables[i].hooks & (1u << hook)) &&
			    !add_legacy(path, LANE_IP, hook, i, families, sources->legacy_rules,
					err))
				return false;
	}
	if (!lists(sources->legacy[2], legacy_tables[FILTER].name))
		return true;
	return add_legacy(path, LANE_ARP, PATH_INPUT, FILTER, 0, NULL, err) &&
	       add_legacy(path, LANE_ARP, PATH_FORWARD, FILTER, 0, NULL, err) &&
	       add_legacy(path, LANE_ARP, PATH_OUTPUT, FILTER, 0, NULL, err);
}
