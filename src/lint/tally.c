/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection table: which of its entries the flows take. */
#include "lint/check.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

static bool path_has(const struct path *path, enum key key, number value)
{
	return !path->key[key] || ranges_has(path->key[key], value);
}

static bool flow_has(const struct flow *flow, uint8_t protocol, const struct flow_tuple *tuple)
{
	bool four = flow->nfproto == NFPROTO_IPV4;
	size_t length = four ? 4 : 16;

	return path_has(&flow->path, KEY_L4PROTO, protocol) &&
	       path_has(&flow->path, KEY_DPORT, tuple->destination_port) &&
	       path_has(&flow->path, KEY_SPORT, tuple->source_port) &&
	       path_has(&flow->path, four ? KEY_DADDR4 : KEY_DADDR6,
			number_read(tuple->destination.byte, length)) &&
	       path_has(&flow->path, four ? KEY_SADDR4 : KEY_SADDR6,
			number_read(tuple->source.byte, length));
}

static bool is_here(const struct lint *lint, enum inet_family family,
		    const struct inet_address *address)
{
	array_for_each(range, lint->input->addresses)
		if (range->family == family && inet_compare(&range->first, address, family) <= 0 &&
		    inet_compare(address, &range->last, family) <= 0)
			return true;
	return false;
}

/* Packets from here meet output, all others prerouting, and those over lo both. Without addresses
 * either may be. */
static bool meets_hook(const struct lint *lint, const struct flow *flow, enum inet_family family,
		       const struct flow_tuple *tuple)
{
	bool here = lint->input->addresses && is_here(lint, family, &tuple->source);

	return !lint->input->addresses || here == (flow->journey == JOURNEY_OUT) ||
	       (here && is_here(lint, family, &tuple->destination));
}

struct tally *lint_tally(struct lint *lint, const struct flow *flow)
{
	array_for_each(tally, &lint->tallies)
		if (tally->service == flow->service)
			return tally;
	return NULL;
}

static bool is_loopback(const struct flow_entry *entry)
{
	static const struct inet_address one = {.byte = {[15] = 1}};

	return entry->family == INET_V4 ? entry->original.destination.byte[0] == 127
					: !memcmp(&entry->original.destination, &one, sizeof(one));
}

static bool is_nat(const struct flow_entry *entry)
{
	return entry->status & (IPS_SRC_NAT | IPS_DST_NAT);
}

static void count(struct tally *tally, const struct flow_entry *entry)
{
	tally->entries++;
	tally->natted += is_nat(entry);
	tally->helped += entry->helper;
	tally->expected += entry->expected;
	tally->zoned += entry->zone != 0;
	tally->local += is_loopback(entry);
}

static bool takes(const struct lint *lint, const struct flow *flow, const struct flow_entry *entry,
		  const struct flow_tuple *tuple)
{
	return flow_has(flow, entry->protocol, tuple) &&
	       meets_hook(lint, flow, entry->family, tuple);
}

/* Of one service's flows: a bit for each direction of the entry that they take. */
static unsigned ways_taken(const struct lint *lint, const struct policy_service *service,
			   const struct flow_entry *entry)
{
	uint8_t nfproto = entry->family == INET_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	unsigned ways = 0;

	array_for_each(flow, &lint->flows) {
		if (flow->service != service || flow->nfproto != nfproto)
			continue;
		ways |= takes(lint, flow, entry, &entry->original) ? 1u : 0;
		ways |= takes(lint, flow, entry, &entry->reply) ? 2u : 0;
	}
	return ways;
}

bool lint_wants_entries(const struct lint *lint)
{
	return lint->flows.n != 0;
}

void lint_count(struct lint *lint, const struct flow_entry *entry)
{
	lint->entries++;
	array_for_each(tally, &lint->tallies) {
		unsigned ways = ways_taken(lint, tally->service, entry);

		if (!ways)
			continue;
		count(tally, entry);
		/* Tunnels have an entry for each direction anyway. */
		tally->halved += ways != 3 && tally->service && lint->input->addresses &&
				 tally->service->role != ROLE_PEER && !is_nat(entry);
	}
}
