/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/kernel.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)

static struct kernel *kernel;
static struct untrack_error err;

static void set_up(void)
{
	struct netns own = NETNS_OWN;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	kernel = kernel_open(&own, &err);
	cr_assert_not_null(kernel, "%s", err.message);
}

static void tear_down(void)
{
	kernel_close(kernel);
	error_clear(&err);
}

/* --- nft, the judge ---------------------------------------------------------------------------------------- */

static void nft_file(const char *path)
{
	autofree char *command = NULL;

	cr_assert_gt(asprintf(&command, "nft -f '%s'", path), 0);
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Texts in here stand on few lines; nft wants a new one between closing braces. */
static void nft(const char *text)
{
	FILE *pipe = popen("nft -f -", "w");

	cr_assert_not_null(pipe);
	for (const char *c = text; *c; c++)
		fputs(c > text && !strncmp(c - 1, "} }", 3) ? "\n" : (char[]){*c, 0}, pipe);
	cr_assert_eq(pclose(pipe), 0, "%.200s", text);
}

/* The listing, without what moves by itself. */
static char *listing(void)
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

static void assert_listing(const char *expected)
{
	autofree char *got = listing();
	size_t same = 0;

	while (expected[same] && expected[same] == got[same])
		same++;
	cr_assert_str_eq(got, expected, "they part at:\n%.300s\nexpected:\n%.300s", got + same,
			 expected + same);
}

/* --- reading and plans ------------------------------------------------------------------------------------- */

static enum read_depth read_to(void *arg, uint8_t family, const char *table)
{
	(void)family, (void)table;
	return *(enum read_depth *)arg;
}

static struct ruleset *read_ruleset(enum read_depth depth)
{
	struct ruleset *ruleset = kernel_read(kernel, read_to, &depth, &err);

	cr_assert_not_null(ruleset, "%s", err.message);
	return ruleset;
}

static struct plan *make_plan(void)
{
	struct plan *plan = plan_new(0);

	cr_assert_not_null(plan);
	return plan;
}

static struct plan_step *push(struct plan *plan, struct plan_step step)
{
	cr_assert(array_push(&plan->steps, step));
	return &plan->steps.v[plan->steps.n - 1];
}

/* Everything in the table anew, each kind before those that name it. */
static void plan_table(struct plan *plan, const struct table *table)
{
	push(plan, (struct plan_step){.kind = OBJECT_TABLE, .table = table});
	array_for_each(object, &table->objects) {
		push(plan, (struct plan_step){.kind = OBJECT_STATEFUL, .table = table,
					      .object = *object});
	}
	array_for_each(flowtable, &table->flowtables) {
		push(plan, (struct plan_step){.kind = OBJECT_FLOWTABLE, .table = table,
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
			push(plan, (struct plan_step){.kind = OBJECT_ELEMENT, .table = table,
						      .set = *set,
						      .count = (uint32_t)(*set)->elements.at.n});
	}
	array_for_each(chain, &table->chains) {
		for (size_t i = 0; i < (*chain)->rules.n; i++)
			push(plan, (struct plan_step){.kind = OBJECT_RULE, .table = table,
						      .chain = *chain, .place = i,
						      .rule = (*chain)->rules.v[i]});
	}
}

static void commit(const struct plan *plan, uint32_t generation)
{
	enum commit_outcome outcome = kernel_commit(kernel, plan, generation, false, &err);

	cr_assert_eq(outcome, COMMIT_DONE, "%d %s", (int)outcome, err.message);
}

static void assert_refused(const struct plan *plan, enum error_code code, const char *message)
{
	cr_assert_eq(kernel_commit(kernel, plan, 0, false, &err), COMMIT_FAILED);
	cr_assert_eq(err.code, code);
	cr_assert_str_eq(err.message, message);
	cr_assert_not(err.changed);
	error_clear(&err);
}

static uint32_t generation(void)
{
	uint32_t now = 0;

	cr_assert(kernel_generation(kernel, &now, &err), "%s", err.message);
	return now;
}

/* --- what is read goes back ----------------------------------------------------------------------------------- */

Test(kernel, takes_back_what_it_gave, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	autoclean(plan_free_p) struct plan *plan = make_plan();
	autofree char *before = NULL;

	nft_file(TEST_DATA "/kernel/rich.nft");
	before = listing();
	ruleset = read_ruleset(READ_ALL);
	cr_assert_eq(ruleset->generation, generation());
	nft("flush ruleset");
	array_for_each(table, &ruleset->tables) {
		cr_assert((*table)->contents_read);
		cr_assert_not((*table)->unknown, "%s", (*table)->name);
		plan_table(plan, *table);
	}
	commit(plan, generation());
	assert_listing(before);
}

static struct table *only_table(const struct ruleset *ruleset)
{
	cr_assert_eq(ruleset->tables.n, 1);
	return ruleset->tables.v[0];
}

Test(kernel, reads_only_as_deep_as_asked, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *names = NULL, *chains = NULL, *rules = NULL;
	struct table *table;

	nft("table ip t { counter c { }; set named { type mark; elements = { 1 } }\n"
	    "chain x { tcp dport { 1, 2, 3 } accept; } }");
	names = read_ruleset(READ_NAME);
	table = only_table(names);
	cr_assert_str_eq(table->name, "t");
	cr_assert_eq(table->family, NFPROTO_IPV4);
	cr_assert_not(table->contents_read);
	cr_assert_eq(table->chains.n, 0);

	chains = read_ruleset(READ_CHAINS);
	table = only_table(chains);
	cr_assert(table->contents_read);
	cr_assert_eq(table->chains.n, 1);
	cr_assert_not(table->chains.v[0]->rules_read);
	cr_assert_eq(table->sets.n, 0);

	rules = read_ruleset(READ_RULES);
	table = only_table(rules);
	cr_assert_eq(table->chains.v[0]->rules.n, 1);
	cr_assert(table->chains.v[0]->rules_read);
	cr_assert_neq(table->chains.v[0]->rules.v[0]->handle, 0);
	cr_assert_eq(table->sets.n, 2);
	cr_assert_eq(table->objects.n, 0);
	array_for_each(set, &table->sets) {
		cr_assert_eq((*set)->elements_read, set_is_anonymous(*set));
		cr_assert_eq((*set)->elements.at.n, set_is_anonymous(*set) ? 3 : 0);
	}
}

Test(kernel, marks_what_cannot_go_back, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;

	cr_assert_eq(system("iptables-nft -t raw -A PREROUTING -p udp -m comment --comment x "
			    "-j CT --notrack"), 0);
	nft("table inet mine { chain c { accept; } }");
	ruleset = read_ruleset(READ_ALL);
	cr_assert(ruleset_find(ruleset, NFPROTO_IPV4, "raw")->unknown);
	cr_assert_not(ruleset_find(ruleset, NFPROTO_INET, "mine")->unknown);
}

/* --- changes in place --------------------------------------------------------------------------------------------- */

/* The ruleset of that text, read, and the namespace then empty again. */
static struct ruleset *desire(const char *text)
{
	struct ruleset *ruleset;

	nft(text);
	ruleset = read_ruleset(READ_ALL);
	nft("flush ruleset");
	return ruleset;
}

/* Reads the live ruleset of `before`, after `want` was read from `after`; the listing of `after`. */
static char *live_and_wanted(const char *before, const char *after, struct ruleset **ret_live,
			     struct ruleset **ret_want)
{
	char *expected;

	nft(after);
	expected = listing();
	*ret_want = read_ruleset(READ_ALL);
	nft("flush ruleset");
	nft(before);
	*ret_live = read_ruleset(READ_ALL);
	return expected;
}

Test(kernel, rules_take_their_places, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *live = NULL, *want = NULL;
	autoclean(plan_free_p) struct plan *plan = make_plan();
	autofree char *expected = live_and_wanted(
		"table ip t { chain c { tcp dport 1 accept; tcp dport 2 accept; tcp dport 3 accept; } }",
		"table ip t { chain c { tcp dport { 8, 9 } accept; tcp dport 1 accept; tcp dport 22 "
		"counter drop; udp dport 4 accept; } }", &live, &want);
	struct table *old = only_table(live), *new = only_table(want);
	struct chain *from = old->chains.v[0], *to = new->chains.v[0];
	struct plan_step step = {.kind = OBJECT_RULE, .table = new, .chain = to};
	uint64_t handle = from->rules.v[1]->handle;
	autoclean(ruleset_free_p) struct ruleset *now = NULL;

	step.operation = OPERATION_DELETE;
	step.rule = from->rules.v[2];
	push(plan, step);
	step.operation = OPERATION_ADD;
	step.rule = to->rules.v[0];
	step.before = from->rules.v[0];
	push(plan, step);
	step.operation = OPERATION_REPLACE;
	step.rule = to->rules.v[2];
	step.old = from->rules.v[1];
	step.before = NULL;
	push(plan, step);
	step.operation = OPERATION_ADD;
	step.rule = to->rules.v[3];
	step.old = NULL;
	push(plan, step);
	commit(plan, live->generation);
	assert_listing(expected);
	now = read_ruleset(READ_RULES);
	cr_assert_eq(only_table(now)->chains.v[0]->rules.v[2]->handle, handle);
}

Test(kernel, objects_change_in_place, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *live = NULL, *want = NULL;
	autoclean(plan_free_p) struct plan *plan = make_plan();
	autofree char *expected = live_and_wanted(
		"table ip t { quota q { over 1 mbytes }; set s { type mark; flags timeout; timeout 1h; "
		"size 10; elements = { 1 } };"
		"chain c { type filter hook input priority 0; policy accept; } }",
		"table ip t { flags dormant; quota q { over 2 mbytes }; set s { type mark; "
		"flags timeout; timeout 2h; size 20; elements = { 1 timeout 1h } };"
		"chain c { type filter hook input priority 0; policy drop; } }", &live, &want);
	const struct table *new = only_table(want);
	struct plan_step step = {.operation = OPERATION_REPLACE, .table = new};

	step.kind = OBJECT_TABLE;
	push(plan, step);
	step.kind = OBJECT_STATEFUL;
	step.object = new->objects.v[0];
	push(plan, step);
	step.kind = OBJECT_SET;
	step.set = new->sets.v[0];
	push(plan, step);
	step.kind = OBJECT_CHAIN;
	step.chain = new->chains.v[0];
	push(plan, step);
	commit(plan, live->generation);
	assert_listing(expected);
}

Test(kernel, deletes_every_kind, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *live = NULL, *want = NULL;
	autoclean(plan_free_p) struct plan *plan = make_plan();
	autofree char *expected = live_and_wanted(
		"table ip t { counter c { }; set s { type ipv4_addr; flags interval; elements = { "
		"10.0.0.0/8, 11.0.0.0-11.0.0.9 comment \"x\", 12.0.0.0/8 } }\n"
		"set gone { type mark; elements = { 1 } }; chain gone { accept; }; chain c { accept; } }\n"
		"table ip6 gone { }",
		"table ip t { set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }\n"
		"chain c { } }", &live, &want);
	struct table *t = ruleset_find(live, NFPROTO_IPV4, "t");
	struct plan_step step = {.operation = OPERATION_DELETE, .table = t};

	step.kind = OBJECT_STATEFUL;
	step.object = t->objects.v[0];
	push(plan, step);
	step.kind = OBJECT_ELEMENT;
	step.set = table_find_set(t, "s");
	cr_assert_geq(step.set->elements.at.n, 6);
	step.count = 4; /* ends and starts */
	step.first = (uint32_t)step.set->elements.at.n - 4;
	push(plan, step);
	step.kind = OBJECT_SET;
	step.set = table_find_set(t, "gone");
	push(plan, step);
	step.chain = table_find_chain(t, "c");
	step.kind = OBJECT_CHAIN;
	step.operation = OPERATION_FLUSH;
	push(plan, step);
	step.kind = OBJECT_CHAIN;
	step.chain = table_find_chain(t, "gone");
	push(plan, step);
	step.operation = OPERATION_DELETE;
	push(plan, step);
	step.kind = OBJECT_TABLE;
	step.table = ruleset_find(live, NFPROTO_IPV6, "gone");
	push(plan, step);
	commit(plan, live->generation);
	assert_listing(expected);
}

/* --- generations ------------------------------------------------------------------------------------------------------ */

Test(kernel, stale_plans_change_nothing, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *want = desire("table ip t { chain c { accept; } }");
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

Test(kernel, dry_runs_change_nothing, .init = set_up, .fini = tear_down)
{
	autoclean(ruleset_free_p) struct ruleset *want = desire("table ip t { chain c { accept; } }");
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
Test(kernel, reads_whole_rulesets_while_others_write, .init = set_up, .fini = tear_down)
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
		push(plan, (struct plan_step){.operation = *times % 2 ? OPERATION_DELETE
								       : OPERATION_ADD,
					      .kind = OBJECT_TABLE, .table = table});
		cr_assert_eq(kernel_commit(other, plan, 0, false, &err), COMMIT_DONE, "%s",
			     err.message);
		--*times;
	}
	(void)family;
	table_free(table);
	return READ_ALL;
}

Test(kernel, reads_again_when_it_changed, .init = set_up, .fini = tear_down)
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

/* --- refusals ------------------------------------------------------------------------------------------------------------ */

Test(kernel, refusals_are_told_in_the_plans_words, .init = set_up, .fini = tear_down)
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
	struct plan_step step = {.kind = OBJECT_RULE, .table = t, .chain = c, .rule = rule,
				 .place = 1};

	rule->origin = strdup("service 'web'");
	push(plan, step);
	nft("table inet t { chain c { type filter hook input priority 7; }; set s { type inet_service; elements = { 443 } } }");
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused rule 2 of chain inet t c (service 'web'): No such file or "
		       "directory, at expression 5 (immediate); something that it names does not exist");
	plan->steps.n = 0;
	push(plan, (struct plan_step){.kind = OBJECT_ELEMENT, .table = t, .set = s, .count = 2});
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused elements of set inet t s: File exists, at element 443; it, "
		       "or an interval that overlaps it, is there already");
	plan->steps.v[0].operation = OPERATION_DELETE;
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused to delete elements of set inet t s: No such file or "
		       "directory, at element 80; it is gone already");
	plan->steps.n = 0;
	push(plan, (struct plan_step){.operation = OPERATION_REPLACE, .kind = OBJECT_CHAIN,
				      .table = t, .chain = c});
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused to change chain inet t c: Operation not supported; that "
		       "cannot change in place");
	plan->steps.v[0] = (struct plan_step){.kind = OBJECT_TABLE, .table = t};
	assert_refused(plan, ERROR_KERNEL,
		       "the kernel refused table inet t: File exists; there is one of that name "
		       "already");
}

