/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accept rules for a chain of the user's own firewall. They are about packets that are untracked
 * already, so lists of addresses that are long may be left out, but never where that would let
 * packets in by their source port alone.
 */
#include "compile/compile.h"

#include "base/cleanup.h"
#include "compile/maps.h"
#include "model/expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

enum { SHORT_LIST = 64, PRODUCT_MAX = 65536, COMMENT_MAX = 127 };

/* Bits of `ct state` (nf_conntrack_common.h: NF_CT_STATE_INVALID_BIT, NF_CT_STATE_UNTRACKED_BIT). */
enum { STATE_INVALID = 1, STATE_UNTRACKED = 1 << 6 };

struct accept {
	const struct policy *policy;
	const char *mark;
	uint8_t family;
	struct untrack_error *err;
	struct writer w;
	struct chain *chain;
	ARRAY(struct match) matches; /* one for each service, as are the owners */
	owners owners;
	bool *named; /* whom the rule being written is for */
};

static void accept_free(struct accept *a)
{
	array_for_each(match, &a->matches) {
		match_free(match);
	}
	array_free(&a->matches);
	owners_free(&a->owners);
	free(a->named);
	writer_free(&a->w);
}

static bool read_services(struct accept *a)
{
	array_for_each(service, &a->policy->services) {
		struct owner owner = {.origin = &service->origin};
		struct match match;

		/* only these roles' lists are written out however long they are */
		bool all = service->role == ROLE_CLIENT || service->role == ROLE_FORWARD;

		if (!match_prepare(&service->match, all, &match, a->err))
			return false;
		if (!array_push(&a->matches, match)) {
			match_free(&match);
			return error_memory(a->err);
		}
		owner.who = strdup(service->name);
		if (!owner.who || !array_push(&a->owners, owner)) {
			free(owner.who);
			return error_memory(a->err);
		}
	}
	a->named = calloc(a->owners.n + 1, sizeof(*a->named));
	return a->named || error_memory(a->err);
}

/* ------------------------------------------------------------------ which packets */

/* What stands for a list that is left out, and lives as long as it is needed. */
struct widened {
	struct inet_range all;
	struct inet4_range v4;
	struct inet6_range v6;
};

/* Replaces a list by one that says no more than the family its addresses are of. */
static void widen_list(struct address_list *list, struct widened *wide)
{
	bool v4 = list_has_family(list, INET_V4), v6 = list_has_family(list, INET_V6);

	*list = (struct address_list){.any = v4 && v6};
	if (list->any)
		return;
	*wide = (struct widened){.all = {.family = v4 ? INET_V4 : INET_V6}};
	memset(wide->all.last.byte, 0xff, inet_length(wide->all.family));
	list->merged.v = list->prefixes.v = &wide->all;
	list->merged.n = list->prefixes.n = 1;
	list->sorted.v4.v = &wide->v4;
	list->sorted.v4.n = v4;
	list->sorted.v6.v = &wide->v6;
	list->sorted.v6.n = v6;
}

static size_t product(const struct match *match)
{
	size_t addresses = list_size(&match->addresses), peers = list_size(&match->peers);

	return (addresses ? addresses : 1) * (peers ? peers : 1) *
	       (match->ports.n ? match->ports.n : 1);
}

/* The boxes of one service in one direction, long lists left out where they may be. */
static bool add_service(const struct accept *a, uint32_t index, const struct direction *direction,
			struct buckets *to)
{
	const struct policy_service *service = &a->policy->services.v[index];
	struct match match = a->matches.v[index];
	struct widened all_addresses, all_peers;
	struct box_order order = {
		.match = &match,
		.near_is_peers = direction->near_is_peers,
		.table_family = a->family,
		.owner = index,
	};
	bool keep_addresses = service->role == ROLE_FORWARD;
	bool keep_peers = service->role == ROLE_CLIENT;
	bool large = product(&match) > PRODUCT_MAX;

	if (!keep_addresses && (large || list_size(&match.addresses) > SHORT_LIST))
		widen_list(&match.addresses, &all_addresses);
	if (!keep_peers && (large || list_size(&match.peers) > SHORT_LIST))
		widen_list(&match.peers, &all_peers);
	return add_boxes(&order, to) || error_memory(a->err);
}

/* Does that direction of a service go through such a chain? Forwarded packets meet no output. */
static bool applies(const struct policy_service *service, const struct direction *direction,
		    bool output, struct accept_directions directions)
{
	if (!service->accept)
		return false;
	if (service->role == ROLE_FORWARD)
		return !output && directions.forward;
	if (output)
		return directions.output && direction->hook == HOOK_OUTPUT;
	return directions.input && direction->hook == HOOK_PREROUTING;
}

/* ------------------------------------------------------------------ rules */

static void write_state(struct accept *a, uint32_t bits)
{
	uint32_t none = 0;

	expr_ct_load(&a->w.draft, NFT_CT_STATE, 0);
	expr_mask(&a->w.draft, 0, &bits, sizeof(bits));
	expr_cmp(&a->w.draft, NFT_CMP_NEQ, 0, &none, sizeof(none));
}

