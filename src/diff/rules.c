/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/rules.h"

#include "base/cleanup.h"
#include "model/fields.h"

#include <stdlib.h>
#include <string.h>

/* Both sides of a chain while its rules are matched. */
struct sides {
	const struct table *live_table;
	const struct chain *live;
	const struct table *desired_table;
	const struct chain *desired;
	const enum rule_fate *fates; /* of the live ones: those that go first match nothing */
	bool plain;		     /* what names mean does not depend on the table */
	uint64_t *live_hash;	     /* 0: not computed yet */
	uint64_t *desired_hash;
	size_t *pair; /* for each live rule: the desired rule that it equals, or NO_PARTNER */
};

void rule_fates_free(struct rule_fates *fates)
{
	free(fates->live);
	free(fates->partner);
	*fates = (struct rule_fates){0};
}

static uint64_t hash_of(uint64_t *hash, const struct rule *rule)
{
	if (!*hash)
		*hash = rule_hash(rule);
	return *hash;
}

static bool same(const struct sides *s, size_t i, size_t j)
{
	const struct rule *live = s->live->rules.v[i], *desired = s->desired->rules.v[j];

	if (s->fates[i] == RULE_GOES_FIRST)
		return false;
	if (rules_identical(live, desired))
		return s->plain || rules_equal(s->live_table, live, s->desired_table, desired);
	return hash_of(&s->live_hash[i], live) == hash_of(&s->desired_hash[j], desired) &&
	       rules_equal(s->live_table, live, s->desired_table, desired);
}

/* A rule by what it does, and which of its equals it is: the first, the second, … */
struct occurrence {
	uint64_t hash;
	size_t index;
};

static int compare_occurrences(const void *left, const void *right)
{
	const struct occurrence *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Those that go first, if there are `fates`, equal none. */
static struct occurrence *sort_occurrences(const struct chain *chain, uint64_t *hashes,
					   const enum rule_fate *fates, size_t from, size_t to)
{
	struct occurrence *list = calloc(to - from + 1, sizeof(*list));

	for (size_t i = from; list && i < to; i++)
		list[i - from] =
			(struct occurrence){fates && fates[i] == RULE_GOES_FIRST
						    ? 0
						    : hash_of(&hashes[i], chain->rules.v[i]),
					    i};
	if (list)
		qsort(list, to - from, sizeof(*list), compare_occurrences);
	return list;
}

/* Pairs the k-th of equal rules with the k-th: candidates for staying. */
static void pair_occurrences(struct sides *s, const struct occurrence *a, size_t n,
			     const struct occurrence *b, size_t m)
{
	size_t i = 0, j = 0;

	while (i < n && j < m) {
		if (a[i].hash == b[j].hash) {
			if (same(s, a[i].index, b[j].index))
				s->pair[a[i].index] = b[j].index;
			i++;
			j++;
		} else if (a[i].hash < b[j].hash) {
			i++;
		} else {
			j++;
		}
	}
}

/*
 * Keeps the longest run of pairs in which both orders agree (longest increasing subsequence, patience
 * sorting, O(n log n)); the rest are unpaired. tail and previous have room for n entries.
 */
static void keep_increasing(struct sides *s, size_t from, size_t to, size_t *tail, size_t *previous)
{
	size_t length = 0, at;

	for (size_t i = from; i < to; i++) {
		size_t low = 0, high = length;

		if (s->pair[i] == NO_PARTNER)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (s->pair[tail[middle]] < s->pair[i])
				low = middle + 1;
			else
				high = middle;
		}
		previous[i - from] = low ? tail[low - 1] : NO_PARTNER;
		tail[low] = i;
		length = low == length ? length + 1 : length;
	}
	at = length ? tail[length - 1] : NO_PARTNER;
	for (size_t i = to; i-- > from;) {
		if (i == at)
			at = previous[i - from];
		else
			s->pair[i] = NO_PARTNER;
	}
}

