/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transactions: generations, refusals, size, rights. */
#include "kernel_test.h"

#include "kernel/sysctl.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------ generations */

Test(commit, stale_plans_change_nothing, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *want =
		desire("table ip t { chain c { accept; } }");
	autoclean(plan_free_p) struct plan *plan = make_plan();
	uint32_t before = generation();

	plan_table(plan, only_table(want));
	nft("table ip other { }");
	cr_assert_eq(kernel_commit(kernel, plan, before, false, &err), COMMIT_STALE);
	cr_assert_not(error_is_set(&err));
	assert_listing("table ip other {\n}\n");
	commit(plan, generation());
	cr_assert_eq(generation(), before + 2);
}

Test(commit, dry_runs_change_nothing, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *want =
		desire("table ip t { chain c { accept; } }");
	autoclean(plan_free_p) struct plan *plan = make_plan(), *none = make_plan();
	uint32_t before = generation();

	plan_table(plan, only_table(want));
	cr_assert_eq(kernel_commit(kernel, plan, before, true, &err), COMMIT_DONE, "%s",
		     err.message);
	cr_assert_eq(kernel_commit(kernel, none, before, false, &err), COMMIT_DONE);
	cr_assert_eq(generation(), before);
	assert_listing("");
	plan->steps.v[0].operation = OPERATION_DELETE;
	cr_assert_eq(kernel_commit(kernel, plan, before, true, &err), COMMIT_FAILED);
}

/* A foreign program that commits all the time. Ends with its parent, at the latest by the alarm. */
static void __attribute__((noreturn)) write_on_and_on(void)
{
	struct table *table = table_new(NFPROTO_IPV4, "other");
	struct plan *plan = plan_new(0);
	struct netns own = NETNS_OWN;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(30);
	kernel = kernel_open(&own, &err);
	array_push(&plan->steps, (struct plan_step){.kind = OBJECT_TABLE, .table = table});
	for (;;) {
		kernel_commit(kernel, plan, 0, false, NULL);
		plan->steps.v[0].operation ^= OPERATION_ADD ^ OPERATION_DELETE;
		usleep(2000);
	}
}

