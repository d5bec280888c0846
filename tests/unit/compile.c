/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies of compile-golden/ are compiled, committed into an empty namespace and read back:
 * nothing may differ. Their listing is NAME.nft (UNTRACK_UPDATE_GOLDEN=1 writes it), and what is
 * saved by listing and loaded again by nft must be the same table still.
 */
#include "compile/compile.h"

#include "base/cleanup.h"
#include "diff/diff.h"
#include "document/document.h"
#include "document/nft.h"
#include "kernel/kernel.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)
DEFINE_AUTOCLEAN(struct document, document_free)

#define FOLDER TEST_DATA "/compile-golden/"

static enum read_depth whole(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_ALL;
}

static struct ruleset *read_back(const struct netns *ns)
{
	autoerror err = ERROR_INIT;
	autoclean(kernel_close_p) struct kernel *kernel = kernel_open(ns, &err);
	struct ruleset *ruleset = kernel ? kernel_read(kernel, whole, NULL, &err) : NULL;

	cr_assert_not_null(ruleset, "%s", err.message);
	return ruleset;
}

static void run(const struct netns *ns, const char *commands, char **ret_output)
{
	autoerror err = ERROR_INIT;

	cr_assert(nft_run(ns, commands, 0, ret_output, &err), "%s", err.message);
}

static struct ruleset *load_user_rules(const struct policy *policy)
{
	autonetns ns = NETNS_OWN;
	autoerror err = ERROR_INIT;

	if (!policy->rules.n)
		return NULL;
	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	run(&ns,
	    "table inet untrack {\n"
	    "chain prerouting { type filter hook prerouting priority raw; }\n"
	    "chain output { type filter hook output priority raw; }\n}\n",
	    NULL);
	array_for_each(rule, &policy->rules) {
		autobuf json = {0};

		buf_printf(&json,
			   "{\"nftables\": [{\"add\": {\"rule\": {\"family\": \"inet\", \"table\": "
			   "\"untrack\", \"chain\": \"%s\", \"expr\": %s}}}]}",
			   rule->output ? "output" : "prerouting", rule->expr);
		run(&ns, buf_text(&json), NULL);
	}
	return read_back(&ns);
}

static void commit(const struct netns *ns, const struct table *desired)
{
	autoerror err = ERROR_INIT;
	autoclean(kernel_close_p) struct kernel *kernel = kernel_open(ns, &err);
	autoclean(plan_free_p) struct plan *plan = plan_new(0);

	cr_assert_not_null(kernel, "%s", err.message);
	cr_assert(diff_tables(NULL, desired, plan, &err), "%s", err.message);
	cr_assert_eq(kernel_commit(kernel, plan, 0, false, &err), COMMIT_DONE, "%s", err.message);
}

static void is_loaded(const struct netns *ns, const struct table *desired, const char *when)
{
	autoclean(ruleset_free_p) struct ruleset *live = read_back(ns);
	struct table *table = ruleset_find(live, desired->family, desired->name);
	autoclean(plan_free_p) struct plan *plan = plan_new(0);
	autoerror err = ERROR_INIT;

	cr_assert(diff_tables(table, desired, plan, &err), "%s", err.message);
	array_for_each(step, &plan->steps) {
		fprintf(stderr, "%s: operation %d kind %d %s %s rule %zu\n", when,
			(int)step->operation, (int)step->kind, step->chain ? step->chain->name : "",
			step->set ? step->set->name : "", step->place);
	}
	cr_assert(plan_is_empty(plan), "%s: a difference", when);
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	autobuf text = {0};
	char block[4096];
	size_t n;

	cr_assert_not_null(file, "%s", path);
	while ((n = fread(block, 1, sizeof(block), file)))
		buf_put(&text, block, n);
	fclose(file);
	return buf_steal_text(&text);
}

