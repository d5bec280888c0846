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

/*
 * What is in a long list is known, without a dump of it, in one of these ways:
 *
 * - It is what was loaded, since the generation is still the one that the load made. Whoever changes
 *   elements over netlink makes a new generation. What moves elements without one is not in question:
 *   sets with timeouts and those that packets fill (NFT_SET_TIMEOUT, NFT_SET_EVAL) are always dumped,
 *   never left uncertain (kernel/read.c); a rule that fills a set without that flag is looked for; the
 *   end of a table's owner takes the whole table with it, which is then not there to be read. The file
 *   is of this boot and, by its directory, of this network namespace.
 * - All of an expected list can be deleted, in a batch at the generation that was read which lacks its
 *   end and is therefore taken back; and there are as many elements as expected. So there are these and
 *   no others. A catch-all is not counted: that there is none is seen by adding one to that batch. What is
 *   expected is what was loaded last, and what the document wants.
 * - It is dumped, as long as that is bearable.
 *
 * Otherwise it stays uncertain: it is flushed and loaded anew, and that a rollback cannot bring back
 * what was there is said before anything is committed.
 */

/* NFTA_SET_COUNT, newer than the headers of Debian 12; the kernel that leaves sets uncertain has it. */
enum { SET_COUNT = 20 };

/* A dump of that many takes a second at the most, of ten times as many a hundred. */
enum { DUMP_MAX = 65536 };

static bool has_uncertain(const struct table *table)
{
	array_for_each(set, &table->sets) {
		if ((*set)->elements_uncertain)
			return true;
	}
	return false;
}

static uint32_t live_count(const struct set *live)
{
	return attr_find_be32(buf_span(&live->attrs), SET_COUNT);
}

static bool is_catchall(struct span element)
{
	return attr_find_be32(element, NFTA_SET_ELEM_FLAGS) & NFT_SET_ELEM_CATCHALL;
}

static size_t count_catchall(const struct elements *elements)
{
	size_t count = 0;

	for (size_t i = 0; i < elements->at.n; i++)
		count += is_catchall(element_at(elements, i));
	return count;
}

/* The kernel counts an interval once, and a catch-all ("*") not at all. */
static size_t count_intervals(const struct elements *elements)
{
	size_t count = elements->packed.count;

	for (size_t i = 0; i < elements->at.n; i++)
		count += !element_is_end(element_at(elements, i));
	return count - count_catchall(elements);
}

/* The same keys in the same kind of set, of which there are as many. */
static bool may_be(const struct set *live, const struct set *expected)
{
	struct span a = buf_span(&live->attrs), b = buf_span(&expected->attrs);

	return live->flags == expected->flags && elements_count(&expected->elements) &&
	       attr_find_be32(a, NFTA_SET_KEY_LEN) == attr_find_be32(b, NFTA_SET_KEY_LEN) &&
	       (live_count(live) == count_intervals(&expected->elements) ||
		live_count(live) ==
			elements_count(&expected->elements) - count_catchall(&expected->elements));
}

