/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the kernel layer share: a namespace each, nft as the judge, plans by hand. */
#pragma once

#include "base/cleanup.h"
#include "kernel/kernel.h"

#include <criterion/criterion.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sched.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)

static struct kernel *kernel;
static struct untrack_error err;

static inline void set_up(void)
{
	struct netns own = NETNS_OWN;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	kernel = kernel_open(&own, &err);
	cr_assert_not_null(kernel, "%s", err.message);
}

static inline void tear_down(void)
{
	kernel_close(kernel);
	error_clear(&err);
}

/* ------------------------------------------------------------------ nft, the judge */

static inline void nft_file(const char *path)
{
	autofree char *command = NULL;

	cr_assert_gt(asprintf(&command, "nft -f '%s'", path), 0);
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Texts in here stand on few lines; nft wants a new one between closing braces. */
static inline void nft(const char *text)
{
	FILE *pipe = popen("nft -f -", "w");

	cr_assert_not_null(pipe);
	for (const char *c = text; *c; c++)
		fputs(c > text && !strncmp(c - 1, "} }", 3) ? "\n" : (char[]){*c, 0}, pipe);
	cr_assert_eq(pclose(pipe), 0, "%.200s", text);
}

/* The listing, without what moves by itself. */
static inline char *listing(void)
{
	FILE *pipe = popen("nft list ruleset | sed -E 's/expires [0-9a-z]+/expires/'", "r");
	struct buf text = {0};
	char chunk[4096];
	size_t len;

	cr_assert_not_null(pipe);
	while ((len = fread(chunk, 1, sizeof(chunk), pipe)) > 0)
		buf_put(&text, chunk, len);
	cr_assert_eq(pclose(pipe), 0);
	return buf_steal_text(&text);
}

static inline void assert_listing(const char *expected)
{
	autofree char *got = listing();
	size_t same = 0;

	while (expected[same] && expected[same] == got[same])
		same++;
	cr_assert_str_eq(got, expected, "they part at:\n%.300s\nexpected:\n%.300s", got + same,
			 expected + same);
}

/* ------------------------------------------------------------------ reading and plans */

static inline enum read_depth read_to(void *arg, uint8_t family, const char *table)
{
	(void)family, (void)table;
	return *(enum read_depth *)arg;
}

static inline struct ruleset *read_ruleset(enum read_depth depth)
{
	struct ruleset *ruleset = kernel_read(kernel, read_to, &depth, &err);

	cr_assert_not_null(ruleset, "%s", err.message);
	return ruleset;
}

static inline struct plan *make_plan(void)
{
	struct plan *plan = plan_new(0);

	cr_assert_not_null(plan);
	return plan;
}

static inline struct plan_step *push(struct plan *plan, struct plan_step step)
{
	cr_assert(array_push(&plan->steps, step));
	return &plan->steps.v[plan->steps.n - 1];
}

/* Everything in the table anew, each kind before those that name it. */
static inline void plan_table(struct plan *plan, const struct table *table)
{
	push(plan, (struct plan_step){.kind = OBJECT_TABLE, .table = table});
	array_for_each(object, &table->objects) {
		push(plan, (struct plan_step){
				   .kind = OBJECT_STATEFUL, .table = table, .object = *object});
	}
	array_for_each(flowtable, &table->flowtables) {
		push(plan, (struct plan_step){.kind = OBJECT_FLOWTABLE,
					      .table = table,
					      .flowtable = *flowtable});
	}
	array_for_each(set, &table->sets) {
		push(plan, (struct plan_step){.kind = OBJECT_SET, .table = table, .set = *set});
	}
	array_for_each(chain, &table->chains) {
		push(plan,
		     (struct plan_step){.kind = OBJECT_CHAIN, .table = table, .chain = *chain});
	}
	array_for_each(set, &table->sets) {
		if ((*set)->elements.at.n)
			push(plan, (struct plan_step){.kind = OBJECT_ELEMENT,
						      .table = table,
						      .set = *set,
						      .count = (uint32_t)(*set)->elements.at.n});
	}
	array_for_each(chain, &table->chains) {
		for (size_t i = 0; i < (*chain)->rules.n; i++)
			push(plan, (struct plan_step){.kind = OBJECT_RULE,
						      .table = table,
						      .chain = *chain,
						      .place = i,
						      .rule = (*chain)->rules.v[i]});
	}
}

static inline void commit(const struct plan *plan, uint32_t generation)
{
	enum commit_outcome outcome = kernel_commit(kernel, plan, generation, false, &err);

	cr_assert_eq(outcome, COMMIT_DONE, "%d %s", (int)outcome, err.message);
}

static inline void assert_refused(const struct plan *plan, enum error_code code,
				  const char *message)
{
	cr_assert_eq(kernel_commit(kernel, plan, 0, false, &err), COMMIT_FAILED);
	cr_assert_eq(err.code, code);
	cr_assert_str_eq(err.message, message);
	cr_assert_not(err.changed);
	error_clear(&err);
}

static inline uint32_t generation(void)
{
	uint32_t now = 0;

	cr_assert(kernel_generation(kernel, &now, &err), "%s", err.message);
	return now;
}

static inline struct table *only_table(const struct ruleset *ruleset)
{
	cr_assert_eq(ruleset->tables.n, 1);
	return ruleset->tables.v[0];
}

/* The ruleset of that text, read, and the namespace then empty again. */
static inline struct ruleset *desire(const char *text)
{
	struct ruleset *ruleset;

	nft(text);
	ruleset = read_ruleset(READ_ALL);
	nft("flush ruleset");
	return ruleset;
}