/* What is read is whole, however often someone commits meanwhile; or it says that it is not. */
Test(commit, reads_whole_rulesets_while_others_write, .init = set_up, .fini = tear_down)
{
	struct buf text = {0};
	uint32_t before;
	pid_t writer;
	int whole = 0;

	buf_puts(&text, "table ip t { set big { type mark; elements = { 1");
	for (int i = 2; i <= 5000; i++)
		buf_printf(&text, ",%d", i);
	buf_puts(&text, "} } }");
	nft(buf_text(&text));
	buf_free(&text);
	before = generation();
	writer = fork();
	if (writer == 0)
		write_on_and_on();
	while (generation() == before)
		usleep(1000);
	for (int i = 0; i < 3; i++) {
		enum read_depth depth = READ_ALL;
		autoclean(ruleset_free_p) struct ruleset *ruleset =
			kernel_read(kernel, read_to, &depth, &err);

		if (ruleset) {
			const struct table *table = ruleset_find(ruleset, NFPROTO_IPV4, "t");

			cr_assert_eq(table_find_set(table, "big")->elements.at.n, 5000);
			whole++;
		} else {
			cr_assert_eq(err.code, ERROR_CHANGED, "%s", err.message);
			error_clear(&err);
		}
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	cr_log_info("%d of 3 readings were whole", whole);
}

/* Someone commits right in the middle of a reading, that many times. */
static enum read_depth read_while_changing(void *arg, uint8_t family, const char *name)
{
	int *times = arg;
	struct table *table = table_new(NFPROTO_IPV4, "other");
	autoclean(plan_free_p) struct plan *plan = make_plan();
	autoclean(kernel_close_p) struct kernel *other = kernel_open(&NETNS_OWN, &err);

	if (!strcmp(name, "t") && *times > 0) {
		push(plan,
		     (struct plan_step){.operation = *times % 2 ? OPERATION_DELETE : OPERATION_ADD,
					.kind = OBJECT_TABLE,
					.table = table});
		cr_assert_eq(kernel_commit(other, plan, 0, false, &err), COMMIT_DONE, "%s",
			     err.message);
		--*times;
	}
	(void)family;
	table_free(table);
	return READ_ALL;
}

Test(commit, reads_again_when_it_changed, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	int times = 4;

	nft("table ip t { chain c { accept; } }");
	ruleset = kernel_read(kernel, read_while_changing, &times, &err);
	cr_assert_not_null(ruleset, "%s", err.message);
	cr_assert_eq(times, 0);
	cr_assert_eq(ruleset->generation, generation());
	times = 1000;
	cr_assert_null(kernel_read(kernel, read_while_changing, &times, &err));
	cr_assert_eq(err.code, ERROR_CHANGED);
	cr_assert_gt(times, 900);
}

/* An element may expire between reading and deleting: then the plan is out of date, not wrong. */
Test(commit, plans_age_with_expiring_elements, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *live = desire(
		"table ip t { set s { type mark; flags timeout; elements = { 1 timeout 1d } } }");
	autoclean(plan_free_p) struct plan *plan = make_plan();
	struct table *table = only_table(live);

	nft("table ip t { set s { type mark; flags timeout; } }");
	push(plan, (struct plan_step){.operation = OPERATION_DELETE,
				      .kind = OBJECT_ELEMENT,
				      .table = table,
				      .set = table->sets.v[0],
				      .count = 1});
	cr_assert_eq(kernel_commit(kernel, plan, generation(), false, &err), COMMIT_STALE);
	cr_assert_not(error_is_set(&err));
}

/* ------------------------------------------------------------------ refusals */

Test(commit, refusals_are_told_in_the_plans_words, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *want = desire(
		"table inet t { set s { type inet_service; elements = { 80, 443 } }\n"
		"set a { type ipv4_addr . mark; elements = { 192.0.2.1 . 7 } }\n"
		"chain d { accept; }\n"
		"chain c { type filter hook input priority 0; accept; tcp dport @s jump d; } }");
	struct table *t = only_table(want);
	struct chain *c = table_find_chain(t, "c");
	struct set *s = table_find_set(t, "s");
	struct rule *rule = c->rules.v[1];
	autoclean(plan_free_p) struct plan *plan = make_plan();
	struct plan_step step = {
		.kind = OBJECT_RULE, .table = t, .chain = c, .rule = rule, .place = 1};

	rule->origin = strdup("service 'web'");
	push(plan, step);
	nft("table inet t { chain c { type filter hook input priority 7; }; set s { type "
	    "inet_service; elements = { 443 } } }");
	assert_refused(
		plan, ERROR_KERNEL,
		"the kernel refused rule 2 of chain inet t c (service 'web'): No such file or "
		"directory, at expression 5 (immediate); something that it names does not exist");
	plan->steps.n = 0;
	push(plan, (struct plan_step){.kind = OBJECT_ELEMENT, .table = t, .set = s, .count = 2});
	assert_refused(
		plan, ERROR_KERNEL,
		"the kernel refused elements of set inet t s: File exists, at element 443; it, "
		"or an interval that overlaps it, is there already");
	plan->steps.v[0].operation = OPERATION_DELETE;
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused to delete elements of set inet t s: No such file or "
		       "directory, at element 80; it is gone already");
	plan->steps.n = 0;
	push(plan,
	     (struct plan_step){
		     .operation = OPERATION_REPLACE, .kind = OBJECT_CHAIN, .table = t, .chain = c});
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused to change chain inet t c: Operation not supported; that "
		       "cannot change in place");
	plan->steps.v[0] = (struct plan_step){.kind = OBJECT_TABLE, .table = t};
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused table inet t: File exists; there is one of that name "
		       "already");
}

Test(commit, owned_tables_are_left_alone, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *want = desire("table ip t { chain c { } }"),
						 *live = NULL;
	autoclean(plan_free_p) struct plan *plan = make_plan();
	FILE *owner = popen("nft -i >/dev/null 2>&1", "w");

	fputs("add table ip t { flags owner; }\n", owner);
	fflush(owner);
	for (int i = 0; i < 200; i++) {
		ruleset_free(live);
		live = read_ruleset(READ_ALL);
		if (live->tables.n)
			break;
		usleep(10000);
	}
	cr_assert(only_table(live)->unknown);
	push(plan, (struct plan_step){.kind = OBJECT_CHAIN,
				      .table = only_table(want),
				      .chain = only_table(want)->chains.v[0]});
	assert_refused(plan, ERROR_CONFLICT,
		       "the kernel refused chain ip t c: Operation not permitted; another process "
		       "owns that table");
	pclose(owner);
}

