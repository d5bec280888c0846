/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/stale.h"

#include "kernel/addresses.h"
#include "kernel/conntrack.h"
#include "model/flow_sides.h"
#include "model/packet.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/if.h>
#include <string.h>

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
 * counts as kept out, since an entry that is missing is made again, and a stale one is not mended.
 */
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

/* ------------------------------------------------------------------ purge */

struct purge {
	const struct target *target;
	inet_ranges local; /* sorted and merged */
	struct if_nameindex *interfaces;
	uint64_t kept_out, all; /* entries, when they are counted */
};

static bool is_local(const struct purge *purge, enum inet_family family,
		     const struct inet_address *address)
{
	array_for_each(range, &purge->local) {
		if (range->family == family && inet_compare(&range->first, address, family) <= 0 &&
		    inet_compare(address, &range->last, family) <= 0)
			return true;
	}
	return false;
}

/* By one of the tables. */
static bool is_untracked(const struct purge *purge, uint32_t hook, const struct packet *packet)
{
	array_for_each(pair, &purge->target->pairs) {
		if (pair->desired && !pair->mark &&
		    packet_evaluate(pair->desired, hook, packet) == PACKET_UNTRACKED)
			return true;
	}
	return false;
}

/* Both ends are ours: lo. Otherwise any interface but lo. */
static bool leaves_tracking(const struct purge *purge, const struct flow_entry *entry,
			    const struct flow_tuple *tuple)
{
	struct packet packet = packet_of(entry, tuple);
	bool ours = is_local(purge, entry->family, &tuple->source);
	bool loopback = ours && is_local(purge, entry->family, &tuple->destination);
	uint32_t hook = ours ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING;
	bool untracked = false;

	for (const struct if_nameindex *i = purge->interfaces; i->if_index; i++) {
		if (loopback != !strcmp(i->if_name, "lo"))
			continue;
		packet.interface = i->if_name;
		packet.interface_index = i->if_index;
		untracked = is_untracked(purge, hook, &packet);
		if (!untracked)
			break;
	}
	return untracked;
}

/* What is translated, expected, helped, in a zone or offloaded lives by its entry, or does not meet
 * the rules that would untrack it. */
static bool is_kept_out(void *arg, const struct flow_entry *entry)
{
	return !flow_bonds(entry) && leaves_tracking(arg, entry, &entry->original) &&
	       leaves_tracking(arg, entry, &entry->reply);
}

static bool count_entry(void *arg, const struct flow_entry *entry)
{
	struct purge *purge = arg;

	purge->all++;
	purge->kept_out += is_kept_out(purge, entry);
	return true;
}

static void purge_free(struct purge *purge)
{
	array_free(&purge->local);
	if (purge->interfaces)
		if_freenameindex(purge->interfaces);
}

/* Of the namespace that the thread is in. */
static bool purge_begin(struct purge *purge, struct untrack_error *err)
{
	purge->interfaces = if_nameindex();
	return (purge->interfaces ? true : error_errno(err, errno, "interfaces")) &&
	       kernel_addresses(&purge->local, err);
}

bool purge_kept_out(struct untrack *untrack, const struct target *target, uint64_t *ret_purged,
		    struct untrack_error *err)
{
	__attribute__((cleanup(purge_free))) struct purge purge = {.target = target};

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed)
		return false;
	if (purge_begin(&purge, err) && conntrack_delete_if(is_kept_out, &purge, ret_purged, err))
		return true;
	error_prefix(err, "entries that are kept out could not be deleted");
	return false;
}

bool count_kept_out(struct untrack *untrack, const struct target *target, uint64_t *ret_kept_out,
		    uint64_t *ret_all, struct untrack_error *err)
{
	__attribute__((cleanup(purge_free))) struct purge purge = {.target = target};

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed || !purge_begin(&purge, err) ||
	    !conntrack_each(count_entry, &purge, err))
		return false;
	*ret_kept_out = purge.kept_out;
	*ret_all = purge.all;
	return true;
}
