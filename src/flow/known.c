/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stages.h"

#include "base/cleanup.h"
#include "model/tracking.h"

#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

/* What the kernel itself has at a hook (include/uapi/linux/netfilter_ipv4.h; nf_conntrack_proto.c,
 * nf_defrag_ipv4.c, nf_nat_proto.c). IPv6 has the same numbers. */
static const struct {
	enum path_hook hook;
	enum stage_kind kind;
	int32_t priority;
} known[] = {
	{PATH_PREROUTING, STAGE_DEFRAGMENT, NF_IP_PRI_CONNTRACK_DEFRAG},
	{PATH_PREROUTING, STAGE_TRACK, NF_IP_PRI_CONNTRACK},
	{PATH_PREROUTING, STAGE_NAT, NF_IP_PRI_NAT_DST},
	{PATH_INPUT, STAGE_NAT, NF_IP_PRI_NAT_SRC},
	{PATH_INPUT, STAGE_CONFIRM, NF_IP_PRI_CONNTRACK_CONFIRM},
	{PATH_OUTPUT, STAGE_DEFRAGMENT, NF_IP_PRI_CONNTRACK_DEFRAG},
	{PATH_OUTPUT, STAGE_TRACK, NF_IP_PRI_CONNTRACK},
	{PATH_OUTPUT, STAGE_NAT, NF_IP_PRI_NAT_DST},
	{PATH_POSTROUTING, STAGE_NAT, NF_IP_PRI_NAT_SRC},
	{PATH_POSTROUTING, STAGE_CONFIRM, NF_IP_PRI_CONNTRACK_CONFIRM},
};

/* What is on, by family: [0] IPv4, [1] IPv6. */
struct powers {
	enum stage_activity track[2], defragment[2], nat[2];
	bool bridge_track;
};

static void raise_to(enum stage_activity *activity, enum stage_activity to)
{
	if (*activity < to)
		*activity = to;
}

static void raise_family(enum stage_activity activity[2], uint8_t family)
{
	if (family == NFPROTO_IPV4 || family == NFPROTO_INET)
		raise_to(&activity[0], STAGE_ON);
	if (family == NFPROTO_IPV6 || family == NFPROTO_INET)
		raise_to(&activity[1], STAGE_ON);
}

static bool powers_of_trackers(struct powers *powers, const struct ruleset *ruleset,
			       struct untrack_error *err)
{
	trackers list = {0};

	if (!ruleset_trackers(ruleset, &list, err))
		return false;
	array_for_each(tracker, &list) {
		raise_family(powers->track, tracker->family);
		powers->bridge_track |= tracker->family == NFPROTO_BRIDGE;
	}
	array_free(&list);
	return true;
}

static void powers_of_rules(struct powers *powers, const struct ruleset *ruleset)
{
	array_for_each(table, &ruleset->tables) {
		array_for_each(chain, &(*table)->chains) {
			struct chain_hook at;

			if (chain_hook(*chain, &at) && at.type && !strcmp(at.type, "nat"))
				raise_family(powers->nat, (*table)->family);
			array_for_each(rule, &(*chain)->rules) {
				if (rule_traits(*rule, NULL) & TRAIT_DEFRAGMENTS)
					raise_family(powers->defragment, (*table)->family);
			}
		}
	}
}

/* Where rules of legacy tables cannot be read, entries say that something tracks. */
static void powers_of_legacy(struct powers *powers, const struct path_sources *sources)
{
	for (int i = 0; i < 2; i++) {
		const texts *names = sources->legacy[i];

		if (!names || !names->n)
			continue;
		if (!sources->legacy_rules)
			raise_to(&powers->track[i], sources->entries ? STAGE_ON : STAGE_UNKNOWN);
		array_for_each(name, names) {
			if (!strcmp(*name, "nat"))
				raise_to(&powers->nat[i], STAGE_ON);
		}
	}
}