/* "untrack inet untrack: web, dns": as many names as fit. */
static void put_names(const struct accept *a, char out[COMMENT_MAX + 1])
{
	size_t at = (size_t)snprintf(out, COMMENT_MAX + 1, "%s:", a->mark);
	const char *separator = " ";

	for (uint32_t i = 0; i < a->owners.n && at < COMMENT_MAX; i++) {
		const char *name = a->owners.v[i].who;

		if (!a->named[i])
			continue;
		if (at + strlen(separator) + strlen(name) + strlen(", ...") > COMMENT_MAX) {
			snprintf(out + at, COMMENT_MAX + 1 - at, "%s...", separator);
			return;
		}
		at += (size_t)snprintf(out + at, COMMENT_MAX + 1 - at, "%s%s", separator, name);
		separator = ", ";
	}
}

static bool write_rule(struct accept *a, const struct maker *maker, const struct layout *layout,
		       const boxes *all, const char *comment)
{
	struct key key = {
		.layout = *layout,
		.side = maker->side,
		.port = maker->side,
		.interface = maker->hook == HOOK_OUTPUT ? NFT_META_OIFNAME : NFT_META_IIFNAME,
	};
	struct set *set = NULL;
	struct few_keys one;

	writer_rule(&a->w, a->chain);
	write_state(a, STATE_UNTRACKED);
	if (find_few_keys(layout, all, 1, &one)) { /* cheaper than a set of it (measured) */
		write_one_key(&a->w, &key, one.key[0]);
	} else {
		set = write_set(maker, NULL, &key, all);
		if (!set)
			return false;
		write_lookup(&a->w, &key, set);
	}
	write_verdict(&a->w, NF_ACCEPT, NULL);
	writer_rule_end(&a->w, comment, comment);
	return true;
}

static bool write_class(struct accept *a, const struct maker *maker, enum key_class class,
			boxes *all)
{
	struct layout layout = *class_layout(class), second = layout;
	char comment[COMMENT_MAX + 1];
	boxes rest = {0};
	bool ok;

	memset(a->named, 0, a->owners.n * sizeof(*a->named));
	array_for_each(box, all) {
		a->named[box->owner] = true;
	}
	put_names(a, comment);
	ok = !layout.interval || make_disjoint(maker, all);
	ok = ok && (layout_order(all, &layout, &rest, &second) || error_memory(a->err));
	ok = ok && write_rule(a, maker, &layout, all, comment);
	if (ok && rest.n)
		ok = write_rule(a, maker, &second, &rest, comment);
	array_free(&rest);
	return ok;
}

/* One side of one direction. */
static bool write_side(struct accept *a, bool output, enum side side,
		       struct accept_directions directions)
{
	struct maker maker = {
		.w = &a->w,
		.file = a->policy->file,
		.kind = SET_ANONYMOUS,
		.hook = output ? HOOK_OUTPUT : HOOK_PREROUTING,
		.side = side,
		.owners = &a->owners,
		.err = a->err,
	};
	autobuckets buckets = {0};

	for (uint32_t i = 0; i < a->policy->services.n; i++) {
		const struct policy_service *service = &a->policy->services.v[i];
		const struct direction *of = role_directions(service->role);

		for (int k = 0; k < 2; k++)
			if (of[k].side == side && applies(service, &of[k], output, directions) &&
			    !add_service(a, i, &of[k], &buckets))
				return false;
	}
	for (enum key_class class = 0; class < CLASSES; class ++)
		if (buckets.of[class].n && !write_class(a, &maker, class, &buckets.of[class]))
			return false;
	return true;
}

/* Does the chain get a rule for either direction of a service? */
static bool is_let_through(const struct policy_service *service,
			   struct accept_directions directions)
{
	const struct direction *of = role_directions(service->role);

	for (int k = 0; k < 2; k++)
		if (applies(service, &of[k], false, directions) ||
		    applies(service, &of[k], true, directions))
			return true;
	return false;
}

/* ICMP errors about untracked packets count as invalid, since no connection is found for them: those
 * that come in, and those that this host sends. */
static void write_icmp_errors(struct accept *a, struct accept_directions directions)
{
	autofree char *comment = NULL;

	if (asprintf(&comment, "%s: icmp errors", a->mark) < 0) {
		comment = NULL;
		a->w.failed = true;
		return;
	}
	for_each_family(family) {
		bool wanted = false;

		for (uint32_t i = 0; i < a->policy->services.n; i++)
			wanted |= match_has_family(&a->matches.v[i], family) &&
				  is_let_through(&a->policy->services.v[i], directions);
		if (!wanted || !table_has_family(a->family, family))
			continue;
		writer_rule(&a->w, a->chain);
		write_state(a, STATE_INVALID | STATE_UNTRACKED);
		write_icmp_error_types(&a->w, family);
		write_verdict(&a->w, NF_ACCEPT, NULL);
		writer_rule_end(&a->w, comment, comment);
	}
}

struct table *compile_accept(const struct policy *policy, const struct policy_accept_in *at,
			     struct accept_directions directions, struct untrack_error *err)
{
	autofree char *mark = compile_mark(policy->family, policy->table);
	autoclean(accept_free) struct accept a = {
		.policy = policy,
		.mark = mark,
		.family = at->family,
		.err = err,
	};

	if (!mark) {
		error_memory(err);
		return NULL;
	}
	if (!writer_begin(&a.w, at->family, at->table, NULL, err) || !read_services(&a))
		return NULL;
	a.chain = writer_chain(&a.w, at->chain);
	for (enum side side = SIDE_D; side <= SIDE_S; side++)
		if (!write_side(&a, false, side, directions))
			return NULL;
	for (enum side side = SIDE_D; side <= SIDE_S; side++)
		if (!write_side(&a, true, side, directions))
			return NULL;
	write_icmp_errors(&a, directions);
	return writer_finish(&a.w, err);
}