static bool match_middle(struct sides *s, size_t from, size_t live_to, size_t desired_to)
{
	autofree struct occurrence *a =
		sort_occurrences(s->live, s->live_hash, s->fates, from, live_to);
	autofree struct occurrence *b =
		sort_occurrences(s->desired, s->desired_hash, NULL, from, desired_to);
	autofree size_t *tail = calloc(live_to - from + 1, sizeof(*tail));
	autofree size_t *previous = calloc(live_to - from + 1, sizeof(*previous));

	if (!a || !b || !tail || !previous)
		return false;
	pair_occurrences(s, a, live_to - from, b, desired_to - from);
	keep_increasing(s, from, live_to, tail, previous);
	return true;
}

/* What is between equal heads and tails. */
struct middle {
	const struct sides *sides;
	size_t from;
};

static bool same_in_middle(void *arg, size_t i, size_t j)
{
	const struct middle *middle = arg;

	return same(middle->sides, middle->from + i, middle->from + j);
}

/* Where few rules come and go: nearly all are compared once, and none is hashed but those. */
static bool match_near(struct sides *s, size_t from, size_t live_to, size_t desired_to)
{
	struct middle middle = {s, from};

	if (!edits_pair(live_to - from, desired_to - from, same_in_middle, &middle, s->pair + from))
		return false;
	for (size_t i = from; i < live_to; i++)
		s->pair[i] += s->pair[i] == NO_PARTNER ? 0 : from;
	return true;
}

/* Equal heads and tails are matched without more ado: most changes are small. */
static bool match_equal(struct sides *s)
{
	size_t n = s->live->rules.n, m = s->desired->rules.n, head = 0;

	for (size_t i = 0; i < n; i++)
		s->pair[i] = NO_PARTNER;
	while (head < n && head < m && same(s, head, head)) {
		s->pair[head] = head;
		head++;
	}
	while (n > head && m > head && same(s, n - 1, m - 1)) {
		n--;
		m--;
		s->pair[n] = m;
	}
	return head == n || head == m || match_near(s, head, n, m) || match_middle(s, head, n, m);
}

static bool find_first(struct sides *s, const doomed_list *doomed, enum rule_fate *fates)
{
	s->live_hash = calloc(s->live->rules.n + 1, sizeof(*s->live_hash));
	s->desired_hash = calloc(s->desired->rules.n + 1, sizeof(*s->desired_hash));
	s->pair = calloc(s->live->rules.n + 1, sizeof(*s->pair));
	if (!s->live_hash || !s->desired_hash || !s->pair)
		return false;
	for (size_t i = 0; i < s->live->rules.n; i++) {
		if (rule_refers(s->live_table, s->live->rules.v[i], doomed))
			fates[i] = RULE_GOES_FIRST;
	}
	s->fates = fates;
	s->plain = table_is_plain(s->live_table) && table_is_plain(s->desired_table);
	return true;
}

/* Between two rules that stay, what goes and what comes are paired off: one takes the other's place. */
static void pair_gaps(const struct sides *s, struct rule_fates *fates)
{
	size_t i = 0, j = 0;

	while (i < s->live->rules.n || j < s->desired->rules.n) {
		bool live_stays = i < s->live->rules.n && s->pair[i] != NO_PARTNER;

		if (i < s->live->rules.n && fates->live[i] == RULE_GOES_FIRST) {
			i++;
		} else if (live_stays && j == s->pair[i]) {
			fates->live[i] = RULE_STAYS;
			fates->partner[j++] = i++;
		} else if (i == s->live->rules.n || live_stays) {
			j++; /* comes in front of i */
		} else if (rule_has_meter(s->live_table, s->live->rules.v[i])) {
			fates->live[i++] = RULE_GOES_FIRST; /* its meter's name may come again */
		} else if (j < s->desired->rules.n && fates->partner[j] == NO_PARTNER) {
			fates->live[i] = RULE_REPLACED;
			fates->partner[j++] = i++;
		} else {
			fates->live[i++] = RULE_GOES;
		}
	}
}

