/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/accept.h"
#include "api/known.h"
#include "api/target_maker.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "diff/diff.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

struct own_table {
	uint8_t family;
	const char *name;
	bool others_go; /* and a snapshot needs them whole */
};

/* Its own table whole; of others what may hold accept rules of ours or turn tracking on. */
static enum read_depth depth_of(void *arg, uint8_t family, const char *name)
{
	const struct own_table *own = arg;

	if (family == own->family && !strcmp(name, own->name))
		return READ_BOUNDED;
	if (own->others_go)
		return READ_ALL;
	if (family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET)
		return READ_OBJECTS;
	return READ_NAME;
}

static bool target_read(struct untrack *untrack, struct target *target, struct own_table own,
			struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);

	if (!kernel)
		return false;
	target->live = kernel_read(kernel, depth_of, &own, err);
	return target->live;
}

/* ------------------------------------------------------------------ policies */

static bool not_ours(const struct policy *policy, const char *mark, struct untrack_error *err)
{
	return error_at(
		err, ERROR_CONFLICT, policy->file, 0, 0, "/table",
		"table '%s %s' is there and was not made by untrack (it lacks the comment "
		"\"%s\"); expected a name that is free, or --take-over to own it and replace "
		"what is in it",
		family_name(policy->family), policy->table, mark);
}

/* nft's JSON (1.0.6) loses comments of tables: loaded by it, the policy's own table comes without the
 * mark. It is known by being equal in all else, and its missing comment is no difference then. */
static bool is_desired(const struct pair *pair, bool *ret_is, struct untrack_error *err)
{
	struct span live = buf_span(&pair->live->attrs);
	struct buf marked = pair->desired->attrs, bare = {0};
	bool ok;

	*ret_is = false;
	if (attr_find_be32(live, NFTA_TABLE_FLAGS)) /* dormant or owned: ours never is */
		return true;
	buf_put(&bare, live.data, live.len);
	pair->desired->attrs = bare;
	ok = buf_ok(&bare, err) && diff_is_empty(pair->live, pair->desired, ret_is, err);
	pair->desired->attrs = ok && *ret_is ? bare : marked;
	buf_free(ok && *ret_is ? &marked : &bare);
	return ok;
}

/* A table that bears our mark, that the operator hands over, or that has no mark but is the same. */
static bool check_owner(const struct target_maker *maker, const struct pair *pair, const char *mark,
			struct untrack_error *err)
{
	const char *comment = pair->live ? table_comment(pair->live) : NULL;
	bool is_ours = !pair->live || maker->take_over || (comment && !strcmp(comment, mark));

	if (!is_ours && !comment && !is_desired(pair, &is_ours, err))
		return false;
	return is_ours || not_ours(maker->document->policy, mark, err);
}

/* The policy's own table, and those whose chains it names. */
static bool is_named(const struct policy *policy, const struct table *table)
{
	array_for_each(entry, &policy->accept_in) {
		if (entry->family == table->family && !strcmp(entry->table, table->name))
			return true;
	}
	return policy->family == table->family && !strcmp(policy->table, table->name);
}

/* The policy is the whole ruleset. */
static bool let_others_go(struct target *target, const struct policy *policy,
			  struct untrack_error *err)
{
	for (size_t i = 0; i < target->live->tables.n; i++) {
		struct table *table = target->live->tables.v[i];
		const struct pair gone = {.live = table};
		struct pair *known = NULL;

		if (is_named(policy, table))
			continue;
		if (!pair_check_reversible(&gone, err))
			return false;
		array_for_each(pair, &target->pairs) {
			if (pair->live == table)
				known = pair;
		}
		if (!known && !target_add_pair(target, table, NULL, NULL, err))
			return false;
		if (!known)
			continue;
		table_free(known->desired); /* it was about old accept rules in there */
		free(known->mark);
		*known = gone;
	}
	return true;
}

bool target_of_policy(const struct target_maker *maker, struct untrack *untrack,
		      struct target *ret_target, struct untrack_error *err)
{
	const struct policy *policy = maker->document->policy;
	autofree char *mark = compile_mark(policy->family, policy->table);
	autotarget target = {.owner = table_title(policy->family, policy->table)};
	struct table *live, *desired;

	if (!mark || !target.owner)
		return error_memory(err);
	if (!target_read(untrack, &target,
			 (struct own_table){policy->family, policy->table, maker->whole_ruleset},
			 err))
		return false;
	live = ruleset_find(target.live, policy->family, policy->table);
	desired = compile_table(policy, maker->user_rules, err);
	if (!desired || !target_add_pair(&target, live, desired, NULL, err) ||
	    !know_pair(untrack, &target, &target.pairs.v[0], err) ||
	    !check_owner(maker, &target.pairs.v[0], mark, err) ||
	    !accept_add_pairs(&target, policy, mark, err) ||
	    (maker->whole_ruleset && !let_others_go(&target, policy, err)) ||
	    !target_add_sysctls(untrack, &target, policy, err))
		return false;
	*ret_target = target;
	target = (struct target){0};
	return true;
}

/* ------------------------------------------------------------------ removal */

bool target_of_removal(const struct target_maker *maker, struct untrack *untrack,
		       struct target *ret_target, struct untrack_error *err)
{
	autofree char *mark = compile_mark(maker->family, maker->table);
	autotarget target = {.owner = table_title(maker->family, maker->table)};
	struct table *live;
	const char *comment;

	if (!mark || !target.owner)
		return error_memory(err);
	if (!target_read(untrack, &target, (struct own_table){maker->family, maker->table, false},
			 err))
		return false;
	live = ruleset_find(target.live, maker->family, maker->table);
	comment = live ? table_comment(live) : NULL;
	if (live && (!comment || strcmp(comment, mark) != 0))
		return error_set(
			err, ERROR_CONFLICT,
			"table '%s' was not made by untrack (it lacks the comment \"%s\"); "
			"it is left alone",
			target.owner, mark);
	if ((live && (!target_add_pair(&target, live, NULL, NULL, err) ||
		      !know_pair(untrack, &target, &target.pairs.v[0], err))) ||
	    !accept_add_pairs(&target, NULL, mark, err) ||
	    !target_add_sysctls(untrack, &target, NULL, err))
		return false;
	if (!target.pairs.n && !target.originals.n)
		return error_set(err, ERROR_USAGE,
				 "there is no table '%s' of untrack in this network namespace",
				 target.owner);
	*ret_target = target;
	target = (struct target){0};
	return true;
}