Test(kernel, owned_tables_are_left_alone, .init = set_up, .fini = tear_down)
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
	push(plan, (struct plan_step){.kind = OBJECT_CHAIN, .table = only_table(want),
				      .chain = only_table(want)->chains.v[0]});
	assert_refused(plan, ERROR_CONFLICT,
		       "the kernel refused chain ip t c: Operation not permitted; another process "
		       "owns that table");
	pclose(owner);
}

Test(kernel, needs_the_right_to_change, .init = set_up, .fini = tear_down)
{
	uint32_t now;

	cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	cr_assert_not(kernel_generation(kernel, &now, &err));
	cr_assert_eq(err.code, ERROR_PERMISSION);
	cr_assert_not_null(strstr(err.message, "needs CAP_NET_ADMIN in this network namespace"));
}

/* --- size ------------------------------------------------------------------------------------------------------------------ */

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

Test(kernel, large_changes_are_one_transaction, .init = set_up, .fini = tear_down)
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
	push(plan, (struct plan_step){.operation = OPERATION_DELETE, .kind = OBJECT_ELEMENT,
				      .table = table, .set = set, .first = 7, .count = COUNT - 7});
	plan->steps.v[0] = plan->steps.v[plan->steps.n - 1];
	plan->steps.n = 1;
	commit(plan, before + 1);
	cr_assert_eq(kernel_commit(kernel, plan, before + 2, false, &err), COMMIT_FAILED);
	cr_assert_eq(generation(), before + 2);
	assert_listing("table inet t {\n\tset big {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.0, "
		       "10.0.0.1,\n\t\t\t     10.0.0.2, 10.0.0.3,\n\t\t\t     10.0.0.4, 10.0.0.5,\n"
		       "\t\t\t     10.0.0.6 }\n\t}\n}\n");
	table_free(table);
}
