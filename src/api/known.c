/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/known.h"

#include "base/cleanup.h"
#include "kernel/kernel.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)
DEFINE_AUTOCLEAN(struct set, set_free)

/* NFTA_SET_COUNT, newer than the headers of Debian 12; the kernel that leaves sets uncertain has it. */
enum { SET_COUNT = 20 };

static bool has_uncertain(const struct table *table)
{
	array_for_each(set, &table->sets) {
		if ((*set)->elements_uncertain)
			return true;
	}
	return false;
}

/* The same keys in the same kind of set, of which there are as many. */
static bool may_be(const struct set *live, const struct set *expected)
{
	uint32_t count = attr_find_be32(buf_span(&live->attrs), SET_COUNT);
	struct span a = buf_span(&live->attrs), b = buf_span(&expected->attrs);

	return expected->elements.packed.count && live->flags == expected->flags &&
	       attr_find_be32(a, NFTA_SET_KEY_LEN) == attr_find_be32(b, NFTA_SET_KEY_LEN) &&
	       (count == expected->elements.packed.count ||
		count == elements_count(&expected->elements));
}

static bool take(struct set *live, const struct set *expected, struct untrack_error *err)
{
	autoclean(set_free_p) struct set *copy = set_copy(expected);

	if (!copy)
		return error_memory(err);
	elements_free(&live->elements);
	live->elements = copy->elements;
	copy->elements = (struct elements){0};
	live->elements_read = true;
	live->elements_uncertain = false;
	return true;
}

/* Are all expected elements there, at that generation? */
static bool verify(struct kernel *kernel, const struct table *table, const struct set *expected,
		   uint32_t generation, bool *ret_there, struct untrack_error *err)
{
	autoclean(plan_free_p) struct plan *plan = plan_new(generation);
	autoerror why = ERROR_INIT;

	if (!plan || !array_push(&plan->steps, (struct plan_step){
						       .operation = OPERATION_DELETE,
						       .kind = OBJECT_ELEMENT,
						       .table = table,
						       .set = expected,
						       .count = (uint32_t)elements_count(
							       &expected->elements),
					       }))
		return error_memory(err);
	*ret_there = kernel_commit(kernel, plan, generation, true, &why) == COMMIT_DONE;
	return true;
}

static bool try_expected(struct untrack *untrack, const struct target *target,
			 const struct table *table, struct set *live, const struct set *expected,
			 struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);
	bool there = false;

	if (!live->elements_uncertain || !expected || !may_be(live, expected))
		return true;
	if (!kernel ||
	    !verify(kernel, table, expected, target->live->generation, &there, err))
		return false;
	return !there || take(live, expected, err);
}

static const struct set *find(const struct table *table, const struct set *like)
{
	return table ? table_find_set(table, like->name) : NULL;
}

bool know_pair(struct untrack *untrack, struct target *target, struct pair *pair,
	       struct untrack_error *err)
{
	autoclean(table_free_p) struct table *remembered = NULL;
	autofree char *title = NULL;
	uint32_t generation = 0;

	if (!pair->live || !has_uncertain(pair->live))
		return true;
	title = table_title(pair->live->family, pair->live->name);
	if (!title)
		return error_memory(err);
	remembered = store_load_remembered(untrack->store, title, &generation, err);
	array_for_each(set, &pair->live->sets) {
		const struct set *then = find(remembered, *set);

		if (!(*set)->elements_uncertain)
			continue;
		if (then && generation == target->live->generation && may_be(*set, then)) {
			if (!take(*set, then, err))
				return false;
			continue;
		}
		target->verified = true;
		if (!try_expected(untrack, target, pair->live, *set, find(pair->desired, *set),
				  err) ||
		    !try_expected(untrack, target, pair->live, *set, then, err))
			return false;
		if ((*set)->elements_uncertain &&
		    !warn(&target->warnings, err,
			  "set '%s' of table '%s' was changed by someone else: what is in it is not "
			  "known, and a rollback cannot bring it back",
			  (*set)->name, title))
			return false;
	}
	return true;
}

static bool is_long(const struct table *table)
{
	array_for_each(set, &table->sets) {
		if ((*set)->elements.packed.count)
			return true;
	}
	return false;
}

bool remember_table(struct untrack *untrack, uint8_t family, const char *name,
		    const struct table *table, uint32_t generation, struct untrack_error *err)
{
	autofree char *title = table_title(family, name);

	if (!title)
		return error_memory(err);
	return table && is_long(table)
		       ? store_save_remembered(untrack->store, title, generation, table, err)
		       : store_forget(untrack->store, title, err);
}
