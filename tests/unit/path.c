/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/path.h"
#include "kernel/hooks.h"
#include "model/expr.h"
#include "model/tracking.h"
#include "view/path.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

/* --- what the kernel tells -------------------------------------------------------------------- */

static struct registered_hook hook_of(uint8_t family, uint32_t number, int32_t priority,
				      const char *function, const char *module, const char *table,
				      const char *chain)
{
	struct registered_hook hook;
	struct buf attrs = {0};
	size_t info, desc;
	uint8_t table_family = NFPROTO_INET;

	attr_put_be32(&attrs, NFNLA_HOOK_HOOKNUM, number);
	attr_put_be32(&attrs, NFNLA_HOOK_PRIORITY, (uint32_t)priority);
	attr_put_text(&attrs, NFNLA_HOOK_FUNCTION_NAME, function);
	if (module)
		attr_put_text(&attrs, NFNLA_HOOK_MODULE_NAME, module);
	if (table) {
		info = attr_nest_begin(&attrs, NFNLA_HOOK_CHAIN_INFO);
		attr_put_be32(&attrs, NFNLA_HOOK_INFO_TYPE, NFNL_HOOK_TYPE_NFTABLES);
		desc = attr_nest_begin(&attrs, NFNLA_HOOK_INFO_DESC);
		attr_put_text(&attrs, NFNLA_CHAIN_TABLE, table);
		attr_put(&attrs, NFNLA_CHAIN_FAMILY, &table_family, 1);
		attr_put_text(&attrs, NFNLA_CHAIN_NAME, chain);
		attr_nest_end(&attrs, desc);
		attr_nest_end(&attrs, info);
	}
	cr_assert(registered_hook_decode(family, buf_span(&attrs), &hook));
	buf_free(&attrs);
	return hook;
}

Test(hooks, are_decoded)
{
	struct registered_hook hook = hook_of(NFPROTO_IPV4, NF_INET_PRE_ROUTING, -200,
					      "ipv4_conntrack_in", "nf_conntrack", NULL, NULL);

	cr_expect_eq(hook.family, NFPROTO_IPV4);
	cr_expect_eq(hook.hook, NF_INET_PRE_ROUTING);
	cr_expect_eq(hook.priority, -200);
	cr_expect_str_eq(hook.function, "ipv4_conntrack_in");
	cr_expect_str_eq(hook.module, "nf_conntrack");
	cr_expect_null(hook.table);
	registered_hooks_free(&(registered_hooks){
		.v = memcpy(malloc(sizeof(hook)), &hook, sizeof(hook)), .n = 1});
	hook = hook_of(NFPROTO_IPV6, NF_INET_LOCAL_IN, 0, "nft_do_chain_inet", "nf_tables",
		       "filter", "input");
	cr_expect_eq(hook.table_family, NFPROTO_INET);
	cr_expect_str_eq(hook.table, "filter");
	cr_expect_str_eq(hook.chain, "input");
	registered_hooks_free(&(registered_hooks){
		.v = memcpy(malloc(sizeof(hook)), &hook, sizeof(hook)), .n = 1});
}

/* --- paths ------------------------------------------------------------------------------------- */

static struct table *add_table(struct ruleset *ruleset, uint8_t family, const char *name)
{
	struct table *table = table_new(family, name);

	cr_assert(table && array_push(&ruleset->tables, table));
	return table;
}