static void golden_listing(const char *name, const char *listing)
{
	char path[512];
	autofree char *expected = NULL;
	FILE *file;

	snprintf(path, sizeof(path), FOLDER "%s.nft", name);
	if (getenv("UNTRACK_UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		cr_assert_not_null(file);
		fputs(listing, file);
		fclose(file);
		return;
	}
	expected = read_file(path);
	cr_assert(!strcmp(listing, expected), "%s: got\n%s", path, listing);
}

static struct document *read_policy(const char *name)
{
	struct document *document;
	autoerror err = ERROR_INIT;
	char path[512];
	const char *const paths[] = {path};

	snprintf(path, sizeof(path), FOLDER "%s.json", name);
	document = document_read(paths, 1, &err);
	cr_assert_not_null(document, "%s: %s", path, err.message);
	return document;
}

/* Loads, compares, lists, saves, loads again, compares. */
static void check_table(const char *name, const struct table *desired, bool golden)
{
	autonetns ns = NETNS_OWN, other = NETNS_OWN;
	autofree char *listing = NULL, *again = NULL;
	autoerror err = ERROR_INIT;

	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	cr_assert(netns_scratch(&other, &err), "%s", err.message);
	commit(&ns, desired);
	is_loaded(&ns, desired, "committed");
	run(&ns, "list ruleset", &listing);
	if (golden)
		golden_listing(name, listing);
	run(&other, listing, NULL);
	run(&other, "list ruleset", &again);
	cr_assert_str_eq(listing, again);
	is_loaded(&other, desired, "listed and loaded by nft");
}

static struct table *compile(const struct policy *policy)
{
	autoclean(ruleset_free_p) struct ruleset *rules = load_user_rules(policy);
	autoerror err = ERROR_INIT;
	struct table *table = compile_table(policy, rules ? rules->tables.v[0] : NULL, &err);

	cr_assert_not_null(table, "%s", err.message);
	return table;
}

struct golden {
	char name[32];
};

ParameterizedTestParameters(compile, policies)
{
	static struct golden cases[] = {
		{"roles"},     {"interfaces"}, {"portless"},   {"ip-table"},
		{"ip6-table"}, {"keep-few"},   {"keep-pairs"}, {"keep-long"},
		{"keep-many"}, {"rules"},      {"rules-only"}, {"empty"},
		{"overlap"},   {"long"},       {"keys-three"}, {"keys-four"},
	};

	return cr_make_param_array(struct golden, cases, sizeof(cases) / sizeof(*cases));
}

ParameterizedTest(struct golden *golden, compile, policies)
{
	autoclean(document_free_p) struct document *document = read_policy(golden->name);
	autoclean(table_free_p) struct table *table = compile(document->policy);

	check_table(golden->name, table, true);
}

/* ------------------------------------------------------------------ accept rules */

static void check_accept(const char *golden, const struct policy *policy, size_t index,
			 struct accept_directions directions)
{
	autoerror err = ERROR_INIT;
	autoclean(table_free_p) struct table *table =
		compile_accept(policy, &policy->accept_in.v[index], directions, &err);

	cr_assert_not_null(table, "%s", err.message);
	cr_assert_eq(table->chains.n, 1);
	cr_assert_str_eq(table->chains.v[0]->name, policy->accept_in.v[index].chain);
	check_table(golden, table, true);
}

Test(compile, accept_rules_of_each_direction)
{
	autoclean(document_free_p) struct document *document = read_policy("accept");
	const struct policy *policy = document->policy;

	check_accept("accept-input", policy, 0, (struct accept_directions){.input = true});
	check_accept("accept-forward", policy, 1, (struct accept_directions){.forward = true});
	check_accept("accept-output", policy, 2, (struct accept_directions){.output = true});
	check_accept("accept-every", policy, 3,
		     (struct accept_directions){.input = true, .output = true, .forward = true});
}

Test(compile, an_accept_chain_may_get_nothing)
{
	autoclean(document_free_p) struct document *document = read_policy("accept");
	autoerror err = ERROR_INIT;
	autoclean(table_free_p) struct table *table =
		compile_accept(document->policy, &document->policy->accept_in.v[0],
			       (struct accept_directions){0}, &err);

	cr_assert_not_null(table, "%s", err.message);
	cr_assert_eq(table->chains.v[0]->rules.n, 0);
	cr_assert_eq(table->sets.n, 0);
}

Test(compile, names_that_do_not_fit_a_comment_are_left_out)
{
	autoclean(document_free_p) struct document *document = read_policy("accept");
	struct policy *policy = document->policy;
	autoerror err = ERROR_INIT;
	autoclean(table_free_p) struct table *table = NULL;
	const char *comment;

	array_for_each(service, &policy->services) {
		char name[65];

		memset(name, 'n', sizeof(name) - 1);
		name[sizeof(name) - 1] = 0;
		free(service->name);
		service->name = strdup(name);
	}
	table = compile_accept(policy, &policy->accept_in.v[0],
			       (struct accept_directions){.input = true}, &err);
	cr_assert_not_null(table, "%s", err.message);
	array_for_each(rule, &table->chains.v[0]->rules) {
		comment = rule_comment(*rule);
		cr_assert(!strncmp(comment, "untrack inet untrack: ", 22), "%s", comment);
		cr_assert_leq(strlen(comment), 127);
	}
	comment = rule_comment(table->chains.v[0]->rules.v[5]);
	cr_assert(strstr(comment, "n, ..."), "%s", comment);
}

/* ------------------------------------------------------------------ many services */

static void add_service(struct policy *policy, unsigned i)
{
	struct policy_service service = {
		.name = NULL,
		.role = i % 4,
		.origin = {.path = strdup("/services"), .line = i + 1},
	};
	struct port_range port = {(uint16_t)(1 + i), (uint16_t)(1 + i)};
	struct inet_range range;
	char text[64];

	cr_assert_gt(asprintf(&service.name, "s%u", i), 0);
	cr_assert(array_push(&service.match.protocols, 6));
	cr_assert(array_push(&service.match.ports, port));
	snprintf(text, sizeof(text), i % 8 < 4 ? "10.%u.%u.0/24" : "10.%u.%u.1", i / 256, i % 256);
	cr_assert_eq(inet_parse(text, &range), INET_OK);
	cr_assert(inet_list_push(service.role == ROLE_CLIENT ? &service.match.peers
							     : &service.match.addresses,
				 &range));
	cr_assert(array_push(&policy->services, service));
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(compile, ten_thousand_services)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	autoclean(table_free_p) struct table *table = NULL;
	autonetns ns = NETNS_OWN;
	autoerror err = ERROR_INIT;
	double start;

	policy->family = NFPROTO_INET;
	policy->table = strdup("untrack");
	for (unsigned i = 0; i < 10000; i++)
		add_service(policy, i);
	start = seconds();
	table = compile_table(policy, NULL, &err);
	cr_assert_not_null(table, "%s", err.message);
	cr_expect_lt(seconds() - start, 3.0, "compiled in %.2f s", seconds() - start);
	cr_assert_eq(table->objects.n, 20000);
	array_for_each(chain, &table->chains) {
		cr_assert_leq((*chain)->rules.n, 8, "rules do not grow with services");
	}
	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	commit(&ns, table);
	is_loaded(&ns, table, "ten thousand services");
	policy_free(policy);
}

Test(compile, overlap_in_too_many_pieces_names_two_services)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	autoclean(table_free_p) struct table *table = NULL;
	autoerror err = ERROR_INIT;

	policy->family = NFPROTO_INET;
	policy->table = strdup("untrack");
	policy->file = strdup("policy.json");
	for (unsigned i = 0; i < 3000; i++) { /* each a prefix of its own at another port … */
		add_service(policy, 8 * (i % 2048));
		free(policy->services.v[i].name);
		cr_assert_gt(asprintf(&policy->services.v[i].name, "s%u", i), 0);
	}
	for (unsigned i = 0; i < 60; i++) { /* … and some that cover them all */
		struct policy_service *service = &policy->services.v[policy->services.n];
		struct port_range ports = {1, 65535};
		struct inet_range range;

		add_service(policy, i);
		service = &policy->services.v[policy->services.n - 1];
		service->role = ROLE_SERVER;
		service->match.ports.v[0] = ports;
		inet_list_free(&service->match.addresses);
		inet_list_free(&service->match.peers);
		cr_assert_eq(inet_parse("10.0.0.0/8", &range), INET_OK);
		cr_assert(inet_list_push(&service->match.addresses, &range));
		range.first.byte[0] = range.last.byte[0] = (uint8_t)(11 + i);
		cr_assert(inet_list_push(&service->match.peers, &range));
	}
	table = compile_table(policy, NULL, &err);
	cr_assert_null(table);
	cr_assert_eq(err.code, ERROR_DOCUMENT);
	cr_assert_str_eq(err.file, "policy.json");
	cr_assert(strstr(err.message, "overlaps service '"), "%s", err.message);
	policy_free(policy);
}
