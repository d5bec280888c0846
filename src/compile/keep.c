/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/keep.h"

#include "base/cleanup.h"
#include "compile/long.h"
#include "compile/terms.h"
#include "model/expr.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

enum { RULES_MAX = 4 };

#define COMMENT "keep_tracked"

void keep_free(struct keep *keep)
{
	array_for_each(match, &keep->matches) {
		match_free(match);
	}
	array_free(&keep->matches);
	owners_free(&keep->owners);
	array_free(&keep->lookups);
}

static bool has_addresses(const struct match *match)
{
	return !match->addresses.any || !match->peers.any;
}

/* ------------------------------------------------------------------ a few rules */

static bool all_prefixes(const inet_ranges *list)
{
	array_for_each(range, list) {
		if (inet_prefix_length(range) < 0)
			return false;
	}
	return true;
}

static size_t list_count(const struct address_list *list, uint8_t family)
{
	return list->any ? 1 : ranges_of(&list->merged, family).n;
}

/* How many rules it would be, one for each pair of prefixes. */
static size_t count_rules(const struct match *match, uint8_t table_family)
{
	size_t count = 0;

	if (match->addresses.is_long || match->peers.is_long ||
	    !all_prefixes(&match->addresses.merged) || !all_prefixes(&match->peers.merged))
		return SIZE_MAX;
	for_each_family(family)
		if (table_has_family(table_family, family))
			count += list_count(&match->addresses, family) *
				 list_count(&match->peers, family);
	return (has_addresses(match) ? 2 * count : 1) * (match->ports.n ? 2 : 1);
}

static void write_rule(struct writer *w, struct chain *chain, const struct match *match,
		       enum hook hook, enum side side, const struct inet_range *source,
		       const struct inet_range *destination, int32_t verdict)
{
	struct buf *b = writer_rule(w, chain);

	write_interfaces(w, hook, &match->interfaces);
	write_ports(w, match, side);
	if (source)
		write_prefix(w, true, source);
	if (destination)
		write_prefix(w, false, destination);
	expr_verdict(b, verdict, NULL);
	writer_rule_end(w, COMMENT, NULL);
}

/* Both orders of the ends, both sides of the ports. */
static void write_pair(struct writer *w, struct chain *chain, const struct match *match,
		       enum hook hook, const struct inet_range *address,
		       const struct inet_range *peer, int32_t verdict)
{
	for (enum side side = SIDE_D; side <= (match->ports.n ? SIDE_S : SIDE_D); side++) {
		write_rule(w, chain, match, hook, side, peer, address, verdict);
		if (has_addresses(match))
			write_rule(w, chain, match, hook, side, address, peer, verdict);
	}
}

static void write_few(struct writer *w, struct chain *chain, const struct match *match,
		      enum hook hook, int32_t verdict)
{
	if (!has_addresses(match)) {
		write_pair(w, chain, match, hook, NULL, NULL, verdict);
		return;
	}
	for_each_family(family) {
		struct ranges addresses = ranges_of(&match->addresses.merged, family);
		struct ranges peers = ranges_of(&match->peers.merged, family);

		if (!table_has_family(w->table->family, family) || !match_has_family(match, family))
			continue;
		for (size_t i = 0; i < (addresses.n ? addresses.n : 1); i++)
			for (size_t j = 0; j < (peers.n ? peers.n : 1); j++)
				write_pair(w, chain, match, hook,
					   addresses.n ? &addresses.v[i] : NULL,
					   peers.n ? &peers.v[j] : NULL, verdict);
	}
}

/* ------------------------------------------------------------------ sets */

/* Without protocols: addresses alone, or with interfaces. */
static const struct layout ends_layouts[2][2] = {
	{{INET_V4, true, 2, {DIM_NEAR, DIM_FAR}}, {INET_V6, true, 2, {DIM_NEAR, DIM_FAR}}},
	{{INET_V4, true, 3, {DIM_NEAR, DIM_FAR, DIM_INTERFACE}},
	 {INET_V6, true, 3, {DIM_NEAR, DIM_FAR, DIM_INTERFACE}}},
};
static const char *const ends_names[2][2] = {{"4a", "6a"}, {"4ai", "6ai"}};

static bool add_ends(boxes *to, uint8_t family, uint32_t owner, const struct inet_range *near,
		     const struct inet_range *far, const struct interface *interface)
{
	struct box box = box_any(family, owner);

	if (near)
		box_limit(&box, DIM_NEAR, near->first.byte, near->last.byte);
	if (far)
		box_limit(&box, DIM_FAR, far->first.byte, far->last.byte);
	if (interface)
		box_limit(&box, DIM_INTERFACE, interface->first, interface->last);
	return array_push(to, box);
}

