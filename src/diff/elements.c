/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/elements.h"

#include "base/cleanup.h"
#include "model/fields.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

typedef ARRAY(uint32_t) indexes;

/* The set's elements may come from packets, or end by themselves. */
static bool is_dynamic(const struct set *set)
{
	return set->flags & NFT_SET_EVAL;
}

static uint32_t object_type(const struct set *set)
{
	return attr_find_be32(buf_span(&set->attrs), NFTA_SET_OBJ_TYPE);
}

/* Intervals of one field are two elements, a start and an end: they come and go together, since the
 * kernel (nft_set_rbtree.c) refuses a half one. */
static bool has_interval_ends(const struct set *set)
{
	return (set->flags & NFT_SET_INTERVAL) && !(set->flags & NFT_SET_CONCAT);
}

static bool is_end(const struct set *set, size_t i)
{
	return element_is_end(element_at(&set->elements, i));
}

/*
 * nft begins a list of intervals with the end of what comes before the first one. It says nothing that
 * the list does not say without it, and which of several ways a set was filled decides whether it is
 * there.
 */
static bool is_void(const struct set *set, size_t i)
{
	return i == 0 && has_interval_ends(set) && is_end(set, 0);
}

/* How many elements from i on belong together. */
static size_t unit_length(const struct set *set, size_t i)
{
	return has_interval_ends(set) && !is_end(set, i) &&
			       i + 1 < elements_count(&set->elements) && is_end(set, i + 1)
		       ? 2
		       : 1;
}

static bool push_unit(indexes *list, size_t i, size_t length)
{
	for (size_t k = 0; k < length; k++)
		if (!array_push(list, (uint32_t)(i + k)))
			return false;
	return true;
}

/* The plan takes the indexes over. */
static bool push_step(struct plan *plan, enum operation operation, const struct table *table,
		      const struct set *set, indexes *list)
{
	if (!list->n)
		return true;
	if (!array_push(&plan->steps, (struct plan_step){
					      .operation = operation,
					      .kind = OBJECT_ELEMENT,
					      .table = table,
					      .set = set,
					      .count = (uint32_t)list->n,
					      .indexes = list->v,
				      }))
		return false;
	list->v = NULL;
	return true;
}

static void indexes_free(indexes *list)
{
	free(list->v);
}
#define autoindexes __attribute__((cleanup(indexes_free))) indexes

bool plan_all_elements(const struct table *table, const struct set *set, struct plan *plan)
{
	return !elements_count(&set->elements) ||
	       array_push(&plan->steps, (struct plan_step){
						.operation = OPERATION_ADD,
						.kind = OBJECT_ELEMENT,
						.table = table,
						.set = set,
						.count = (uint32_t)elements_count(&set->elements),
					});
}

bool plan_elements_first(const struct table *table, const struct set *live,
			 const doomed_list *doomed, struct plan *plan)
{
	autoindexes gone = {0};

	if (!doomed->n)
		return true;
	for (size_t i = 0; i < elements_count(&live->elements); i++)
		if (element_refers(element_at(&live->elements, i), object_type(live), doomed) &&
		    !array_push(&gone, (uint32_t)i))
			return false;
	return push_step(plan, OPERATION_DELETE, table, live, &gone);
}

/* What is loaded is not known for certain: all of it goes, all that is wanted comes. */
static bool plan_anew(const struct table *live_table, const struct set *live,
		      const struct table *desired_table, const struct set *desired,
		      struct plan *plan)
{
	return array_push(&plan->steps, (struct plan_step){.operation = OPERATION_FLUSH,
							   .kind = OBJECT_ELEMENT,
							   .table = live_table,
							   .set = live}) &&
	       plan_all_elements(desired_table, desired, plan);
}

/* Both sides while their sorted elements are merged. */
struct merge {
	const struct set *live;
	const struct set *desired;
	const doomed_list *doomed;
	indexes gone;
	indexes come;
};

static void merge_free(struct merge *m)
{
	indexes_free(&m->gone);
	indexes_free(&m->come);
}

