/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/maps.h"

#include "base/cleanup.h"
#include "model/expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

enum { SPARE_BOXES = 65536 };

void owners_free(owners *list)
{
	array_for_each(owner, list) {
		free(owner->who);
		for (int hook = 0; hook < HOOKS; hook++)
			for (int side = 0; side < 2; side++)
				free(owner->counter[hook][side]);
	}
	array_free(list);
}

bool make_disjoint(const struct maker *maker, boxes *all)
{
	const struct owner *a, *b;
	struct clash clash;

	if (!boxes_widest_interface_first(all))
		return error_memory(maker->err);
	switch (boxes_disjoint(all, SPARE_BOXES, &clash)) {
	case BOXES_OK:
		return true;
	case BOXES_MEMORY:
		return error_memory(maker->err);
	case BOXES_TOO_MANY:
		break;
	}
	a = &maker->owners->v[clash.owner[0]];
	b = &maker->owners->v[clash.owner[1]];
	return error_at(
		maker->err, ERROR_DOCUMENT, maker->file, b->origin->line, b->origin->column,
		b->origin->path,
		"%s overlaps %s (%s) and others in more than %d pieces; expected lists that "
		"overlap less, or one service for them all",
		b->who, a->who, a->origin->path, SPARE_BOXES);
}

/* ------------------------------------------------------------------ elements */

struct hash_key {
	uint8_t key[KEY_MAX];
	uint32_t owner;
};
typedef ARRAY(struct hash_key) hash_keys;

static int compare_hash_keys(const void *left, const void *right)
{
	const struct hash_key *a = left, *b = right;
	int order = memcmp(a->key, b->key, KEY_MAX);

	return order ? order : a->owner < b->owner ? -1 : a->owner > b->owner;
}

/* A box of a hash class is one key for each of its ports. */
static bool expand(const struct layout *layout, const struct box *box, hash_keys *to)
{
	struct hash_key one = {.owner = box->owner};
	struct box at = *box;
	uint32_t last = box_last_port(box);

	if (layout->n == 1) { /* protocols only */
		layout_key(layout, box->first, one.key);
		return array_push(to, one);
	}
	for (uint32_t port = box_first_port(box); port <= last; port++) {
		box_limit_port(&at, (uint16_t)port, (uint16_t)port);
		layout_key(layout, at.first, one.key);
		if (!array_push(to, one))
			return false;
	}
	return true;
}

static const char *counter_of(const struct maker *maker, uint32_t owner)
{
	return maker->kind == SET_MAP ? maker->owners->v[owner].counter[maker->hook][maker->side]
				      : NULL;
}

/* The keys of a hash class, sorted, each once: the first owner has it. */
static bool collect_keys(const struct layout *layout, const boxes *all, hash_keys *to)
{
	size_t n = 0;

	array_for_each(box, all) {
		if (!expand(layout, box, to))
			return false;
	}
	if (to->n)
		qsort(to->v, to->n, sizeof(*to->v), compare_hash_keys);
	for (size_t i = 0; i < to->n; i++)
		if (!i || memcmp(to->v[n - 1].key, to->v[i].key, KEY_MAX))
			to->v[n++] = to->v[i];
	to->n = n;
	return true;
}

/* Sets and maps that have a name get room to grow, those of a rule hold what they hold. */
static struct set *write_hash(const struct maker *maker, const char *name, const struct key *key,
			      const boxes *all)
{
	hash_keys keys = {0};
	struct set *set = NULL;

	if (collect_keys(&key->layout, all, &keys))
		set = writer_set(maker->w, maker->kind, name, key,
				 name ? room_to_grow(keys.n) : keys.n);
	for (size_t i = 0; set && i < keys.n; i++)
		writer_element(maker->w, set, &key->layout, keys.v[i].key, NULL,
			       counter_of(maker, keys.v[i].owner));
	array_free(&keys);
	return set;
}

static struct set *write_boxes(const struct maker *maker, const char *name, const struct key *key,
			       const boxes *all)
{
	struct set *set = writer_set(maker->w, maker->kind, name, key, name ? 0 : all->n);

	array_for_each(box, all) {
		uint8_t first[KEY_MAX], last[KEY_MAX];

		layout_key(&key->layout, box->first, first);
		layout_key(&key->layout, box->last, last);
		writer_element(maker->w, set, &key->layout, first, last,
			       counter_of(maker, box->owner));
	}
	return set;
}

struct set *write_set(const struct maker *maker, const char *name, const struct key *key,
		      const boxes *all)
{
	struct set *set = (key->layout.interval ? write_boxes : write_hash)(maker, name, key, all);

	if (!set)
		error_memory(maker->err);
	return set;
}

/* ------------------------------------------------------------------ sets and maps */

static bool make_set(const struct maker *maker, const struct lookup *lookup, const boxes *all)
{
	return write_set(maker, lookup->name, &lookup->key, all) &&
	       (array_push(maker->lookups, *lookup) || error_memory(maker->err));
}