Test(commit, needs_the_right_to_change, .init = set_up, .fini = tear_down)
{
	uint32_t now;

	cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	cr_assert_not(kernel_generation(kernel, &now, &err));
	cr_assert_eq(err.code, ERROR_PERMISSION);
	cr_assert_not_null(strstr(err.message, "needs CAP_NET_ADMIN in this network namespace"));
}

/* ------------------------------------------------------------------ size */

static struct set *big_set(uint32_t count)
{
	struct set *set = set_new("big");

	set->flags = 0;
	attr_put_be32(&set->attrs, NFTA_SET_KEY_TYPE, 7);
	attr_put_be32(&set->attrs, NFTA_SET_KEY_LEN, 4);
	for (uint32_t i = 0; i < count; i++) {
		size_t begin = element_begin(&set->elements);
		size_t key = attr_nest_begin(&set->elements.bytes, NFTA_SET_ELEM_KEY);

		attr_put_be32(&set->elements.bytes, NFTA_DATA_VALUE, 0x0a000000 + i);
		attr_nest_end(&set->elements.bytes, key);
		element_end(&set->elements, begin);
	}
	elements_sort(&set->elements);
	return set;
}

Test(commit, large_changes_are_one_transaction, .init = set_up, .fini = tear_down)
{
	enum { COUNT = 200000 };
	struct table *table = table_new(NFPROTO_INET, "t");
	autoclean(plan_free_p) struct plan *plan = make_plan();
	uint32_t before = generation();
	struct set *set = big_set(COUNT);

	array_push(&table->sets, set);
	plan_table(plan, table);
	commit(plan, before);
	cr_assert_eq(generation(), before + 1);
	/* As many again: one refusal for each message, and nothing changes. */
	push(plan, (struct plan_step){.operation = OPERATION_DELETE,
				      .kind = OBJECT_ELEMENT,
				      .table = table,
				      .set = set,
				      .first = 7,
				      .count = COUNT - 7});
	plan->steps.v[0] = plan->steps.v[plan->steps.n - 1];
	plan->steps.n = 1;
	commit(plan, before + 1);
	cr_assert_eq(kernel_commit(kernel, plan, before + 2, false, &err), COMMIT_FAILED);
	cr_assert_eq(generation(), before + 2);
	assert_listing(
		"table inet t {\n\tset big {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.0, "
		"10.0.0.1,\n\t\t\t     10.0.0.2, 10.0.0.3,\n\t\t\t     10.0.0.4, 10.0.0.5,\n"
		"\t\t\t     10.0.0.6 }\n\t}\n}\n");
	table_free(table);
}

/* Without privilege: in a scratch namespace, through its user namespace, and what does not fit into
 * the socket's buffer there. Returns what is wrong, or NULL. */
static const char *work_unprivileged(struct plan *small, struct plan *large)
{
	autonetns ns = NETNS_OWN;
	autoclean(kernel_close_p) struct kernel *scratch = NULL;

	if (setresuid(65534, 65534, 65534) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		return "no other user";
	if (!netns_scratch(&ns, &err))
		return err.message;
	scratch = kernel_open(&ns, &err);
	if (!scratch || kernel_commit(scratch, small, 0, false, &err) != COMMIT_DONE)
		return err.message;
	if (kernel_commit(scratch, large, 0, false, &err) != COMMIT_FAILED)
		return "the large change fitted";
	return strstr(err.message, "more than this process may send") ? NULL : err.message;
}

Test(commit, works_without_privilege, .init = set_up, .fini = tear_down)
{
	struct table *table = table_new(NFPROTO_INET, "t"), *other = table_new(NFPROTO_INET, "o");
	autoclean(plan_free_p) struct plan *small = make_plan(), *large = make_plan();
	enum { ELEMENT_SIZE = 16 };
	const char *wrong;
	uint64_t room = 0;
	int status;
	pid_t pid;

	plan_table(small, other);
	cr_assert(sysctl_read("net.core.wmem_max", &room, &err), "%s", err.message);
	array_push(&table->sets, big_set((uint32_t)(2 * room / ELEMENT_SIZE + 1)));
	plan_table(large, table);
	pid = fork(); /* Criterion's processes have threads, which may not change user namespaces */
	if (pid == 0) {
		wrong = work_unprivileged(small, large);
		if (wrong)
			fprintf(stderr, "%s\n", wrong);
		_exit(wrong ? 1 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	table_free(table);
	table_free(other);
}
