/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint/ranges.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

/* Intervals of a run. */
#define RUN_MAX 64
/* Shorter runs are copied into their neighbours, so that sets do not fall to pieces. */
#define RUN_SHARED 16

number number_max(size_t bytes)
{
	return bytes >= sizeof(number) ? ~(number)0 : ((number)1 << (8 * bytes)) - 1;
}

number number_read(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	number value = 0;

	for (size_t i = 0; i < length; i++)
		value = value << 8 | at[i];
	return value;
}

static number add(number a, number b)
{
	return a + b < a ? ~(number)0 : a + b;
}

static number width(const struct interval *v)
{
	return add(v->last - v->first, 1);
}

/* --- places ----------------------------------------------------------------------------------- */

struct at {
	size_t run; /* runs: behind the last */
	size_t i;
};

static const struct interval *at_get(const struct ranges *a, struct at at)
{
	return at.run < a->runs ? &a->run[at.run].v[at.i] : NULL;
}

static struct at at_next(const struct ranges *a, struct at at)
{
	return at.i + 1 < a->run[at.run].n ? (struct at){at.run, at.i + 1}
					   : (struct at){at.run + 1, 0};
}

/* The first interval that does not end below the value, from that run on. */
static struct at seek(const struct ranges *a, size_t run, number value)
{
	size_t low = run, high = a->runs;
	struct at at = {0};

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->run[middle].v[a->run[middle].n - 1].last < value)
			low = middle + 1;
		else
			high = middle;
	}
	at.run = low;
	if (low == a->runs)
		return at;
	high = a->run[low].n;
	while (at.i < high) {
		size_t middle = at.i + (high - at.i) / 2;

		if (a->run[low].v[middle].last < value)
			at.i = middle + 1;
		else
			high = middle;
	}
	return at;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A set that grows at its end. */
struct building {
	struct arena *arena;
	ARRAY(struct run) runs;
	struct interval tail[RUN_MAX]; /* the run that is not whole yet */
	size_t n;
};

/* Of the tail nothing needs to be zero. */
static void begin(struct building *b, struct arena *arena)
{
	b->arena = arena;
	b->runs.v = NULL;
	b->runs.n = b->runs.capacity = 0;
	b->n = 0;
}

static void push_run(struct building *b, const struct interval *v, size_t n, number count)
{
	if (!array_push(&b->runs, (struct run){v, n, count}))
		b->arena->failed = true;
}

static number tail_count(const struct building *b)
{
	number count = 0;

	for (size_t i = 0; i < b->n; i++)
		count = add(count, width(&b->tail[i]));
	return count;
}

static void flush(struct building *b)
{
	struct interval *kept = b->n ? arena_get(b->arena, b->n * sizeof(*kept)) : NULL;

	if (kept) {
		memcpy(kept, b->tail, b->n * sizeof(*kept));
		push_run(b, kept, b->n, tail_count(b));
	}
	b->n = 0;
}

static void put(struct building *b, number first, number last)
{
	if (b->n == RUN_MAX)
		flush(b);
	b->tail[b->n++] = (struct interval){first, last};
}

static void put_run(struct building *b, const struct run *run)
{
	if (run->n >= RUN_SHARED) {
		flush(b);
		push_run(b, run->v, run->n, run->count);
		return;
	}
	for (size_t i = 0; i < run->n; i++)
		put(b, run->v[i].first, run->v[i].last);
}

/* What of the set lies between two numbers; *run is where to look for it first, and next time. */
static void put_between(struct building *b, const struct ranges *a, number first, number last,
			size_t *run)
{
	struct at at = seek(a, *run, first);

	for (; at.run < a->runs; at = (struct at){at.run + 1, 0}) {
		const struct run *here = &a->run[at.run];

		*run = at.run;
		if (here->v[0].first > last)
			return;
		if (here->v[0].first >= first && here->v[here->n - 1].last <= last) {
			put_run(b, here);
			continue;
		}
		for (; at.i < here->n && here->v[at.i].first <= last; at.i++)
			put(b, here->v[at.i].first > first ? here->v[at.i].first : first,
			    here->v[at.i].last < last ? here->v[at.i].last : last);
		if (here->v[here->n - 1].last >= last)
			return;
	}
}