static struct chain *add_chain(struct table *table, const char *name, const char *type,
			       uint32_t hook, int32_t priority)
{
	struct chain *chain = chain_new(name);
	size_t nest;

	cr_assert(chain && array_push(&table->chains, chain));
	if (!type)
		return chain;
	nest = attr_nest_begin(&chain->attrs, NFTA_CHAIN_HOOK);
	attr_put_be32(&chain->attrs, NFTA_HOOK_HOOKNUM, hook);
	attr_put_be32(&chain->attrs, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	attr_nest_end(&chain->attrs, nest);
	attr_put_be32(&chain->attrs, NFTA_CHAIN_POLICY, NF_ACCEPT);
	attr_put_text(&chain->attrs, NFTA_CHAIN_TYPE, type);
	return chain;
}

static struct buf *add_rule(struct chain *chain)
{
	struct rule *rule = rule_new();

	cr_assert(rule && array_push(&chain->rules, rule));
	return &rule->attrs;
}

static void add_jump(struct chain *chain, const char *target)
{
	struct buf *attrs = add_rule(chain);
	size_t list = expr_list_begin(attrs, NFTA_RULE_EXPRESSIONS);

	expr_verdict(attrs, NFT_JUMP, target);
	expr_list_end(attrs, list);
}

static void add_notrack(struct chain *chain)
{
	struct buf *attrs = add_rule(chain);
	size_t list = expr_list_begin(attrs, NFTA_RULE_EXPRESSIONS);

	expr_notrack(attrs);
	expr_list_end(attrs, list);
}

static void add_ct(struct chain *chain)
{
	struct buf *attrs = add_rule(chain);
	size_t list = expr_list_begin(attrs, NFTA_RULE_EXPRESSIONS);

	expr_ct_load(attrs, NFT_CT_STATE, 0);
	expr_list_end(attrs, list);
}

static struct path *path_of(const struct ruleset *ruleset, const registered_hooks *hooks,
			    const texts *legacy)
{
	devices none = {0};
	struct path_sources sources = {.ruleset = ruleset,
				       .hooks = hooks,
				       .legacy = {legacy, NULL, NULL},
				       .devices = &none};
	struct path *path = path_build(&sources, NULL);

	cr_assert(path);
	return path;
}

/* The titles of a hook's stages in order, with what is off in parentheses. */
static void order_is(const struct path *path, enum path_hook hook, const char *expected)
{
	struct buf got = {0};

	array_for_each(stage, &path->hooks[LANE_IP][hook]) {
		buf_puts(&got, got.len ? ", " : "");
		buf_puts(&got, stage->activity == STAGE_ON ? "" : "(");
		stage_title(&got, hook, stage, 0);
		buf_puts(&got, stage->activity == STAGE_ON ? "" : ")");
	}
	cr_expect_str_eq(buf_text(&got), expected);
	buf_free(&got);
}

Test(path, has_places_for_what_is_off)
{
	struct ruleset *ruleset = ruleset_new();
	struct path *path = path_of(ruleset, NULL, NULL);

	cr_expect_eq(path->tracking[0], STAGE_OFF);
	order_is(path, PATH_PREROUTING,
		 "(defragmentation), (connection tracking), (destination NAT)");
	order_is(path, PATH_FORWARD, "");
	order_is(path, PATH_INGRESS, "(XDP), (tc ingress)");
	path_free(path);
	ruleset_free(ruleset);
}

Test(path, orders_by_priority_and_the_later_chain_first)
{
	struct ruleset *ruleset = ruleset_new();
	struct table *a = add_table(ruleset, NFPROTO_IPV4, "a");
	struct table *b = add_table(ruleset, NFPROTO_INET, "b");
	struct path *path;

	add_chain(a, "one", "filter", NF_INET_PRE_ROUTING, -300);
	add_ct(add_chain(a, "two", "filter", NF_INET_PRE_ROUTING, -300));
	add_chain(a, "nat", "nat", NF_INET_PRE_ROUTING, -100);
	add_chain(a, "early nat", "nat", NF_INET_PRE_ROUTING, -310);
	add_chain(b, "three", "filter", NF_INET_PRE_ROUTING, -300);
	add_chain(b, "regular", NULL, 0, 0);
	path = path_of(ruleset, NULL, NULL);
	order_is(path, PATH_PREROUTING,
		 "defragmentation, inet b three, ip a two, ip a one, connection tracking, "
		 "destination NAT, ip a early nat, ip a nat");
	cr_expect_eq(path->tracking[0], STAGE_ON);
	cr_expect_eq(path->tracking[1], STAGE_OFF);
	path_free(path);
	ruleset_free(ruleset);
}

Test(path, sees_notrack_behind_jumps_and_where_it_is_in_vain)
{
	struct ruleset *ruleset = ruleset_new();
	struct table *table = add_table(ruleset, NFPROTO_INET, "t");
	struct path *path;
	const struct stage *stage;

	add_jump(add_chain(table, "pre", "filter", NF_INET_PRE_ROUTING, -300), "middle");
	add_jump(add_chain(table, "late", "filter", NF_INET_PRE_ROUTING, -200), "middle");
	add_jump(add_chain(table, "in", "filter", NF_INET_LOCAL_IN, -300), "middle");
	add_chain(table, "out", "filter", NF_INET_LOCAL_OUT, -300);
	add_jump(add_chain(table, "middle", NULL, 0, 0), "end");
	add_notrack(add_chain(table, "end", NULL, 0, 0));
	path = path_of(ruleset, NULL, NULL);
	for (enum path_hook hook = 0; hook < PATH_HOOKS; hook++) {
		array_for_each(at, &path->hooks[LANE_IP][hook]) {
			enum untracks expected = UNTRACKS_NOT;

			stage = at;
			if (stage->kind == STAGE_CHAIN && strcmp(stage->chain, "out") != 0)
				expected =
					strcmp(stage->chain, "pre") ? UNTRACKS_IN_VAIN : UNTRACKS;
			cr_expect_eq(stage_untracks(hook, stage), expected);
		}
	}
	path_free(path);
	ruleset_free(ruleset);
}

Test(path, does_not_know_what_legacy_rules_ask_for)
{
	struct ruleset *ruleset = ruleset_new();
	char *names[] = {(char[]){"raw"}, (char[]){"nat"}};
	texts legacy = {.v = names, .n = 2};
	struct path *path = path_of(ruleset, NULL, &legacy);

	cr_expect_eq(path->tracking[0], STAGE_UNKNOWN);
	cr_expect_eq(path->tracking[1], STAGE_OFF);
	order_is(path, PATH_PREROUTING,
		 "(defragmentation), iptables raw, (connection tracking), destination NAT, "
		 "iptables nat");
	path_free(path);
	ruleset_free(ruleset);
}

Test(path, believes_the_kernel_where_it_tells)
{
	struct ruleset *ruleset = ruleset_new();
	struct table *table = add_table(ruleset, NFPROTO_INET, "t");
	registered_hooks hooks = {0};
	struct path *path;

	/* Rules would have tracking on for both families; the kernel has it for IPv4 alone. */
	add_ct(add_chain(table, "first", "filter", NF_INET_PRE_ROUTING, 0));
	add_chain(table, "second", "filter", NF_INET_PRE_ROUTING, 0);
	cr_assert(
		array_push(&hooks, hook_of(NFPROTO_IPV4, NF_INET_PRE_ROUTING, -400,
					   "ipv4_conntrack_defrag", "nf_defrag_ipv4", NULL, NULL)));
	cr_assert(array_push(&hooks, hook_of(NFPROTO_IPV4, NF_INET_PRE_ROUTING, -225,
					     "selinux_ip_forward", NULL, NULL, NULL)));
	cr_assert(array_push(&hooks, hook_of(NFPROTO_IPV4, NF_INET_PRE_ROUTING, -200,
					     "ipv4_conntrack_in", "nf_conntrack", NULL, NULL)));
	cr_assert(array_push(&hooks, hook_of(NFPROTO_IPV4, NF_INET_PRE_ROUTING, 0,
					     "nft_do_chain_inet", "nf_tables", "t", "first")));
	cr_assert(array_push(&hooks, hook_of(NFPROTO_IPV4, NF_INET_PRE_ROUTING, 0,
					     "nft_do_chain_inet", "nf_tables", "t", "second")));
	cr_assert(array_push(&hooks, hook_of(NFPROTO_IPV6, NF_INET_PRE_ROUTING, -225,
					     "selinux_ip_forward", NULL, NULL, NULL)));
	cr_assert(array_push(&hooks, hook_of(NFPROTO_IPV4, NF_INET_LOCAL_IN, INT_MAX, "nf_confirm",
					     "nf_conntrack", NULL, NULL)));
	path = path_of(ruleset, &hooks, NULL);
	cr_expect(path->from_kernel);
	cr_expect_eq(path->tracking[0], STAGE_ON);
	cr_expect_eq(path->tracking[1], STAGE_OFF);
	order_is(path, PATH_PREROUTING,
		 "defragmentation, selinux_ip_forward, connection tracking, (destination NAT), "
		 "inet t first, inet t second");
	order_is(path, PATH_INPUT, "(source NAT), confirmation");
	order_is(path, PATH_OUTPUT, "(defragmentation), (connection tracking), (destination NAT)");
	array_for_each(stage, &path->hooks[LANE_IP][PATH_PREROUTING]) {
		if (stage->kind == STAGE_OTHER)
			cr_expect_eq(stage->families, STAGE_IP | STAGE_IP6);
		if (stage->kind == STAGE_TRACK)
			cr_expect_eq(stage->families, STAGE_IP);
	}
	path_free(path);
	registered_hooks_free(&hooks);
	ruleset_free(ruleset);
}

/* --- what names may do to the views ------------------------------------------------------------- */

Test(path, shows_hostile_names_without_harm)
{
	struct ruleset *ruleset = ruleset_new();
	struct table *table = add_table(ruleset, NFPROTO_INET, "<b>&\"\x1b[2J\xff");
	struct path *path;
	char *text, *json, *svg;

	add_chain(table,
		  "a\x01 very long name that goes on and on and on until it is cut somewhere",
		  "filter", NF_INET_LOCAL_IN, 0);
	path = path_of(ruleset, NULL, NULL);
	text = view_path_text(path);
	json = view_path_json(path);
	svg = view_path_svg(path);
	cr_assert(text && json && svg);
	cr_expect_null(strchr(text, '\x1b'));
	cr_expect_null(strchr(json, '\x1b'));
	cr_expect_null(strchr(svg, '\x1b'));
	cr_expect_null(strstr(svg, "<b>"));
	cr_expect(strstr(svg, "&lt;b&gt;&amp;"));
	free(text);
	free(json);
	free(svg);
	path_free(path);
	ruleset_free(ruleset);
}