static bool add_pairs(boxes *to, uint8_t family, uint32_t owner, const struct match *match,
		      const struct interface *interface)
{
	struct ranges addresses = ranges_of(&match->addresses.merged, family);
	struct ranges peers = ranges_of(&match->peers.merged, family);

	for (size_t i = 0; i < (addresses.n ? addresses.n : 1); i++)
		for (size_t j = 0; j < (peers.n ? peers.n : 1); j++) {
			if (!add_ends(to, family, owner, addresses.n ? &addresses.v[i] : NULL,
				      peers.n ? &peers.v[j] : NULL, interface))
				return false;
		}
	return true;
}

/* The entries that name addresses but no protocol, of one family, with or without interfaces. */
static bool collect_ends(const struct keep *keep, uint8_t family, bool with_interfaces, boxes *to)
{
	for (uint32_t i = 0; i < keep->matches.n; i++) {
		const struct match *match = &keep->matches.v[i];

		if (match->protocols.n || !has_addresses(match) || match_is_long(match) ||
		    !match_has_family(match, family) || !match->interfaces.n == with_interfaces)
			continue;
		if (!with_interfaces && !add_pairs(to, family, i, match, NULL))
			return false;
		array_for_each(interface, &match->interfaces) {
			if (!add_pairs(to, family, i, match, interface))
				return false;
		}
	}
	return true;
}

static bool make_ends(const struct maker *maker, const struct keep *keep)
{
	for (int with_interfaces = 0; with_interfaces < 2; with_interfaces++)
		for (int v6 = 0; v6 < 2; v6++) {
			uint8_t family = v6 ? INET_V6 : INET_V4;
			boxes all = {0};
			bool ok = true;

			if (!table_has_family(maker->w->table->family, family))
				continue;
			if (!collect_ends(keep, family, with_interfaces, &all))
				ok = error_memory(maker->err);
			if (ok && all.n)
				ok = make_class(maker, ends_names[with_interfaces][v6],
						&ends_layouts[with_interfaces][v6], &all);
			array_free(&all);
			if (!ok)
				return false;
		}
	return true;
}

/* The entries that name protocols. */
static bool make_protocols(const struct maker *maker, const struct keep *keep)
{
	autobuckets buckets = {0};

	for (uint32_t i = 0; i < keep->matches.n; i++) {
		struct box_order order = {
			.match = &keep->matches.v[i],
			.table_family = maker->w->table->family,
			.expand_ports = true,
			.owner = i,
		};

		if (!match_is_long(order.match) && !add_boxes(&order, &buckets))
			return error_memory(maker->err);
	}
	return make_classes(maker, &buckets);
}

struct long_name {
	char suffix[24];
};

/* The name is where the result points to. */
static struct long_lists long_lists(const struct keep *keep, size_t i, struct long_name *name)
{
	snprintf(name->suffix, sizeof(name->suffix), "_%zu", i + 1);
	return (struct long_lists){"keep", name->suffix, keep->owners.v[i].who,
				   &keep->matches.v[i]};
}

static bool make_sets(struct writer *w, const struct policy *policy, struct keep *keep,
		      struct untrack_error *err)
{
	struct maker maker = {
		.w = w,
		.file = policy->file,
		.kind = SET_NAMED,
		.prefix = "keep",
		.owners = &keep->owners,
		.lookups = &keep->lookups,
		.err = err,
	};

	for (size_t i = 0; i < keep->matches.n; i++) {
		struct long_name name;
		struct long_lists lists = long_lists(keep, i, &name);

		if (match_is_long(lists.match))
			make_long_sets(w, &lists);
	}
	return make_ends(&maker, keep) && make_protocols(&maker, keep);
}

static bool has_field(const struct layout *layout, enum dimension field)
{
	for (unsigned i = 0; i < layout->n; i++)
		if (layout->field[i] == field)
			return true;
	return false;
}

/* One set, asked with the ends in either order and the port of either. */
static void write_set_rules(struct writer *w, struct chain *chain, const struct lookup *lookup,
			    enum hook hook, int32_t verdict)
{
	struct key key = lookup->key;
	enum side sides = has_field(&key.layout, DIM_NEAR) ? SIDE_S : SIDE_D;
	enum side ports = has_field(&key.layout, DIM_PORT) ? SIDE_S : SIDE_D;