static struct ranges *alloc(struct arena *arena, size_t runs, size_t intervals)
{
	return arena_get(arena, sizeof(struct ranges) + runs * sizeof(struct run) +
					intervals * sizeof(struct interval));
}

/* Of sorted intervals that stand behind it. */
static const struct ranges *make_short(struct arena *arena, const struct interval *from, size_t n,
				       number count)
{
	struct ranges *made = alloc(arena, 1, n);
	struct interval *v;

	if (!made || !n)
		return made;
	v = (struct interval *)&made->run[1];
	memcpy(v, from, n * sizeof(*v));
	made->n = n;
	made->count = count;
	made->first = v[0].first;
	made->last = v[n - 1].last;
	made->runs = 1;
	made->run[0] = (struct run){v, n, count};
	return made;
}

static const struct ranges *finish(struct building *b)
{
	struct ranges *made;

	if (!b->runs.n)
		return make_short(b->arena, b->tail, b->n, tail_count(b));
	flush(b);
	made = alloc(b->arena, b->runs.n, 0);
	if (made) {
		const struct run *end = &b->runs.v[b->runs.n - 1];

		memcpy(made->run, b->runs.v, b->runs.n * sizeof(*made->run));
		made->runs = b->runs.n;
		made->first = b->runs.v[0].v[0].first;
		made->last = end->v[end->n - 1].last;
		array_for_each(run, &b->runs) {
			made->n += run->n;
			made->count = add(made->count, run->count);
		}
	}
	array_free(&b->runs);
	return made;
}

static int compare(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Of intervals by their first numbers. */
static const struct ranges *make_sorted(struct arena *arena, const struct interval *v, size_t n)
{
	struct interval last = n ? v[0] : (struct interval){0};
	struct building b;

	begin(&b, arena);
	for (size_t i = 1; i < n; i++) {
		if (last.last == ~(number)0 || v[i].first <= last.last + 1) {
			if (v[i].last > last.last)
				last.last = v[i].last;
		} else {
			put(&b, last.first, last.last);
			last = v[i];
		}
	}
	if (n)
		put(&b, last.first, last.last);
	return finish(&b);
}

const struct ranges *ranges_make(struct arena *arena, const struct interval *v, size_t n)
{
	const struct ranges *made;
	struct interval *sorted;
	size_t i = 1;

	while (i < n && v[i - 1].first <= v[i].first)
		i++;
	if (i >= n)
		return make_sorted(arena, v, n);
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted) {
		arena->failed = true;
		return NULL;
	}
	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), compare);
	made = make_sorted(arena, sorted, n);
	free(sorted);
	return made;
}

const struct ranges *ranges_one(struct arena *arena, number first, number last)
{
	const struct interval v = {first, last};

	return make_short(arena, &v, 1, width(&v));
}

const struct ranges *ranges_or(struct arena *arena, const struct ranges *const *sets, size_t n)
{
	ARRAY(struct interval) all = {0};
	const struct ranges *made;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		for (size_t run = 0; run < sets[i]->runs; run++)
			for (size_t j = 0; ok && j < sets[i]->run[run].n; j++)
				ok = array_push(&all, sets[i]->run[run].v[j]);
	made = ok ? ranges_make(arena, all.v, all.n) : NULL;
	arena->failed = arena->failed || !ok;
	array_free(&all);
	return made;
}

const struct ranges *ranges_and(struct arena *arena, const struct ranges *a, const struct ranges *b)
{
	const struct ranges *few = a->n < b->n ? a : b, *many = few == a ? b : a;
	struct building made;
	size_t run = 0;

	begin(&made, arena);
	for (struct at at = {0}; at_get(few, at); at = at_next(few, at))
		put_between(&made, many, at_get(few, at)->first, at_get(few, at)->last, &run);
	return finish(&made);
}

