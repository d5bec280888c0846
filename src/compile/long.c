/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/long.h"

#include "base/cleanup.h"
#include "compile/terms.h"
#include "model/expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

enum { LIST_NAME_MAX = 128 };

static const char *list_name(const struct long_lists *lists, bool peers, uint8_t family,
			     char out[LIST_NAME_MAX])
{
	snprintf(out, LIST_NAME_MAX, "%s_%s%u%s", lists->prefix, peers ? "peers" : "addresses",
		 (unsigned)family, lists->suffix);
	return out;
}

static const struct address_list *list_of(const struct long_lists *lists, bool peers)
{
	return peers ? &lists->match->peers : &lists->match->addresses;
}

/* Room to grow in place. An older kernel counts both ends of an interval. */
static size_t room_for(size_t count, bool interval)
{
	size_t size = 2048;

	while (size < count + count / 4)
		size *= 2;
	return interval ? 2 * size : size;
}

static struct key address_key(uint8_t family, bool interval, bool source)
{
	return (struct key){
		.layout = {.family = family, .interval = interval, .n = 1, .field = {DIM_NEAR}},
		.side = source ? SIDE_S : SIDE_D,
	};
}

static void make_list(struct writer *w, const struct long_lists *lists, bool peers, uint8_t family)
{
	const struct address_list *list = list_of(lists, peers);
	struct ranges merged = ranges_of(&list->merged, family);
	struct ranges singles = ranges_of(&list->singles, family);
	bool interval = ranges_of(&list->prefixes, family).n;
	struct key key = address_key(family, interval, false);
	char name[LIST_NAME_MAX];
	struct set *set;

	if (!merged.n)
		return;
	list_name(lists, peers, family, name);
	set = writer_set(w, SET_NAMED, name, &key,
			 room_for(interval ? merged.n : singles.n, interval));
	if (!set)
		return;
	set->origin = strdup(lists->who);
	w->failed |= !set->origin;
	if (interval)
		writer_intervals(w, set, merged.v[0].first.byte, merged.v[0].last.byte,
				 sizeof(*merged.v), merged.n, inet_length(family));
	for (size_t i = 0; !interval && i < singles.n; i++) {
		uint8_t bytes[KEY_MAX] = {0};

		memcpy(bytes, singles.v[i].first.byte, ADDRESS_LENGTH);
		writer_element(w, set, &key.layout, bytes, NULL, NULL);
	}
}

void make_long_sets(struct writer *w, const struct long_lists *lists)
{
	for_each_family(family) {
		if (!table_has_family(w->table->family, family) ||
		    !match_has_family(lists->match, family))
			continue;
		make_list(w, lists, false, family);
		make_list(w, lists, true, family);
	}
}

static void write_list(struct writer *w, const struct long_lists *lists, bool peers, uint8_t family,
		       bool source)
{
	struct key key = address_key(family, false, source);
	char name[LIST_NAME_MAX];

	if (list_of(lists, peers)->any)
		return;
	write_key(w, &key);
	expr_lookup(&w->draft, list_name(lists, peers, family, name), 0);
}

void write_long_lookups(struct writer *w, const struct long_lists *lists, uint8_t family,
			enum side side, bool near_is_peers)
{
	write_list(w, lists, near_is_peers, family, side == SIDE_S);
	write_list(w, lists, !near_is_peers, family, side != SIDE_S);
}

static void write_rule(struct writer *w, struct chain *chain, const struct long_lists *lists,
		       const struct direction *direction, const struct owner *owner, uint8_t family,
		       const interfaces *names)
{
	struct buf *b = writer_rule(w, chain);

	write_interfaces(w, direction->hook, names);
	write_ports(w, lists->match, direction->side);
	write_long_lookups(w, lists, family, direction->side, direction->near_is_peers);
	expr_objref(b, owner->counter[direction->hook][direction->side], NFT_OBJECT_COUNTER);
	expr_notrack(b);
	expr_verdict(b, NF_ACCEPT, NULL);
	writer_rule_end(w, NULL, lists->who);
}

/* The interfaces to ask about in that chain; false if the service has no part there. */
static bool relevant_interfaces(const struct match *match, enum hook hook, bool loopback,
				interfaces *ret_names, struct writer *w)
{
	if (loopback)
		return !match->interfaces.n || match->names_loopback;
	array_for_each(interface, &match->interfaces) {
		if (hook == HOOK_PREROUTING && interface_is_loopback(interface))
			continue;
		w->failed |= !array_push(ret_names, *interface);
	}
	return !match->interfaces.n || ret_names->n;
}

void write_long_rules(struct writer *w, struct chain *chain, const struct long_lists *lists,
		      enum policy_role role, const struct owner *owner, enum hook hook,
		      bool loopback)
{
	const struct direction *directions = role_directions(role);
	interfaces names = {0};

	if (relevant_interfaces(lists->match, hook, loopback, &names, w))
		for (int i = 0; i < 2; i++)
			for_each_family(family)
				if (directions[i].hook == hook &&
				    table_has_family(w->table->family, family) &&
				    match_has_family(lists->match, family))
					write_rule(w, chain, lists, &directions[i], owner, family,
						   &names);
	array_free(&names);
}
