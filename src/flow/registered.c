/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stages.h"

#include "base/cleanup.h"

#include <linux/netfilter.h>
#include <string.h>

/* Which known stage a registered function is, by its name in the kernel of 5.14 to 6.18 and its
 * module. */
static bool is_kind(const struct registered_hook *hook, enum stage_kind *ret_kind)
{
	static const struct {
		const char *part; /* of the function's name */
		enum stage_kind kind;
	} functions[] = {
		{"defrag", STAGE_DEFRAGMENT},	  {"conntrack_in", STAGE_TRACK},
		{"conntrack_local", STAGE_TRACK}, {"confirm", STAGE_CONFIRM},
		{"nf_nat_", STAGE_NAT},		  {"t_do_table", STAGE_LEGACY},
		{"table_", STAGE_LEGACY},
	};

	for (size_t i = 0; hook->function && i < sizeof(functions) / sizeof(*functions); i++) {
		if (!strstr(hook->function, functions[i].part))
			continue;
		*ret_kind = functions[i].kind;
		return true;
	}
	return false;
}

static unsigned families_of(uint8_t family)
{
	return family == NFPROTO_IPV4	  ? STAGE_IP
	       : family == NFPROTO_IPV6	  ? STAGE_IP6
	       : family == NFPROTO_NETDEV ? STAGE_IP | STAGE_IP6
					  : 0;
}

static bool is_chain(const struct stage *stage, const struct registered_hook *hook)
{
	return stage->kind == STAGE_CHAIN && stage->family == hook->table_family &&
	       !strcmp(stage->table, hook->table) && !strcmp(stage->chain, hook->chain);
}

/* The stage that the hook is, among those of its place; NULL: it is not among them. */
static struct stage *find_stage(struct path *path, enum path_lane lane, enum path_hook at,
				const struct registered_hook *hook)
{
	enum stage_kind kind;
	bool known = is_kind(hook, &kind);

	array_for_each(stage, &path->hooks[lane][at]) {
		if (hook->table && hook->chain
			    ? is_chain(stage, hook)
			    : known && stage->kind == kind && stage->place == hook->priority)
			return stage;
	}
	return NULL;
}

static bool add_other(struct path *path, enum path_lane lane, enum path_hook at,
		      const struct registered_hook *hook, uint32_t turn, struct untrack_error *err)
{
	struct stage stage = {
		.kind = STAGE_OTHER,
		.activity = STAGE_ON,
		.priority = hook->priority,
		.place = hook->priority,
		.families = families_of(hook->family),
		.turn = turn,
	};
	struct buf what = {0};

	buf_puts(&what, hook->function ? hook->function : "a function without a name");
	if (hook->module)
		buf_printf(&what, " [%s]", hook->module);
	stage.what = buf_steal_text(&what);
	stage.devices = *hook->device ? strdup(hook->device) : NULL;
	if (!stage.what || (*hook->device && !stage.devices)) {
		stage_clear(&stage);
		return error_memory(err);
	}
	return stage_add(path, lane, at, &stage, err);
}

/* A function that both families have is one stage. */
static bool merge_other(struct path *path, enum path_lane lane, enum path_hook at,
			const struct registered_hook *hook)
{
	array_for_each(stage, &path->hooks[lane][at]) {
		if (stage->kind == STAGE_OTHER && stage->priority == hook->priority &&
		    !stage->devices && hook->function &&
		    !strncmp(stage->what, hook->function, strlen(hook->function))) {
			stage->families |= families_of(hook->family);
			return true;
		}
	}
	return false;
}

/* Nothing that can be registered is on until the kernel says so. */
static void switch_off(struct path *path)
{
	for (int at = 0; at < PATH_HOOKS; at++) {
		array_for_each(stage, &path->hooks[LANE_IP][at]) {
			if (stage->kind >= STAGE_DEFRAGMENT && stage->kind <= STAGE_CONFIRM) {
				stage->activity = STAGE_OFF;
				stage->families = STAGE_IP | STAGE_IP6;
			}
		}
	}
	path->tracking[0] = path->tracking[1] = STAGE_OFF;
}

static void switch_on(struct path *path, struct stage *stage, const struct registered_hook *hook,
		      uint32_t turn)
{
	unsigned family = families_of(hook->family);

	if (stage->kind != STAGE_NAT)
		stage->turn = turn;
	if (stage->kind < STAGE_DEFRAGMENT || stage->kind > STAGE_CONFIRM)
		return;
	stage->families = stage->activity == STAGE_ON ? stage->families | family : family;
	stage->activity = STAGE_ON;
	if (stage->kind == STAGE_TRACK && family)
		path->tracking[family == STAGE_IP6] = STAGE_ON;
}

bool stages_registered(struct path *path, const registered_hooks *hooks, struct untrack_error *err)
{
	uint32_t turn = 0;

	path->from_kernel = true;
	switch_off(path);
	array_for_each(hook, hooks) {
		enum path_lane lane;
		enum path_hook at;
		struct stage *stage;

		turn++;
		if (!path_place(hook->family, hook->hook, &lane, &at))
			continue;
		stage = find_stage(path, lane, at, hook);
		if (stage)
			switch_on(path, stage, hook, turn);
		else if (!hook->table && !merge_other(path, lane, at, hook) &&
			 !add_other(path, lane, at, hook, turn, err))
			return false;
	}
	return true;
}
