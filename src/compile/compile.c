/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/compile.h"

#include "base/cleanup.h"
#include "compile/keep.h"
#include "compile/long.h"
#include "compile/maps.h"
#include "compile/user.h"
#include "model/expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

/* Maps come in two groups, one for each hook. Services that name lo among their interfaces have sets
 * besides, which are asked in the chain loopback, where no interface needs to be looked at. */
enum group { GROUP_PREROUTING, GROUP_OUTPUT, GROUP_LOOPBACK, GROUPS };

struct compilation {
	const struct policy *policy;
	const struct table *user_rules;
	struct untrack_error *err;
	struct writer w;
	ARRAY(struct match) matches; /* one for each service, as are the owners */
	owners owners;
	ARRAY(uint32_t) longs;		   /* services that have sets of their own */
	struct buckets buckets[GROUPS][2]; /* by side */
	lookups lookups[GROUPS];
	struct keep keep;
};

static void compilation_free(struct compilation *c)
{
	array_for_each(match, &c->matches) {
		match_free(match);
	}
	array_free(&c->matches);
	owners_free(&c->owners);
	array_free(&c->longs);
	for (int group = 0; group < GROUPS; group++) {
		buckets_free(&c->buckets[group][SIDE_D]);
		buckets_free(&c->buckets[group][SIDE_S]);
		array_free(&c->lookups[group]);
	}
	keep_free(&c->keep);
	writer_free(&c->w);
}

char *compile_mark(uint8_t family, const char *table)
{
	char *mark;

	return asprintf(&mark, "untrack %s %s", family_name(family), table) < 0 ? NULL : mark;
}

/* ------------------------------------------------------------------ services */

static bool add_owner(struct compilation *c, const struct policy_service *service)
{
	static const char *const hooks[] = {[HOOK_PREROUTING] = "pre", [HOOK_OUTPUT] = "out"};
	const struct direction *directions = role_directions(service->role);
	struct owner *owner;

	if (!array_push(&c->owners, (struct owner){.origin = &service->origin}))
		return error_memory(c->err);
	owner = &c->owners.v[c->owners.n - 1];
	if (asprintf(&owner->who, "service '%s'", service->name) < 0) {
		owner->who = NULL;
		return error_memory(c->err);
	}
	for (int i = 0; i < 2; i++) {
		char **counter = &owner->counter[directions[i].hook][directions[i].side];

		if (asprintf(counter, "%s_%s_%c", service->name, hooks[directions[i].hook],
			     directions[i].side == SIDE_S ? 's' : 'd') < 0) {
			*counter = NULL;
			return error_memory(c->err);
		}
		writer_counter(&c->w, *counter, owner->who);
	}
	return true;
}

static bool add_direction(struct compilation *c, const struct direction *direction, uint32_t index)
{
	const struct match *match = &c->matches.v[index];
	struct box_order order = {
		.match = match,
		.near_is_peers = direction->near_is_peers,
		.table_family = c->policy->family,
		.expand_ports = true,
		.owner = index,
	};

	if (direction->hook == HOOK_OUTPUT)
		return add_boxes(&order, &c->buckets[GROUP_OUTPUT][direction->side]) ||
		       error_memory(c->err);
	if (!add_boxes(&order, &c->buckets[GROUP_PREROUTING][direction->side]))
		return error_memory(c->err);
	order.any_interface = true;
	return !match->names_loopback ||
	       add_boxes(&order, &c->buckets[GROUP_LOOPBACK][direction->side]) ||
	       error_memory(c->err);
}

static bool read_service(struct compilation *c, const struct policy_service *service)
{
	struct match match;

	if (!match_prepare(&service->match, false, &match, c->err))
		return false;
	if (!array_push(&c->matches, match)) {
		match_free(&match);
		return error_memory(c->err);
	}
	return add_owner(c, service);
}

static bool read_services(struct compilation *c)
{
	array_for_each(service, &c->policy->services) {
		if (!read_service(c, service))
			return false;
	}
	for (uint32_t i = 0; i < c->matches.n; i++) {
		const struct policy_service *service = &c->policy->services.v[i];
		const struct direction *directions = role_directions(service->role);

		if (match_is_long(&c->matches.v[i])) {
			if (!array_push(&c->longs, i))
				return error_memory(c->err);
		} else if (!add_direction(c, &directions[0], i) ||
			   !add_direction(c, &directions[1], i)) {
			return false;
		}
	}
	return true;
}

static struct long_lists long_lists(const struct compilation *c, uint32_t index)
{
	return (struct long_lists){c->policy->services.v[index].name, "", c->owners.v[index].who,
				   &c->matches.v[index]};
}

/* Where all services of a hook have but a few keys, all of these are rules. With more, those of a class
 * are a map: a packet that comes after the rules of many classes pays for each. */
static size_t find_few(const struct buckets sides[2])
{
	size_t n = 0;

	for (int side = 0; side < 2; side++)
		for (enum key_class class = 0; class < CLASSES; class ++) {
			const boxes *all = &sides[side].of[class];
			struct few_keys few;

			if (!find_few_keys(class_layout(class), all, FEW_KEYS, &few))
				return 1;
			n += few.n;
		}
	return n <= FEW_KEYS ? FEW_KEYS : 1;
}