/* One interval without the set. */
static void put_without(struct building *b, const struct interval *from, const struct ranges *set,
			size_t *run)
{
	struct at at = seek(set, *run, from->first);
	number first = from->first;
	const struct interval *cut;

	for (*run = at.run; (cut = at_get(set, at)) && cut->first <= from->last;
	     at = at_next(set, at)) {
		*run = at.run;
		if (cut->first > first)
			put(b, first, cut->first - 1);
		if (cut->last >= from->last)
			return;
		first = cut->last + 1;
	}
	put(b, first, from->last);
}

/* The set between the few that are cut out of it. */
static void put_rest(struct building *b, const struct ranges *a, const struct ranges *few)
{
	number first = a->first;
	size_t run = 0;

	for (struct at at = seek(few, 0, first); at_get(few, at); at = at_next(few, at)) {
		const struct interval *cut = at_get(few, at);

		if (cut->first > first)
			put_between(b, a, first, cut->first - 1, &run);
		if (cut->last >= a->last)
			return;
		first = cut->last + 1;
	}
	put_between(b, a, first, a->last, &run);
}

const struct ranges *ranges_without(struct arena *arena, const struct ranges *a,
				    const struct ranges *b)
{
	struct building made;
	size_t run = 0;

	begin(&made, arena);
	if (a->n && b->n < a->n)
		put_rest(&made, a, b);
	else
		for (struct at at = {0}; at_get(a, at); at = at_next(a, at))
			put_without(&made, at_get(a, at), b, &run);
	return finish(&made);
}

/* --- asking ----------------------------------------------------------------------------------- */

const struct interval *ranges_at(const struct ranges *a, size_t i)
{
	size_t run = 0;

	for (; i >= a->run[run].n; run++)
		i -= a->run[run].n;
	return &a->run[run].v[i];
}

bool ranges_meet_interval(const struct ranges *a, number first, number last)
{
	const struct interval *found;

	if (!a->n || a->first > last || a->last < first)
		return false;
	found = at_get(a, seek(a, 0, first));
	return found && found->first <= last;
}

bool ranges_has(const struct ranges *a, number value)
{
	return ranges_meet_interval(a, value, value);
}

bool ranges_meet(const struct ranges *a, const struct ranges *b)
{
	const struct ranges *few = a->n < b->n ? a : b, *many = few == a ? b : a;

	if (!few->n || few->first > many->last || few->last < many->first)
		return false;
	for (struct at at = {0}; at_get(few, at); at = at_next(few, at))
		if (ranges_meet_interval(many, at_get(few, at)->first, at_get(few, at)->last))
			return true;
	return false;
}

bool ranges_within(const struct ranges *a, const struct ranges *b)
{
	struct at in_a = {0}, in_b = {0};
	const struct interval *inner, *outer;

	/* Each step leaves out at least an interval of a, and those that the same one of b has. */
	while ((inner = at_get(a, in_a))) {
		in_b = seek(b, in_b.run, inner->last);
		outer = at_get(b, in_b);
		if (!outer || outer->first > inner->first)
			return false;
		if (outer->last >= a->last)
			return true;
		in_a = seek(a, in_a.run, outer->last + 1);
	}
	return true;
}

bool ranges_equal(const struct ranges *a, const struct ranges *b)
{
	struct at in_a = {0}, in_b = {0};
	const struct interval *x, *y;

	if (a == b)
		return true;
	if (a->n != b->n || a->count != b->count || a->first != b->first || a->last != b->last)
		return false;
	while ((x = at_get(a, in_a)) && (y = at_get(b, in_b))) {
		if (x != y && (x->first != y->first || x->last != y->last))
			return false;
		in_a = at_next(a, in_a);
		in_b = at_next(b, in_b);
	}
	return true;
}

number ranges_count(const struct ranges *a, number limit)
{
	return a->count < limit ? a->count : limit;
}
