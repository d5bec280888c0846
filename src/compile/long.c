/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/long.h"

#include "base/cleanup.h"
#include "compile/terms.h"
#include "model/expr.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A list is held in up to MASKS_MAX hash sets, one for each length of prefix, asked with the address
 * masked to that length; a list of more lengths is one interval set (measured: a hash costs 110 to
 * 200 ns each, an interval set of a million up to 660).
 */
enum { LIST_NAME_MAX = 128, MASKS_MAX = 3, LENGTH_INTERVAL = -1 };

struct forms {
	int length[MASKS_MAX]; /* of prefixes, in bits; or LENGTH_INTERVAL */
	size_t count;	       /* 0: the list has none of the family, or is any */
};

static const struct address_list *list_of(const struct long_lists *lists, bool peers)
{
	return peers ? &lists->match->peers : &lists->match->addresses;
}

static int bits_of(uint8_t family)
{
	return (int)inet_length(family) * 8;
}

/* "web_peers4": single addresses, or intervals; "web_peers4_m24": prefixes of that length. */
static const char *list_name(const struct long_lists *lists, bool peers, uint8_t family, int length,
			     char out[LIST_NAME_MAX])
{
	char mask[8] = "";

	if (length != LENGTH_INTERVAL && length != bits_of(family))
		snprintf(mask, sizeof(mask), "_m%d", length);
	snprintf(out, LIST_NAME_MAX, "%s_%s%u%s%s", lists->prefix, peers ? "peers" : "addresses",
		 (unsigned)family, mask, lists->suffix);
	return out;
}

static size_t family_count(const struct inet_list *list, uint8_t family)
{
	return family == INET_V4 ? list->v4.n : list->v6.n;
}

static size_t family_index(const struct inet_list *list, uint8_t family, size_t i)
{
	return family == INET_V4 ? i : list->v4.n + i;
}

/* The lengths are asked for in rising order, so that the names and rules do not depend on the list's. */
static struct forms find_forms(const struct address_list *list, uint8_t family)
{
	const bool *has = list->has_length[family == INET_V6];
	struct forms forms = {.count = 0};
	size_t kinds = 0;

	for (int length = 0; length <= bits_of(family); length++)
		kinds += has[length];
	if (kinds > MASKS_MAX) {
		forms.length[forms.count++] = LENGTH_INTERVAL;
		return forms;
	}
	for (int length = 0; length <= bits_of(family); length++)
		if (has[length])
			forms.length[forms.count++] = length;
	return forms;
}

static struct key address_key(uint8_t family, bool interval, bool source)
{
	return (struct key){
		.layout = {.family = family, .interval = interval, .n = 1, .field = {DIM_NEAR}},
		.side = source ? SIDE_S : SIDE_D,
	};
}

/* ------------------------------------------------------------------ sets */

static bool packed_new(struct packed *packed, size_t count, uint8_t family, bool ranges)
{
	*packed = (struct packed){.width = (uint8_t)inet_length(family), .ranges = ranges};
	packed->keys = malloc(count * packed->width * (ranges ? 2 : 1) + 1);
	return packed->keys;
}

static void packed_push(struct packed *packed, const struct inet_range *range)
{
	uint8_t *at = packed->keys + packed->count++ * packed->width * (packed->ranges ? 2 : 1);

	memcpy(at, range->first.byte, packed->width);
	if (packed->ranges)
		memcpy(at + packed->width, range->last.byte, packed->width);
}

static void pack_length4(const struct inet_list *list, int length, struct packed *packed)
{
	uint8_t *at = packed->keys;

	array_for_each(range, &list->v4) {
		uint32_t key = htonl(range->first);

		if (inet4_length(range) != length)
			continue;
		memcpy(at, &key, sizeof(key));
		at += sizeof(key);
	}
	packed->count = (size_t)(at - packed->keys) / sizeof(uint32_t);
}

/* The prefixes of one length. */
static bool pack_length(const struct address_list *list, uint8_t family, int length,
			struct packed *packed)
{
	size_t count = family_count(&list->sorted, family);

	if (!packed_new(packed, count, family, false))
		return false;
	if (family == INET_V4) {
		pack_length4(&list->sorted, length, packed);
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		size_t index = family_index(&list->sorted, family, i);
		struct inet_range range = inet_list_at(&list->sorted, index);

		if (inet_list_length(&list->sorted, index) == length)
			packed_push(packed, &range);
	}
	return true;
}

static void pack_intervals4(const struct inet_list *list, struct packed *packed)
{
	const struct inet4_range *before = NULL;
	uint8_t *at = packed->keys;

	array_for_each(range, &list->v4) {
		uint32_t keys[2] = {htonl(range->first), htonl(range->last)};

		if (before && range->first - 1 <= before->last)
			at -= sizeof(keys[1]);
		else
			at = mempcpy(at, &keys[0], sizeof(keys[0]));
		at = mempcpy(at, &keys[1], sizeof(keys[1]));
		before = range;
	}
	packed->count = (size_t)(at - packed->keys) / (2 * sizeof(uint32_t));
}

/* All as intervals that do not touch; the list is sorted and free of covered ones. */
static bool pack_intervals(const struct address_list *list, uint8_t family, struct packed *packed)
{
	size_t count = family_count(&list->sorted, family);

	if (!packed_new(packed, count, family, true))
		return false;
	if (family == INET_V4) {
		pack_intervals4(&list->sorted, packed);
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		struct inet_range range =
			inet_list_at(&list->sorted, family_index(&list->sorted, family, i));
		struct inet_address before = range.first;
		uint8_t *end = packed->keys + 2 * packed->count * packed->width;

		if (packed->count && inet_decrement(&before, family) &&
		    memcmp(end - packed->width, before.byte, packed->width) >= 0)
			memcpy(end - packed->width, range.last.byte, packed->width);
		else
			packed_push(packed, &range);
	}
	return true;
}

