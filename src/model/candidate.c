/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/candidate.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void weighing_free(struct weighing *weighing)
{
	array_for_each(candidate, &weighing->candidates) {
		array_free(&candidate->addresses);
	}
	array_free(&weighing->candidates);
}

/* Tunnels send to their port from any port, both ways (VXLAN, its Linux port, Geneve). */
static bool is_tunnel(uint8_t protocol, uint16_t port)
{
	return protocol == IPPROTO_UDP && (port == 4789 || port == 8472 || port == 6081);
}

static enum policy_role role_of(const struct census_key *key)
{
	return key->role != ROLE_FORWARD && is_tunnel(key->protocol, key->port)
		       ? ROLE_PEER
		       : (enum policy_role)key->role;
}

static int by_port_and_role(const void *a, const void *b)
{
	const struct census_key *left = &((const struct census_group *)a)->key,
				*right = &((const struct census_group *)b)->key;

	if (left->protocol != right->protocol)
		return left->protocol - right->protocol;
	if (left->port != right->port)
		return left->port - right->port;
	return (int)role_of(left) - (int)role_of(right);
}

/* Groups come by port and role: theirs is the last candidate, or a new one. */
static struct candidate *candidate_of(struct weighing *weighing, const struct census_key *key)
{
	struct candidate *last =
		weighing->candidates.n ? &weighing->candidates.v[weighing->candidates.n - 1] : NULL;
	struct candidate fresh = {
		.role = role_of(key), .protocol = key->protocol, .port = key->port};

	if (last && last->role == fresh.role && last->protocol == fresh.protocol &&
	    last->port == fresh.port)
		return last;
	return array_push(&weighing->candidates, fresh)
		       ? &weighing->candidates.v[weighing->candidates.n - 1]
		       : NULL;
}

/* Answers to what was sent to many come from other addresses than it went to. */
static bool is_to_many(const struct census_key *key)
{
	return key->family == INET_V6
		       ? key->address.byte[0] == 0xff
		       : (key->address.byte[0] & 0xf0) == 0xe0 || key->address.byte[0] == 0xff;
}

static bool weigh_group(struct weighing *weighing, const struct census_group *group)
{
	struct candidate *candidate = candidate_of(weighing, &group->key);
	struct inet_range range = {(enum inet_family)group->key.family, group->key.address,
				   group->key.address};

	if (!candidate)
		return false;
	candidate->entries += group->entries;
	candidate->bound += group->bound;
	for (unsigned i = 0; i < BOND_KINDS; i++)
		candidate->bonds[i] += group->bonds[i];
	if (is_to_many(&group->key)) {
		candidate->group += group->entries;
		return true;
	}
	if (group->bound)
		return true;
	candidate->safe += group->entries;
	candidate->too_many = candidate->addresses.n == ADDRESSES_MAX;
	return candidate->too_many || array_push(&candidate->addresses, range);
}

static int larger_first(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->entries != right->entries)
		return left->entries > right->entries ? -1 : 1;
	if (left->port != right->port)
		return left->port < right->port ? -1 : 1;
	return left->role < right->role ? -1 : left->role > right->role;
}

/* A rule for the port at any address would take these too, which must stay. Candidates of one port
 * stand together. */
static void find_others(struct weighing *weighing)
{
	struct candidate *all = weighing->candidates.v;
	size_t end;

	for (size_t begin = 0; begin < weighing->candidates.n; begin = end) {
		bool others = false;

		for (end = begin;
		     end < weighing->candidates.n && all[end].port == all[begin].port &&
		     all[end].protocol == all[begin].protocol;
		     end++)
			others |= all[end].role == ROLE_FORWARD ||
				  (all[end].role != ROLE_CLIENT && all[end].bound);
		for (size_t i = begin; i < end; i++)
			all[i].others = others;
	}
}

static int by_address(const void *a, const void *b)
{
	const struct inet_range *left = a, *right = b;

	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	return inet_compare(&left->first, &right->first, left->family);
}

bool weigh(struct weighing *weighing)
{
	struct census *census = weighing->census;

	if (!census->groups.n)
		return true;
	qsort(census->groups.v, census->groups.n, sizeof(*census->groups.v), by_port_and_role);
	array_for_each(group, &census->groups) {
		if (!weigh_group(weighing, group))
			return false;
	}
	find_others(weighing);
	array_for_each(candidate, &weighing->candidates) {
		if (candidate->addresses.n)
			qsort(candidate->addresses.v, candidate->addresses.n,
			      sizeof(*candidate->addresses.v), by_address);
	}
	qsort(weighing->candidates.v, weighing->candidates.n, sizeof(*weighing->candidates.v),
	      larger_first);
	return true;
}
