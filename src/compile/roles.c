/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/roles.h"

#include "base/cleanup.h"

#include <linux/netfilter.h>

/* Measured: port ranges up to PORTS_MAX are better off in hashes, lists beyond LONG_MAX
 * in sets of their own. The other two bound what products of lists make of that. */
enum { PORTS_MAX = 2000, EXPANDED_MAX = 65536, LONG_PRODUCT = 4096 };

const struct direction *role_directions(enum policy_role role)
{
	static const struct direction directions[][2] = {
		[ROLE_SERVER] = {{HOOK_PREROUTING, SIDE_D, false}, {HOOK_OUTPUT, SIDE_S, false}},
		[ROLE_CLIENT] = {{HOOK_OUTPUT, SIDE_D, true}, {HOOK_PREROUTING, SIDE_S, true}},
		[ROLE_FORWARD] = {{HOOK_PREROUTING, SIDE_D, false},
				  {HOOK_PREROUTING, SIDE_S, false}},
		[ROLE_PEER] = {{HOOK_PREROUTING, SIDE_D, false}, {HOOK_OUTPUT, SIDE_D, true}},
	};

	return directions[role];
}

void buckets_free(struct buckets *buckets)
{
	for (int class = 0; class < CLASSES; class ++)
		array_free(&buckets->of[class]);
}

bool table_has_family(uint8_t table_family, uint8_t inet_family)
{
	return table_family == NFPROTO_INET ||
	       table_family == (inet_family == INET_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static size_t at_least_one(size_t n)
{
	return n ? n : 1;
}

static size_t port_count(const struct port_range *range)
{
	return (size_t)range->to - range->from + 1;
}

static bool is_small(const struct port_range *range)
{
	return port_count(range) <= PORTS_MAX;
}

/* May its small port ranges become single keys without making too many of them? */
static bool expansion_fits(const struct match *match, const struct address_list *near)
{
	size_t ports = 0;

	array_for_each(range, &match->ports) {
		ports += is_small(range) ? port_count(range) : 0;
	}
	return ports * at_least_one(near->singles.n) * at_least_one(match->protocols.n) *
		       at_least_one(match->interfaces.n) <=
	       EXPANDED_MAX;
}

/* How many interval boxes there are with `near` on the service's end. */
static size_t interval_count(const struct match *match, const struct address_list *near,
			     const struct address_list *far)
{
	size_t ends = near->merged.n;

	if (far->any && !match->interfaces.n && match->ports.n)
		ends = near->prefixes.n;
	return ends * at_least_one(far->merged.n) * at_least_one(match->ports.n) *
	       at_least_one(match->protocols.n) * at_least_one(match->interfaces.n);
}

bool match_is_long(const struct match *match)
{
	return list_size(&match->addresses) + list_size(&match->peers) > LONG_LIST ||
	       interval_count(match, &match->addresses, &match->peers) > LONG_PRODUCT ||
	       interval_count(match, &match->peers, &match->addresses) > LONG_PRODUCT;
}

/* What add_boxes() is about at the moment; NULL is any. */
struct cursor {
	const struct box_order *order;
	struct buckets *to;
	const struct address_list *near;
	const struct address_list *far;
	bool expand;
	const struct interface *interface;
	const struct port_range *ports;
	uint8_t protocol;
};

static void limit_addresses(struct box *box, enum dimension dimension,
			    const struct inet_range *range)
{
	if (range)
		box_limit(box, dimension, range->first.byte, range->last.byte);
}

static bool add_box(const struct cursor *cursor, enum key_class class, uint8_t family,
		    const struct inet_range *near, const struct inet_range *far)
{
	struct box box = box_any(family, cursor->order->owner);

	limit_addresses(&box, DIM_NEAR, near);
	limit_addresses(&box, DIM_FAR, far);
	box_limit(&box, DIM_PROTOCOL, &cursor->protocol, &cursor->protocol);
	if (cursor->ports)
		box_limit_port(&box, cursor->ports->from, cursor->ports->to);
	if (cursor->interface)
		box_limit(&box, DIM_INTERFACE, cursor->interface->first, cursor->interface->last);
	return array_push(&cursor->to->of[class], box);
}

/* Every near range with every far one; an absent list is any. */
static bool add_product(const struct cursor *cursor, enum key_class class, uint8_t family,
			struct ranges near, struct ranges far)
{
	for (size_t i = 0; i < at_least_one(near.n); i++)
		for (size_t j = 0; j < at_least_one(far.n); j++)
			if (!add_box(cursor, class, family, near.n ? &near.v[i] : NULL,
				     far.n ? &far.v[j] : NULL))
				return false;
	return true;
}

static bool add_family(const struct cursor *cursor, uint8_t family, bool exact_ports)
{
	bool v4 = family == INET_V4;
	struct ranges near = ranges_of(&cursor->near->merged, family);
	struct ranges far = ranges_of(&cursor->far->merged, family);

	if (!list_has_family(cursor->near, family) || !list_has_family(cursor->far, family))
		return true;
	if (cursor->interface)
		return add_product(cursor, v4 ? CLASS_4I : CLASS_6I, family, near, far);
	if (!exact_ports || !cursor->far->any || cursor->near->any)
		return add_product(cursor, v4 ? CLASS_4X : CLASS_6X, family, near, far);
	near = ranges_of(&cursor->near->singles, family);
	if (near.n && !add_product(cursor, v4 ? CLASS_4 : CLASS_6, family, near, far))
		return false;
	near = ranges_of(&cursor->near->prefixes, family);
	return !near.n || add_product(cursor, v4 ? CLASS_4X : CLASS_6X, family, near, far);
}

/* One interface, protocol and port range. */
static bool add_one(const struct cursor *cursor)
{
	const struct port_range *ports = cursor->ports;
	bool exact_ports =
		ports && (ports->from == ports->to || (cursor->expand && is_small(ports)));

	if (cursor->near->any && cursor->far->any) {
		if (!cursor->interface)
			return add_box(cursor,
				       !ports	     ? CLASS_N
				       : exact_ports ? CLASS_P
						     : CLASS_R,
				       INET_ANY, NULL, NULL);
		if (exact_ports && !cursor->interface->wildcard)
			return add_box(cursor, CLASS_I, INET_ANY, NULL, NULL);
	}
	for_each_family(family)
		if (table_has_family(cursor->order->table_family, family) &&
		    !add_family(cursor, family, exact_ports))
			return false;
	return true;
}

static bool add_for_interface(struct cursor *cursor, const struct interface *interface)
{
	const struct match *match = cursor->order->match;

	cursor->interface = interface;
	array_for_each(protocol, &match->protocols) {
		cursor->protocol = *protocol;
		for (size_t i = 0; i < at_least_one(match->ports.n); i++) {
			cursor->ports = match->ports.n ? &match->ports.v[i] : NULL;
			if (!add_one(cursor))
				return false;
		}
	}
	return true;
}

bool add_boxes(const struct box_order *order, struct buckets *to)
{
	const struct match *match = order->match;
	struct cursor cursor = {
		.order = order,
		.to = to,
		.near = order->near_is_peers ? &match->peers : &match->addresses,
		.far = order->near_is_peers ? &match->addresses : &match->peers,
	};

	cursor.expand = order->expand_ports && expansion_fits(match, cursor.near);
	if (!match->interfaces.n || order->any_interface)
		return add_for_interface(&cursor, NULL);
	array_for_each(interface, &match->interfaces) {
		if (!add_for_interface(&cursor, interface))
			return false;
	}
	return true;
}