static void make_set(struct writer *w, const struct long_lists *lists, bool peers, uint8_t family,
		     int length)
{
	const struct address_list *list = list_of(lists, peers);
	bool interval = length == LENGTH_INTERVAL;
	struct key key = address_key(family, interval, false);
	struct packed packed;
	char name[LIST_NAME_MAX];
	struct set *set;

	if (!(interval ? pack_intervals(list, family, &packed)
		       : pack_length(list, family, length, &packed))) {
		w->failed = true;
		return;
	}
	/* an older kernel counts both ends of an interval */
	set = writer_set(w, SET_NAMED, list_name(lists, peers, family, length, name), &key,
			 (interval ? 2 : 1) * room_to_grow(packed.count));
	if (!set) {
		packed_free(&packed);
		return;
	}
	set->elements.packed = packed;
	set->elements.sorted = true;
	set->origin = strdup(lists->who);
	w->failed |= !set->origin;
}

void make_long_sets(struct writer *w, const struct long_lists *lists)
{
	for_each_family(family) {
		if (!table_has_family(w->table->family, family) ||
		    !match_has_family(lists->match, family))
			continue;
		for (int peers = 0; peers < 2; peers++) {
			struct forms forms = find_forms(list_of(lists, peers), family);

			for (size_t i = 0; i < forms.count; i++)
				make_set(w, lists, peers, family, forms.length[i]);
		}
	}
}

/* ------------------------------------------------------------------ rules */

static void write_mask(struct writer *w, uint8_t family, int length)
{
	uint8_t mask[ADDRESS_LENGTH] = {0};

	for (int bit = 0; bit < length; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	expr_mask(&w->draft, 0, mask, inet_length(family));
}

/* `ip saddr @web_peers4`, `ip saddr & 255.255.255.0 @web_peers4_m24`, or nothing where the list is any. */
static void write_list(struct writer *w, const struct long_lists *lists, bool peers, uint8_t family,
		       bool source, int length)
{
	struct key key = address_key(family, false, source);
	char name[LIST_NAME_MAX];

	if (list_of(lists, peers)->any)
		return;
	write_key(w, &key);
	if (length != LENGTH_INTERVAL && length != bits_of(family))
		write_mask(w, family, length);
	expr_lookup(&w->draft, list_name(lists, peers, family, length, name), 0);
}

void write_long_lookups(struct writer *w, const struct long_lists *lists, uint8_t family,
			enum side side, bool near_is_peers, struct long_form form)
{
	write_list(w, lists, near_is_peers, family, side == SIDE_S, form.near);
	write_list(w, lists, !near_is_peers, family, side != SIDE_S, form.far);
}

/* Every form of the one list with every form of the other; a list that is any has one, not asked. */
struct long_forms long_forms(const struct long_lists *lists, uint8_t family, bool near_is_peers)
{
	struct forms near = find_forms(list_of(lists, near_is_peers), family);
	struct forms far = find_forms(list_of(lists, !near_is_peers), family);
	struct long_forms all = {.count = 0};

	for (size_t i = 0; i < (near.count ? near.count : 1); i++)
		for (size_t j = 0; j < (far.count ? far.count : 1); j++)
			all.form[all.count++] = (struct long_form){near.count ? near.length[i] : 0,
								   far.count ? far.length[j] : 0};
	return all;
}

/* What the rules of a service for one hook have in common. */
struct long_order {
	const struct long_lists *lists;
	enum policy_role role;
	enum hook hook;
	const struct owner *owner; /* NULL: nothing is counted */
	const interfaces *interfaces;
};

static void write_rule(struct writer *w, struct chain *chain, const struct long_order *order,
		       const struct direction *direction, uint8_t family, struct long_form form)
{
	struct buf *b = writer_rule(w, chain);

	write_interfaces(w, direction->hook, order->interfaces);
	write_ports(w, order->lists->match, direction->side);
	write_long_lookups(w, order->lists, family, direction->side, direction->near_is_peers,
			   form);
	if (order->owner)
		expr_objref(b, order->owner->counter[direction->hook][direction->side],
			    NFT_OBJECT_COUNTER);
	expr_notrack(b);
	expr_verdict(b, NF_ACCEPT, NULL);
	writer_rule_end(w, NULL, order->lists->who);
}

static void write_forms(struct writer *w, struct chain *chain, const struct long_order *order,
			const struct direction *direction, uint8_t family)
{
	struct long_forms forms = long_forms(order->lists, family, direction->near_is_peers);

	for (size_t i = 0; i < forms.count; i++)
		write_rule(w, chain, order, direction, family, forms.form[i]);
}

static void write_rules(struct writer *w, struct chain *chain, const struct long_order *order)
{
	const struct direction *directions = role_directions(order->role);

	for (int i = 0; i < 2; i++)
		for_each_family(family)
			if (directions[i].hook == order->hook &&
			    table_has_family(w->table->family, family) &&
			    match_has_family(order->lists->match, family))
				write_forms(w, chain, order, &directions[i], family);
}

void write_long_rules(struct writer *w, struct chain *chain, const struct long_lists *lists,
		      enum policy_role role, const struct owner *owner, enum hook hook)
{
	const struct long_order order = {lists, role, hook, owner, &lists->match->interfaces};

	write_rules(w, chain, &order);
}

void write_long_loopback_rules(struct writer *w, struct chain *chain,
			       const struct long_lists *lists, enum policy_role role)
{
	static const interfaces none;
	const struct long_order order = {lists, role, HOOK_PREROUTING, NULL, &none};

	if (!lists->match->interfaces.n || lists->match->names_loopback)
		write_rules(w, chain, &order);
}
