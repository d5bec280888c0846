/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/long.h"

#include "base/cleanup.h"
#include "compile/terms.h"
#include "model/expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_ = 128 };

static const char *list_name(const struct long_service *service, bool peers, uint8_t family,
			     char out[NAME_MAX_])
{
	snprintf(out, NAME_MAX_, "%s_%s%u", service->name, peers ? "peers" : "addresses",
		 (unsigned)family);
	return out;
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

static void make_list(struct writer *w, const struct long_service *service, bool peers,
		      uint8_t family)
{
	const struct address_list *list =
		peers ? &service->match->peers : &service->match->addresses;
	struct ranges merged = ranges_of(&list->merged, family);
	struct ranges singles = ranges_of(&list->singles, family);
	bool interval = ranges_of(&list->prefixes, family).n;
	struct key key = address_key(family, interval, false);
	char name[NAME_MAX_];
	struct set *set;

	if (!merged.n)
		return;
	list_name(service, peers, family, name);
	set = writer_set(w, SET_NAMED, name, &key,
			 room_for(interval ? merged.n : singles.n, interval));
	if (!set)
		return;
	set->origin = strdup(service->owner->who);
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

void make_long_sets(struct writer *w, const struct long_service *service)
{
	for_each_family(family) {
		if (!table_has_family(w->table->family, family) ||
		    !match_has_family(service->match, family))
			continue;
		make_list(w, service, false, family);
		make_list(w, service, true, family);
	}
}

/* `ip saddr @web_peers4`, or nothing where the list is any. */
static void write_list(struct writer *w, const struct long_service *service, bool peers,
		       uint8_t family, bool source)
{
	const struct address_list *list =
		peers ? &service->match->peers : &service->match->addresses;
	struct key key = address_key(family, false, source);
	char name[NAME_MAX_];

	if (list->any)
		return;
	write_key(w, &key);
	expr_lookup(&w->draft, list_name(service, peers, family, name), 0);
}

static void write_rule(struct writer *w, struct chain *chain, const struct long_service *service,
		       const struct direction *direction, uint8_t family, const interfaces *names)
{
	bool near_is_source = direction->side == SIDE_S;
	struct buf *b = writer_rule(w, chain);

	write_interfaces(w, direction->hook, names);
	write_ports(w, service->match, direction->side);
	write_list(w, service, direction->near_is_peers, family, near_is_source);
	write_list(w, service, !direction->near_is_peers, family, !near_is_source);
	expr_objref(b, service->owner->counter[direction->hook][direction->side],
		    NFT_OBJECT_COUNTER);
	expr_notrack(b);
	expr_verdict(b, NF_ACCEPT, NULL);
	writer_rule_end(w, NULL, service->owner->who);
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

void write_long_rules(struct writer *w, struct chain *chain, const struct long_service *service,
		      enum hook hook, bool loopback)
{
	const struct direction *directions = role_directions(service->role);
	interfaces names = {0};

	if (relevant_interfaces(service->match, hook, loopback, &names, w))
		for (int i = 0; i < 2; i++)
			for_each_family(family)
				if (directions[i].hook == hook &&
				    table_has_family(w->table->family, family) &&
				    match_has_family(service->match, family))
					write_rule(w, chain, service, &directions[i], family,
						   &names);
	array_free(&names);
}
