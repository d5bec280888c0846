/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/stale.h"

#include "kernel/conntrack.h"
#include "model/packet.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

struct tables {
	const struct table *live;
	const struct table *desired;
};

static struct packet packet_of(const struct flow_entry *entry, const struct flow_tuple *tuple)
{
	return (struct packet){
		.family = entry->family,
		.protocol = entry->protocol,
		.source = tuple->source,
		.destination = tuple->destination,
		.source_port = tuple->source_port,
		.destination_port = tuple->destination_port,
		.icmp_type = tuple->icmp_type,
		.icmp_code = tuple->icmp_code,
	};
}

/* In either direction, at either hook. The interface is not known of an entry: what depends on it
 * counts as kept out, since an entry that is missing is made again, and a stale one is not mended. */
static bool keeps_out(const struct table *table, const struct flow_entry *entry)
{
	const struct packet packets[] = {packet_of(entry, &entry->original),
					 packet_of(entry, &entry->reply)};
	static const uint32_t hooks[] = {NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT};

	for (size_t i = 0; table && i < 4; i++)
		if (packet_evaluate(table, hooks[i / 2], &packets[i % 2]) != PACKET_TRACKED)
			return true;
	return false;
}

static bool is_stale(void *arg, const struct flow_entry *entry)
{
	const struct tables *tables = arg;

	if (entry->expected || entry->status & (IPS_SRC_NAT | IPS_DST_NAT))
		return false;
	return keeps_out(tables->live, entry) && !keeps_out(tables->desired, entry);
}

bool clear_stale(struct untrack *untrack, const struct target *target, uint64_t *ret_cleared,
		 struct untrack_error *err)
{
	uint64_t cleared = 0, some;

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed)
		return false;
	array_for_each(pair, &target->pairs) {
		struct tables tables = {pair->live, pair->desired};

		if (!pair->live || pair->mark)
			continue;
		if (!conntrack_delete_if(is_stale, &tables, &some, err))
			return false;
		cleared += some;
	}
	*ret_cleared = cleared;
	return true;
}
