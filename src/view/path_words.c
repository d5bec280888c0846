/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/path.h"

#include "base/text.h"
#include "model/ruleset.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <string.h>

const struct journey journeys[JOURNEYS] = {
	{"to this host",
	 "network → ingress → prerouting → routing → input → process",
	 {PATH_INGRESS, PATH_PREROUTING, PATH_INPUT},
	 3},
	{"through it",
	 "network → ingress → prerouting → routing → forward → postrouting → egress → network",
	 {PATH_INGRESS, PATH_PREROUTING, PATH_FORWARD, PATH_POSTROUTING, PATH_EGRESS},
	 5},
	{"from it",
	 "process → routing → output → postrouting → egress → network",
	 {PATH_OUTPUT, PATH_POSTROUTING, PATH_EGRESS},
	 3},
};

/* The kernel takes names of any bytes. */
static void put_name(struct buf *out, const char *name)
{
	text_put(out, name);
}

/* At most `room` columns of a name, cut with "…". */
static void put_part(struct buf *out, const char *name, size_t room)
{
	size_t length = strlen(name), at = 0;

	if (length <= room) {
		buf_puts(out, name);
		return;
	}
	while (at + 1 < room) {
		size_t step = text_utf8_length(name + at, length - at);

		if (at + step >= room)
			break;
		at += step ? step : 1;
	}
	buf_put(out, name, at);
	buf_puts(out, "…");
}

/* Family, table and chain. Of long names the beginnings stay, of both: the chain alone says more
 * than the table alone. */
static void chain_title(struct buf *out, const struct stage *stage, size_t room)
{
	autobuf table = {0}, chain = {0};
	size_t for_table;

	put_name(&table, stage->table);
	put_name(&chain, stage->chain);
	room = room ? room - 2 - strlen(family_name(stage->family)) : table.len + chain.len;
	for_table = room / 2;
	if (table.len < for_table)
		for_table = table.len;
	else if (chain.len < room - for_table)
		for_table = room - chain.len;
	buf_printf(out, "%s ", family_name(stage->family));
	put_part(out, buf_text(&table), for_table);
	buf_putc(out, ' ');
	put_part(out, buf_text(&chain), room - for_table);
	out->failed |= table.failed || chain.failed;
}

static void legacy_title(struct buf *out, const struct stage *stage)
{
	const char *program = stage->family == NFPROTO_ARP		  ? "arptables"
			      : stage->families == STAGE_IP6		  ? "ip6tables"
			      : stage->families == (STAGE_IP | STAGE_IP6) ? "iptables, ip6tables"
									  : "iptables";

	buf_printf(out, "%s %s", program, stage->table);
}

void stage_title(struct buf *out, enum path_hook hook, const struct stage *stage, size_t room)
{
	switch (stage->kind) {
	case STAGE_XDP:
		buf_puts(out, "XDP");
		break;
	case STAGE_QDISC:
		buf_printf(out, "tc %s", path_hook_name(hook));
		break;
	case STAGE_DEFRAGMENT:
		buf_puts(out, "defragmentation");
		break;
	case STAGE_TRACK:
		buf_puts(out, "connection tracking");
		break;
	case STAGE_NAT:
		buf_puts(out, hook == PATH_PREROUTING || hook == PATH_OUTPUT ? "destination NAT"
									     : "source NAT");
		break;
	case STAGE_CONFIRM:
		buf_puts(out, "confirmation");
		break;
	case STAGE_CHAIN:
		chain_title(out, stage, room);
		break;
	case STAGE_LEGACY:
		legacy_title(out, stage);
		break;
	case STAGE_OTHER:
		put_name(out, stage->what);
		break;
	}
}

/* What the stage untracks. False if nothing. */
static bool untracks_note(struct buf *out, enum path_hook hook, const struct stage *stage)
{
	bool late = hook == PATH_PREROUTING || hook == PATH_OUTPUT;
	const char *separator = " ";

	switch (stage_untracks(hook, stage)) {
	case UNTRACKS:
		buf_puts(out, "UNTRACKED HERE:");
		array_for_each(name, &stage->services) {
			buf_puts(out, separator);
			put_name(out, *name);
			separator = ", ";
		}
		if (!stage->services.n)
			buf_puts(out, " by its rules");
		return true;
	case UNTRACKS_IN_VAIN:
		buf_printf(out, "notrack IN VAIN: %s", late ? "too late" : "wrong hook");
		return true;
	case UNTRACKS_NOT:
		break;
	}
	return false;
}

static void chain_note(struct buf *out, enum path_hook hook, const struct stage *stage)
{
	if (stage->dormant) {
		buf_puts(out, "dormant: not called");
		return;
	}
	if (untracks_note(out, hook, stage))
		return;
	buf_printf(out, "%s, %zu rule%s", stage->type, stage->rules, stage->rules == 1 ? "" : "s");
	if (stage->drop)
		buf_puts(out, ", policy drop");
}

static void kernel_note(struct buf *out, enum path_hook hook, const struct stage *stage)
{
	static const char *const does[] = {
		[STAGE_DEFRAGMENT] = "fragments become packets again",
		[STAGE_TRACK] = "looked up, or a new entry",
		[STAGE_NAT] = "addresses change here",
		[STAGE_CONFIRM] = "the new entry enters the table",
	};
	static const char *const lacks[] = {
		[STAGE_DEFRAGMENT] = "off: nothing needs it",
		[STAGE_TRACK] = "off: nothing turns it on",
		[STAGE_NAT] = "off: no nat chain",
		[STAGE_CONFIRM] = "off",
	};

	(void)hook;
	if (stage->activity == STAGE_OFF)
		buf_puts(out, lacks[stage->kind]);
	else if (stage->activity == STAGE_UNKNOWN)
		buf_puts(out, "may be on: by legacy iptables rules");
	else
		buf_puts(out, does[stage->kind]);
}

void stage_note(struct buf *out, enum path_hook hook, const struct stage *stage)
{
	switch (stage->kind) {
	case STAGE_XDP:
	case STAGE_QDISC:
		if (stage->activity == STAGE_OFF)
			buf_puts(out, "nothing attached");
		break;
	case STAGE_DEFRAGMENT:
	case STAGE_TRACK:
	case STAGE_NAT:
	case STAGE_CONFIRM:
		kernel_note(out, hook, stage);
		break;
	case STAGE_CHAIN:
		chain_note(out, hook, stage);
		break;
	case STAGE_LEGACY:
		if (!untracks_note(out, hook, stage))
			buf_puts(out, "legacy");
		break;
	case STAGE_OTHER:
		break;
	}
}

void stage_priority(struct buf *out, const struct stage *stage)
{
	if (stage->kind == STAGE_XDP || stage->kind == STAGE_QDISC)
		return;
	if (stage->priority == INT_MAX)
		buf_puts(out, "last");
	else
		buf_printf(out, "%" PRId32, stage->priority);
}

const char *stage_kind_name(enum stage_kind kind)
{
	static const char *const names[] = {
		[STAGE_XDP] = "xdp",
		[STAGE_QDISC] = "qdisc",
		[STAGE_DEFRAGMENT] = "defragmentation",
		[STAGE_TRACK] = "tracking",
		[STAGE_NAT] = "nat",
		[STAGE_CONFIRM] = "confirmation",
		[STAGE_CHAIN] = "chain",
		[STAGE_LEGACY] = "legacy",
		[STAGE_OTHER] = "other",
	};

	return names[kind];
}

const char *stage_activity_name(enum stage_activity activity)
{
	static const char *const names[] = {"off", "unknown", "on"};

	return names[activity];
}