static void mark_staying(const struct sides *s, size_t *partner)
{
	for (size_t j = 0; j < s->desired->rules.n; j++)
		partner[j] = NO_PARTNER;
	for (size_t i = 0; i < s->live->rules.n; i++)
		if (s->pair[i] != NO_PARTNER)
			partner[s->pair[i]] = i;
}

static void sides_free(struct sides *s)
{
	free(s->live_hash);
	free(s->desired_hash);
	free(s->pair);
}

bool match_rules(const struct table *live_table, const struct chain *live,
		 const struct table *desired_table, const struct chain *desired,
		 const doomed_list *doomed, struct rule_fates *ret_fates, struct untrack_error *err)
{
	__attribute__((cleanup(sides_free))) struct sides s = {
		.live_table = live_table,
		.live = live,
		.desired_table = desired_table,
		.desired = desired,
	};
	struct rule_fates fates = {
		.live = calloc(live->rules.n + 1, sizeof(*fates.live)),
		.partner = calloc(desired->rules.n + 1, sizeof(*fates.partner)),
	};

	if (!fates.live || !fates.partner || !find_first(&s, doomed, fates.live) ||
	    !match_equal(&s)) {
		rule_fates_free(&fates);
		return error_memory(err);
	}
	mark_staying(&s, fates.partner);
	pair_gaps(&s, &fates);
	*ret_fates = fates;
	return true;
}

static bool push_deletion(const struct table *table, const struct chain *chain, size_t place,
			  struct plan *plan)
{
	return array_push(&plan->steps, (struct plan_step){
						.operation = OPERATION_DELETE,
						.kind = OBJECT_RULE,
						.table = table,
						.chain = chain,
						.rule = chain->rules.v[place],
						.place = place,
					});
}

bool plan_rules_first(const struct table *table, const struct chain *live,
		      const struct rule_fates *fates, struct plan *plan)
{
	for (size_t i = 0; i < live->rules.n; i++)
		if (fates->live[i] == RULE_GOES_FIRST && !push_deletion(table, live, i, plan))
			return false;
	return true;
}

bool plan_rules(const struct table *live_table, const struct chain *live,
		const struct table *desired_table, const struct chain *desired,
		const struct rule_fates *fates, struct plan *plan)
{
	const struct rule *next =
		NULL; /* the live rule in front of which the current one belongs */
	size_t begin = plan->steps.n, additions = 0;

	for (size_t i = 0; i < live->rules.n; i++)
		if (fates->live[i] == RULE_GOES && !push_deletion(live_table, live, i, plan))
			return false;
	begin = plan->steps.n;
	for (size_t j = desired->rules.n; j-- > 0;) {
		size_t partner = fates->partner[j];
		struct plan_step step = {.operation = OPERATION_ADD,
					 .kind = OBJECT_RULE,
					 .table = desired_table,
					 .chain = desired,
					 .rule = desired->rules.v[j],
					 .place = j,
					 .before = next};

		if (partner != NO_PARTNER) {
			next = live->rules.v[partner];
			if (fates->live[partner] == RULE_STAYS)
				continue;
			step.operation = OPERATION_REPLACE;
			step.old = next;
			step.before = NULL;
		}
		if (!array_push(&plan->steps, step))
			return false;
		additions++;
	}
	for (size_t i = 0; i < additions / 2; i++) { /* they were found from the end */
		struct plan_step *a = &plan->steps.v[begin + i];
		struct plan_step *b = &plan->steps.v[begin + additions - 1 - i];
		struct plan_step swap = *a;

		*a = *b;
		*b = swap;
	}
	return true;
}

bool plan_all_rules(const struct table *table, const struct chain *chain, struct plan *plan)
{
	for (size_t j = 0; j < chain->rules.n; j++)
		if (!array_push(&plan->steps, (struct plan_step){
						      .operation = OPERATION_ADD,
						      .kind = OBJECT_RULE,
						      .table = table,
						      .chain = chain,
						      .rule = chain->rules.v[j],
						      .place = j,
					      }))
			return false;
	return true;
}