static bool make_sets(struct compilation *c)
{
	static const struct {
		const char *prefix;
		enum group group;
		enum set_kind kind;
		enum hook hook; /* whose counters */
		enum side side;
	} kinds[] = {
		{"pre_d", GROUP_PREROUTING, SET_MAP, HOOK_PREROUTING, SIDE_D},
		{"pre_s", GROUP_PREROUTING, SET_MAP, HOOK_PREROUTING, SIDE_S},
		{"lo_d", GROUP_LOOPBACK, SET_NAMED, HOOK_PREROUTING, SIDE_D},
		{"lo_s", GROUP_LOOPBACK, SET_NAMED, HOOK_PREROUTING, SIDE_S},
		{"out_d", GROUP_OUTPUT, SET_MAP, HOOK_OUTPUT, SIDE_D},
		{"out_s", GROUP_OUTPUT, SET_MAP, HOOK_OUTPUT, SIDE_S},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct maker maker = {
			.w = &c->w,
			.file = c->policy->file,
			.kind = kinds[i].kind,
			.prefix = kinds[i].prefix,
			.hook = kinds[i].hook,
			.side = kinds[i].side,
			.few = find_few(c->buckets[kinds[i].group]),
			.owners = &c->owners,
			.lookups = &c->lookups[kinds[i].group],
			.err = c->err,
		};

		if (!make_classes(&maker, &c->buckets[kinds[i].group][kinds[i].side]))
			return false;
	}
	array_for_each(index, &c->longs) {
		struct long_lists lists = long_lists(c, *index);

		make_long_sets(&c->w, &lists);
	}
	return keep_prepare(&c->w, c->policy, &c->keep, c->err);
}

/* ------------------------------------------------------------------ chains */

static void write_longs(struct compilation *c, struct chain *chain, enum hook hook)
{
	array_for_each(index, &c->longs) {
		struct long_lists lists = long_lists(c, *index);

		write_long_rules(&c->w, chain, &lists, c->policy->services.v[*index].role,
				 &c->owners.v[*index], hook);
	}
}

/* What prerouting looks up, asked at output, where packets on lo get their connection entry. Nothing
 * is counted here: these packets meet the same lookups again at prerouting, and no others' before
 * (output jumps here first), so each is counted once, and prerouting need not tell which packets are
 * on lo, which costs all others 12 ns (measured). True if there is anything. */
static bool write_loopback_chain(struct compilation *c)
{
	struct chain *chain = writer_chain(&c->w, "loopback");

	write_loopback_map_rules(&c->w, chain, &c->lookups[GROUP_PREROUTING]);
	write_loopback_map_rules(&c->w, chain, &c->lookups[GROUP_LOOPBACK]);
	array_for_each(index, &c->longs) {
		struct long_lists lists = long_lists(c, *index);

		write_long_loopback_rules(&c->w, chain, &lists, c->policy->services.v[*index].role);
	}
	if (!chain || chain->rules.n)
		return chain;
	c->w.table->chains.n--;
	table_forget_names(c->w.table);
	chain_free(chain);
	return false;
}

/* Where the policy has rules of its own for the hook, which see what no service took, and so what is
 * kept tracked, the services are in a chain of their own, to come back from. */
static struct chain *services_chain(struct compilation *c, struct chain *base, enum hook hook,
				    const char *name)
{
	struct writer *w = &c->w;
	struct chain *chain = base;
	bool apart = has_user_rules(c->policy, hook) && c->keep.matches.n;

	if (apart) {
		chain = writer_chain(w, name);
		writer_rule(w, base);
		write_verdict(w, NFT_JUMP, name);
		writer_rule_end(w, NULL, NULL);
	}
	write_keep_rules(w, chain, &c->keep, hook, apart ? NFT_RETURN : NF_ACCEPT);
	return chain;
}

static void write_prerouting_services(struct compilation *c, struct chain *base)
{
	bool is_last = !has_user_rules(c->policy, HOOK_PREROUTING) && !c->longs.n;
	struct chain *chain = services_chain(c, base, HOOK_PREROUTING, "services_prerouting");

	write_map_rules(&c->w, chain, &c->lookups[GROUP_PREROUTING], is_last);
	write_longs(c, chain, HOOK_PREROUTING);
}

static void write_output_services(struct compilation *c, struct chain *base)
{
	bool loopback = write_loopback_chain(c);
	struct chain *chain = services_chain(c, base, HOOK_OUTPUT, "services_output");

	if (loopback) {
		writer_rule(&c->w, chain);
		write_loopback(&c->w);
		write_verdict(&c->w, NFT_JUMP, "loopback");
		writer_rule_end(&c->w, NULL, NULL);
	}
	write_map_rules(&c->w, chain, &c->lookups[GROUP_OUTPUT], false);
	write_longs(c, chain, HOOK_OUTPUT);
}

static bool write_hook(struct compilation *c, enum hook hook, const char *name, uint32_t number,
		       void (*write_services)(struct compilation *c, struct chain *base))
{
	struct chain *base;

	if (!has_user_rules(c->policy, hook) && !c->policy->services.n)
		return true;
	base = writer_base_chain(&c->w, name, number);
	if (c->policy->services.n)
		write_services(c, base);
	return write_user_rules(&c->w, base, c->policy, c->user_rules, hook, c->err);
}

struct table *compile_table(const struct policy *policy, const struct table *user_rules,
			    struct untrack_error *err)
{
	autoclean(compilation_free) struct compilation c = {
		.policy = policy,
		.user_rules = user_rules,
		.err = err,
	};
	autofree char *mark = compile_mark(policy->family, policy->table);

	if (!mark) {
		error_memory(err);
		return NULL;
	}
	if (!writer_begin(&c.w, policy->family, policy->table, mark, err) ||
	    (user_rules && !take_user_sets(&c.w, user_rules, err)) || !read_services(&c) ||
	    !make_sets(&c) ||
	    !write_hook(&c, HOOK_PREROUTING, "prerouting", NF_INET_PRE_ROUTING,
			write_prerouting_services) ||
	    !write_hook(&c, HOOK_OUTPUT, "output", NF_INET_LOCAL_OUT, write_output_services))
		return NULL;
	return writer_finish(&c.w, err);
}