	key.interface = hook == HOOK_OUTPUT ? NFT_META_OIFNAME : NFT_META_IIFNAME;
	for (key.side = SIDE_D; key.side <= sides; key.side++)
		for (key.port = SIDE_D; key.port <= ports; key.port++) {
			struct buf *b = writer_rule(w, chain);

			write_key(w, &key);
			expr_lookup(b, lookup->name, 0);
			expr_verdict(b, verdict, NULL);
			writer_rule_end(w, COMMENT, NULL);
		}
}

static void write_long_form(struct writer *w, struct chain *chain, const struct long_lists *lists,
			    enum hook hook, int32_t verdict, uint8_t family, struct long_form form)
{
	enum side ports = lists->match->ports.n ? SIDE_S : SIDE_D;

	for (enum side side = SIDE_D; side <= SIDE_S; side++)
		for (enum side port = SIDE_D; port <= ports; port++) {
			struct buf *b = writer_rule(w, chain);

			write_interfaces(w, hook, &lists->match->interfaces);
			write_ports(w, lists->match, port);
			write_long_lookups(w, lists, family, side, false, form);
			expr_verdict(b, verdict, NULL);
			writer_rule_end(w, COMMENT, lists->who);
		}
}

static void write_long_entry(struct writer *w, struct chain *chain, const struct long_lists *lists,
			     enum hook hook, int32_t verdict)
{
	for_each_family(family) {
		struct long_forms forms = long_forms(lists, family, false);

		if (!table_has_family(w->table->family, family) ||
		    !match_has_family(lists->match, family))
			continue;
		for (size_t i = 0; i < forms.count; i++)
			write_long_form(w, chain, lists, hook, verdict, family, forms.form[i]);
	}
}

/* The entries that name interfaces only, as one rule; one that names nothing keeps all. */
static void write_interface_rule(struct writer *w, struct chain *chain, const struct keep *keep,
				 enum hook hook, int32_t verdict)
{
	bool any = false, everything = false;
	interfaces names = {0};
	struct buf *b;

	array_for_each(match, &keep->matches) {
		if (match->protocols.n || has_addresses(match))
			continue;
		any = true;
		everything |= !match->interfaces.n;
		w->failed |= !interfaces_merge(&names, &match->interfaces);
	}
	if (any) {
		b = writer_rule(w, chain);
		if (!everything)
			write_interfaces(w, hook, &names);
		expr_verdict(b, verdict, NULL);
		writer_rule_end(w, COMMENT, NULL);
	}
	array_free(&names);
}

/* ------------------------------------------------------------------ both */

static bool read_entries(const struct policy *policy, struct keep *keep, struct untrack_error *err)
{
	for (size_t i = 0; i < policy->keep_tracked.n; i++) {
		const struct policy_keep *entry = &policy->keep_tracked.v[i];
		struct owner owner = {.origin = &entry->origin};
		struct match match;

		if (!match_prepare(&entry->match, false, &match, err))
			return false;
		if (!array_push(&keep->matches, match)) {
			match_free(&match);
			return error_memory(err);
		}
		if (asprintf(&owner.who, "keep_tracked entry %zu", i + 1) < 0)
			return error_memory(err);
		if (!array_push(&keep->owners, owner)) {
			free(owner.who);
			return error_memory(err);
		}
	}
	return true;
}

bool keep_prepare(struct writer *w, const struct policy *policy, struct keep *ret_keep,
		  struct untrack_error *err)
{
	autokeep keep = {0};
	size_t rules = 0;

	if (!read_entries(policy, &keep, err))
		return false;
	array_for_each(match, &keep.matches) {
		size_t count = count_rules(match, policy->family);

		keep.in_sets |= count > RULES_MAX || (rules += count) > RULES_MAX;
	}
	if (keep.in_sets && !make_sets(w, policy, &keep, err))
		return false;
	*ret_keep = keep;
	keep = (struct keep){0};
	return true;
}

void write_keep_rules(struct writer *w, struct chain *chain, const struct keep *keep,
		      enum hook hook, int32_t verdict)
{
	if (!keep->in_sets) {
		array_for_each(match, &keep->matches) {
			write_few(w, chain, match, hook, verdict);
		}
		return;
	}
	write_interface_rule(w, chain, keep, hook, verdict);
	array_for_each(lookup, &keep->lookups) {
		write_set_rules(w, chain, lookup, hook, verdict);
	}
	for (size_t i = 0; i < keep->matches.n; i++) {
		struct long_name name;
		struct long_lists lists = long_lists(keep, i, &name);

		if (match_is_long(lists.match))
			write_long_entry(w, chain, &lists, hook, verdict);
	}
}