/* Does a rule put elements into the set as packets come? */
static bool is_filled(const struct table *table, const char *set)
{
	array_for_each(chain, &table->chains) {
		array_for_each(rule, &(*chain)->rules) {
			struct span list = rule_expressions(*rule);
			struct expression expression;

			while (expression_next(&list, &expression)) {
				const char *name = strcmp(expression.name, "dynset") == 0
							   ? attr_find_text(expression.data,
									    NFTA_DYNSET_SET_NAME)
							   : NULL;

				if (name && !strcmp(name, set))
					return true;
			}
		}
	}
	return false;
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

/* A set of that name with a catch-all alone. */
static struct set *catchall_of(const struct set *like)
{
	autoclean(set_free_p) struct set *set = set_new(like->name);
	size_t begin;

	if (!set)
		return NULL;
	set->flags = like->flags;
	begin = element_begin(&set->elements);
	attr_put_be32(&set->elements.bytes, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_CATCHALL);
	return element_end(&set->elements, begin) ? steal_pointer(&set) : NULL;
}

static bool push_elements(struct plan *plan, enum operation operation, const struct table *table,
			  const struct set *set)
{
	return array_push(&plan->steps, (struct plan_step){
						.operation = operation,
						.kind = OBJECT_ELEMENT,
						.table = table,
						.set = set,
						.count = (uint32_t)elements_count(&set->elements),
					});
}

/* Are all expected elements there, at that generation? That a catch-all is not, which is not counted, is
 * seen by adding one. */
static bool verify(struct kernel *kernel, const struct table *table, const struct set *expected,
		   uint32_t generation, bool *ret_there, struct untrack_error *err)
{
	autoclean(plan_free_p) struct plan *plan = plan_new(generation);
	autoclean(set_free_p) struct set *catchall = catchall_of(expected);
	autoerror why = ERROR_INIT;

	if (!plan || !catchall || !push_elements(plan, OPERATION_DELETE, table, expected) ||
	    (!count_catchall(&expected->elements) &&
	     !push_elements(plan, OPERATION_ADD, table, catchall)))
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
	if (!kernel || !verify(kernel, table, expected, target->live->generation, &there, err))
		return false;
	return !there || take(live, expected, err);
}

static bool try_dump(struct untrack *untrack, const struct target *target,
		     const struct table *table, struct set *live, struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);

	if (!live->elements_uncertain || live_count(live) > DUMP_MAX)
		return true;
	return kernel && kernel_read_elements(kernel, table, live, target->live->generation, err);
}

static bool same_keys(const struct set *a, const struct set *b)
{
	const struct packed *p = a ? &a->elements.packed : NULL,
			    *q = b ? &b->elements.packed : NULL;

	return p && q && p->count && p->count == q->count && p->width == q->width &&
	       p->ranges == q->ranges && !memcmp(p->keys, q->keys, p->count * packed_entry(p));
}

/* What was loaded last comes first: others seldom change what is ours, and a look takes nearly as long as
 * loading all anew. */
static bool look(struct untrack *untrack, struct target *target, const struct pair *pair,
		 struct set *live, const struct set *then, struct untrack_error *err)
{
	const struct set *desired =
		pair->desired ? table_find_set(pair->desired, live->name) : NULL;

	target->verified = true;
	return try_expected(untrack, target, pair->live, live, then, err) &&
	       (same_keys(then, desired) ||
		try_expected(untrack, target, pair->live, live, desired, err)) &&
	       try_dump(untrack, target, pair->live, live, err);
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
		if (then && generation == target->live->generation && may_be(*set, then) &&
		    !is_filled(pair->live, (*set)->name)) {
			if (!take(*set, then, err))
				return false;
			continue;
		}
		if (!look(untrack, target, pair, *set, then, err))
			return false;
		if ((*set)->elements_uncertain &&
		    !warn(&target->warnings, err,
			  "set '%s' of table '%s' was changed by someone else: what is in it is "
			  "not "
			  "known, and a rollback cannot bring it back",
			  (*set)->name, title))
			return false;
	}
	return true;
}

static bool is_long(const struct table *table)
{
	array_for_each(set, &table->sets) {
		if (elements_count(&(*set)->elements) > READ_BOUND)
			return true;
	}
	return false;
}

bool remember_table(struct untrack *untrack, const struct pair *pair, uint32_t generation,
		    struct untrack_error *err)
{
	const struct table *known = pair->desired ? pair->desired : pair->live;
	autofree char *title = table_title(known->family, known->name);

	if (!title)
		return error_memory(err);
	return pair->desired && is_long(pair->desired)
		       ? store_save_remembered(untrack->store, title, generation, pair->desired,
					       pair->live, err)
		       : store_forget(untrack->store, title, err);
}