static int compare_units(const struct merge *m, size_t i, size_t unit_i, size_t j, size_t unit_j)
{
	int order = element_compare_keys(element_at(&m->live->elements, i),
					 element_at(&m->desired->elements, j));

	if (order || (unit_i == 1 && unit_j == 1))
		return order;
	if (unit_i != unit_j)
		return unit_i < unit_j ? -1 : 1;
	return element_compare_keys(element_at(&m->live->elements, i + 1),
				    element_at(&m->desired->elements, j + 1));
}

/* The same key on both sides: it stays, unless its data differ or it went first. */
static bool merge_equal(struct merge *m, size_t i, size_t j, size_t unit)
{
	struct span live = element_at(&m->live->elements, i);
	bool went = m->doomed->n && element_refers(live, object_type(m->live), m->doomed);
	bool same = elements_equal(live, element_at(&m->desired->elements, j));

	if (!went && same)
		return true;
	return (went || push_unit(&m->gone, i, unit)) && push_unit(&m->come, j, unit);
}

static bool merge_gone(struct merge *m, size_t i, size_t unit)
{
	if (is_dynamic(m->live) ||
	    (m->doomed->n &&
	     element_refers(element_at(&m->live->elements, i), object_type(m->live), m->doomed)))
		return true;
	return push_unit(&m->gone, i, unit);
}

static bool merge_sets(struct merge *m)
{
	size_t n = elements_count(&m->live->elements), i = 0;
	size_t count = elements_count(&m->desired->elements), j = 0;

	while (i < n || j < count) {
		size_t unit_i = i < n ? unit_length(m->live, i) : 0;
		size_t unit_j = j < count ? unit_length(m->desired, j) : 0;
		int order = i == n ? 1 : j == count ? -1 : compare_units(m, i, unit_i, j, unit_j);
		bool ok;

		if (order < 0 ? is_void(m->live, i) : order > 0 && is_void(m->desired, j))
			ok = true;
		else if (order < 0)
			ok = merge_gone(m, i, unit_i);
		else if (order > 0)
			ok = push_unit(&m->come, j, unit_j);
		else
			ok = merge_equal(m, i, j, unit_i);
		if (!ok)
			return false;
		i += order <= 0 ? unit_i : 0;
		j += order >= 0 ? unit_j : 0;
	}
	return true;
}

static bool both_packed(const struct packed *a, const struct packed *b)
{
	return a->count && b->count && a->width == b->width && a->ranges == b->ranges;
}

/* How many kernel elements entry i is: a range that is open at its end has one. */
static size_t entry_length(const struct elements *elements, size_t i)
{
	size_t begin = packed_index(&elements->packed, i);
	size_t end = packed_index(&elements->packed, i + 1);
	size_t count = elements_count(elements);

	return (end < count ? end : count) - begin;
}

/* Long lists of plain keys: bytes are compared, nothing is unpacked. */
static bool merge_packed(struct merge *m)
{
	const struct elements *live = &m->live->elements, *desired = &m->desired->elements;
	size_t i = 0, j = 0;
	int order;

	while (packed_difference(&live->packed, &i, &desired->packed, &j, &order)) {
		if (order < 0 &&
		    !push_unit(&m->gone, packed_index(&live->packed, i), entry_length(live, i)))
			return false;
		if (order > 0 && !push_unit(&m->come, packed_index(&desired->packed, j),
					    entry_length(desired, j)))
			return false;
		i += order < 0;
		j += order > 0;
	}
	return true;
}

bool plan_elements(const struct table *live_table, const struct set *live,
		   const struct table *desired_table, const struct set *desired,
		   const doomed_list *doomed, struct plan *plan)
{
	__attribute__((cleanup(merge_free))) struct merge m = {
		.live = live, .desired = desired, .doomed = doomed};

	if (!desired->elements_read)
		return true;
	if (!live->elements_read && live->elements_uncertain)
		return plan_anew(live_table, live, desired_table, desired, plan);
	if (!live->elements_read)
		return true;
	if (!(both_packed(&live->elements.packed, &desired->elements.packed) ? merge_packed(&m)
									     : merge_sets(&m)))
		return false;
	return push_step(plan, OPERATION_DELETE, live_table, live, &m.gone) &&
	       push_step(plan, OPERATION_ADD, desired_table, desired, &m.come);
}
