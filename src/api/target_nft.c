/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of documents that are rulesets: the tables they name, or all there are. */
#include "api/ahead.h"
#include "api/known.h"
#include "api/target_maker.h"
#include "base/cleanup.h"
#include "diff/diff.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

static enum read_depth named_whole(void *arg, uint8_t family, const char *name)
{
	const struct target_maker *maker = arg;

	return maker->whole_ruleset || ruleset_find(maker->compiled, family, name) ? READ_BOUNDED
										   : READ_NAME;
}

/* Puts the live body of an attribute into the desired object. */
static bool adopt(struct buf *desired, struct span live, uint16_t type)
{
	autobuf fresh = {0};
	struct span body;
	struct buf swap;

	attr_for_each(item, buf_span(desired)) {
		if (item.type != type)
			attr_put(&fresh, item.type, item.body.data, item.body.len);
	}
	if (attr_find(live, type, &body))
		attr_put(&fresh, type, body.data, body.len);
	if (fresh.failed)
		return false;
	swap = *desired;
	*desired = fresh;
	fresh = swap;
	return true;
}

static bool has(const struct buf *attrs, uint16_t type)
{
	struct span body;

	return attr_find(buf_span(attrs), type, &body);
}

/* What of the live object the desired one is to have. */
static bool lacks(const struct buf *desired, const struct buf *live, uint16_t type)
{
	return !has(desired, type) && has(live, type);
}

static bool lacks_key(const struct set *desired, const struct set *live)
{
	struct span ours = {0}, theirs = {0};

	attr_find(buf_span(&desired->attrs), NFTA_SET_USERDATA, &ours);
	attr_find(buf_span(&live->attrs), NFTA_SET_USERDATA, &theirs);
	return attr_find_be32(buf_span(&live->attrs), NFTA_SET_KEY_TYPE) ==
		       attr_find_be32(buf_span(&desired->attrs), NFTA_SET_KEY_TYPE) &&
	       !span_equal(ours, theirs);
}

static bool lacks_dynamic(const struct set *desired, const struct set *live)
{
	const uint32_t dynamic = live->flags & ~desired->flags & NFT_SET_EVAL;

	return dynamic && (desired->flags | dynamic) == live->flags;
}

static const struct set *live_set(const struct table *live, const struct set *desired)
{
	return set_is_anonymous(desired) ? NULL : table_find_set(live, desired->name);
}

/*
 * JSON of libnftables 1.0.6 has no words for comments of tables, chains and sets, for typeof, and for
 * `flags dynamic`. What a document cannot say it does not deny: there the live ruleset stays as it is,
 * or a dump would not apply over itself without making tables anew.
 */
static bool lacks_unsaid(const struct table *desired, const struct table *live)
{
	bool lacking = lacks(&desired->attrs, &live->attrs, NFTA_TABLE_USERDATA);

	array_for_each(chain, &desired->chains) {
		const struct chain *now = table_find_chain(live, (*chain)->name);

		lacking |= now && lacks(&(*chain)->attrs, &now->attrs, NFTA_CHAIN_USERDATA);
	}
	array_for_each(set, &desired->sets) {
		const struct set *now = live_set(live, *set);

		lacking |= now && (lacks_key(*set, now) || lacks_dynamic(*set, now));
	}
	return lacking;
}

static bool adopt_set(struct set *desired, const struct set *live)
{
	struct span attrs = buf_span(&live->attrs);

	if (lacks_key(desired, live) && !adopt(&desired->attrs, attrs, NFTA_SET_USERDATA))
		return false;
	if (!lacks_dynamic(desired, live))
		return true;
	desired->flags = live->flags;
	return adopt(&desired->attrs, attrs, NFTA_SET_FLAGS);
}

static bool adopt_unsaid(struct table *desired, const struct table *live)
{
	if (lacks(&desired->attrs, &live->attrs, NFTA_TABLE_USERDATA) &&
	    !adopt(&desired->attrs, buf_span(&live->attrs), NFTA_TABLE_USERDATA))
		return false;
	array_for_each(chain, &desired->chains) {
		const struct chain *now = table_find_chain(live, (*chain)->name);

		if (now && lacks(&(*chain)->attrs, &now->attrs, NFTA_CHAIN_USERDATA) &&
		    !adopt(&(*chain)->attrs, buf_span(&now->attrs), NFTA_CHAIN_USERDATA))
			return false;
	}
	array_for_each(set, &desired->sets) {
		const struct set *now = live_set(live, *set);

		if (now && !adopt_set(*set, now))
			return false;
	}
	return true;
}

/* The compiled table itself, unless it is to be changed. */
static bool add_pair(const struct target_maker *maker, struct target *target, struct table *live,
		     struct table *compiled, struct untrack_error *err)
{
	struct pair pair = {.live = live, .desired = compiled, .borrowed = true};
	struct table *desired;

	if (!live || maker->document->kind != DOCUMENT_JSON || !lacks_unsaid(compiled, live))
		return array_push(&target->pairs, pair) ? true : error_memory(err);
	desired = table_copy(compiled);
	if (desired && adopt_unsaid(desired, live))
		return target_add_pair(target, live, desired, NULL, err);
	table_free(desired);
	return error_memory(err);
}

static bool add_pairs(const struct target_maker *maker, struct target *target,
		      struct untrack_error *err)
{
	array_for_each(table, &maker->compiled->tables) {
		struct table *live = ruleset_find(target->live, (*table)->family, (*table)->name);

		if (!add_pair(maker, target, live, *table, err))
			return false;
	}
	array_for_each(table, &target->live->tables) {
		if (maker->whole_ruleset &&
		    !ruleset_find(maker->compiled, (*table)->family, (*table)->name) &&
		    !target_add_pair(target, *table, NULL, NULL, err))
			return false;
	}
	return true;
}

bool target_of_ruleset(const struct target_maker *maker, struct untrack *untrack,
		       struct target *ret_target, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);
	autotarget target = {0};

	if (!kernel)
		return false;
	target.devices = maker->devices;
	target.live = ahead_take(maker->ahead, kernel, named_whole, (void *)(uintptr_t)maker);
	if (!target.live)
		target.live = kernel_read(kernel, named_whole, (void *)(uintptr_t)maker, err);
	if (!target.live || !add_pairs(maker, &target, err))
		return false;
	array_for_each(pair, &target.pairs) {
		if (!know_pair(untrack, &target, pair, err))
			return false;
	}
	array_for_each(pair, &target.pairs) {
		if (!pair_check_reversible(pair, err))
			return false;
	}
	*ret_target = target;
	target = (struct target){0};
	return true;
}