/* One stage for both families: that of those where it is on, or else may be, or else would be. */
static struct stage merge(enum stage_kind kind, int32_t priority,
			  const enum stage_activity activity[2])
{
	struct stage stage = {
		.kind = kind,
		.priority = priority,
		.place = priority,
		.activity = activity[0] > activity[1] ? activity[0] : activity[1],
		.turn = kind == STAGE_NAT ? UINT32_MAX : 0,
	};

	stage.families = (activity[0] == stage.activity ? STAGE_IP : 0) |
			 (activity[1] == stage.activity ? STAGE_IP6 : 0);
	return stage;
}

static bool add_known(struct path *path, const struct powers *powers, struct untrack_error *err)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const enum stage_activity *activity = known[i].kind == STAGE_NAT ? powers->nat
						      : known[i].kind == STAGE_DEFRAGMENT
							      ? powers->defragment
							      : powers->track;
		struct stage stage = merge(known[i].kind, known[i].priority, activity);

		if (!stage_add(path, LANE_IP, known[i].hook, &stage, err))
			return false;
	}
	return true;
}

/* nf_conntrack_bridge.c: bridges track for themselves where a rule of the bridge family asks. */
static bool add_bridge(struct path *path, struct untrack_error *err)
{
	struct stage track = {.kind = STAGE_TRACK,
			      .activity = STAGE_ON,
			      .priority = NF_IP_PRI_CONNTRACK,
			      .place = NF_IP_PRI_CONNTRACK};
	struct stage confirm = {.kind = STAGE_CONFIRM,
				.activity = STAGE_ON,
				.priority = NF_IP_PRI_CONNTRACK_CONFIRM,
				.place = NF_IP_PRI_CONNTRACK_CONFIRM};

	return stage_add(path, LANE_BRIDGE, PATH_PREROUTING, &track, err) &&
	       stage_add(path, LANE_BRIDGE, PATH_POSTROUTING, &confirm, err);
}

/* A stage at the devices: which of them have it. */
static bool add_attached(struct path *path, const devices *list, enum path_hook hook,
			 enum stage_kind kind, int32_t place, struct untrack_error *err)
{
	struct stage stage = {.kind = kind, .families = STAGE_IP | STAGE_IP6, .place = place};
	struct buf names = {0};

	array_for_each(device, list) {
		if (kind == STAGE_XDP	   ? device->xdp
		    : hook == PATH_INGRESS ? device->tc_ingress
					   : device->tc_egress)
			buf_printf(&names, "%s%s", names.len ? ", " : "", device->name);
	}
	if (names.len)
		stage.activity = STAGE_ON;
	stage.devices = buf_steal_text(&names);
	if (!stage.devices)
		return error_memory(err);
	return stage_add(path, LANE_IP, hook, &stage, err);
}

bool stages_of_kernel(struct path *path, const struct path_sources *sources,
		      struct untrack_error *err)
{
	struct powers powers = {0};

	if (!powers_of_trackers(&powers, sources->ruleset, err) ||
	    (sources->legacy_rules && !powers_of_trackers(&powers, sources->legacy_rules, err)))
		return false;
	powers_of_rules(&powers, sources->ruleset);
	if (sources->legacy_rules)
		powers_of_rules(&powers, sources->legacy_rules);
	powers_of_legacy(&powers, sources);
	for (int i = 0; i < 2; i++) {
		raise_to(&powers.defragment[i], powers.track[i]);
		path->tracking[i] = powers.track[i];
	}
	/* Before netfilter come XDP and tc; on the way out tc is last (net/core/dev.c). */
	return add_known(path, &powers, err) && (!powers.bridge_track || add_bridge(path, err)) &&
	       add_attached(path, sources->devices, PATH_INGRESS, STAGE_XDP, INT_MIN, err) &&
	       add_attached(path, sources->devices, PATH_INGRESS, STAGE_QDISC, INT_MIN + 1, err) &&
	       add_attached(path, sources->devices, PATH_EGRESS, STAGE_QDISC, INT_MAX, err);
}