/* Has nft a name for the header of that protocol's ports? It lists others as `meta l4proto` and
 * `th dport` apart, which it cannot for each of them. */
static bool names_ports(uint8_t protocol)
{
	static const uint8_t named[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
					IPPROTO_UDPLITE};

	return memchr(named, protocol, sizeof(named));
}

static bool is_one_key(const struct layout *layout, const struct box *box)
{
	return !layout->interval && (!layout_has(layout, DIM_PORT) ||
				     (box_first_port(box) == box_last_port(box) &&
				      names_ports(box->first[box_offset(DIM_PROTOCOL)])));
}

static bool has_key(const struct few_keys *few, const uint8_t key[KEY_MAX])
{
	for (size_t i = 0; i < few->n; i++)
		if (!memcmp(few->key[i], key, KEY_MAX))
			return true;
	return false;
}

bool find_few_keys(const struct layout *layout, const boxes *all, size_t most,
		   struct few_keys *ret_few)
{
	struct few_keys few = {.n = 0};
	uint8_t key[KEY_MAX];

	array_for_each(box, all) {
		if (!is_one_key(layout, box))
			return false;
		layout_key(layout, box->first, key);
		if (has_key(&few, key))
			continue;
		if (few.n == most)
			return false;
		few.owner[few.n] = box->owner;
		memcpy(few.key[few.n++], key, KEY_MAX);
	}
	*ret_few = few;
	return true;
}

/* A few keys need no map: rules compare, in the policy's order. Each costs a packet that it is not for
 * 15 ns, and one that it is for 25 less than a map, which costs 40 to miss (measured). */
static bool make_few_keys(const struct maker *maker, const struct lookup *lookup,
			  const struct few_keys *few)
{
	for (size_t i = 0; i < few->n; i++) {
		struct lookup one = *lookup;

		one.counter = counter_of(maker, few->owner[i]);
		memcpy(one.value, few->key[i], KEY_MAX);
		if (!array_push(maker->lookups, one))
			return error_memory(maker->err);
	}
	return true;
}

bool make_class(const struct maker *maker, const char *class, const struct layout *layout,
		boxes *all)
{
	struct lookup lookup = {
		.key = {.layout = *layout, .side = maker->side, .port = maker->side},
	};
	struct lookup second = lookup;
	struct few_keys few;
	boxes rest = {0};
	bool ok;

	lookup.key.interface = second.key.interface =
		maker->hook == HOOK_OUTPUT ? NFT_META_OIFNAME : NFT_META_IIFNAME;
	snprintf(lookup.name, sizeof(lookup.name), "%s_%s", maker->prefix, class);
	snprintf(second.name, sizeof(second.name), "%s_%sy", maker->prefix, class);
	ok = !layout->interval || make_disjoint(maker, all);
	ok = ok && (layout_order(all, &lookup.key.layout, &rest, &second.key.layout) ||
		    error_memory(maker->err));
	if (ok && maker->kind == SET_MAP && find_few_keys(layout, all, maker->few, &few))
		ok = make_few_keys(maker, &lookup, &few);
	else
		ok = ok && make_set(maker, &lookup, all);
	if (ok && rest.n)
		ok = make_set(maker, &second, &rest);
	array_free(&rest);
	return ok;
}

bool make_classes(const struct maker *maker, struct buckets *buckets)
{
	for (enum key_class class = 0; class < CLASSES; class ++)
		if (buckets->of[class].n &&
		    !make_class(maker, class_name(class), class_layout(class), &buckets->of[class]))
			return false;
	return true;
}

static void write_map_rule(struct writer *w, struct chain *chain, const struct lookup *lookup,
			   bool counts, bool accepts)
{
	struct buf *b = writer_rule(w, chain);

	if (lookup->counter)
		write_one_key(w, &lookup->key, lookup->value);
	else
		write_key(w, &lookup->key);
	if (!lookup->counter)
		(counts ? expr_objref_map : expr_lookup)(b, lookup->name, 0);
	else if (counts)
		expr_objref(b, lookup->counter, NFT_OBJECT_COUNTER);
	expr_notrack(b);
	if (accepts)
		expr_verdict(b, NF_ACCEPT, NULL);
	writer_rule_end(w, NULL, NULL);
}

void write_map_rules(struct writer *w, struct chain *chain, const lookups *list, bool is_last)
{
	for (size_t i = 0; i < list->n; i++)
		write_map_rule(w, chain, &list->v[i], true, !is_last || i + 1 < list->n);
}

void write_loopback_map_rules(struct writer *w, struct chain *chain, const lookups *list)
{
	array_for_each(lookup, list) {
		if (!layout_has(&lookup->key.layout, DIM_INTERFACE))
			write_map_rule(w, chain, lookup, false, true);
	}
}
