/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules of a chain a rehearsal leaves out, as one of many that are alike. */
#include "api/alike.h"

#include "base/cleanup.h"
#include "document/nft.h"
#include "kernel/kernel.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { RULES = 100, PLAYED = 64 /* of a kind */ };

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

/* How many are left out of a chain of rules, each written with its number by `format`. */
static size_t left_out(const char *format, const bool *before)
{
	autonetns ns = NETNS_OWN;
	autobuf text = {0};
	autoerror err = ERROR_INIT;
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	autofree bool *out = NULL;
	size_t count = 0;

	buf_puts(&text, "table ip t {\nset s0 { type ipv4_addr; }\nset s1 { type ipv4_addr; }\n"
			"chain c {\n");
	for (int i = 0; i < RULES; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_printf(&text, format, i % 2, i + 1);
#pragma GCC diagnostic pop
		buf_puts(&text, "\n");
	}
	buf_puts(&text, "}\n}\n");
	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	cr_assert(nft_run(&ns, buf_text(&text), 0, NULL, &err), "%s", err.message);
	kernel = kernel_open(&ns, &err);
	ruleset = kernel ? kernel_read(kernel, read_everything, NULL, &err) : NULL;
	cr_assert_not_null(ruleset, "%s", err.message);
	out = alike_leave_out(ruleset->tables.v[0], ruleset->tables.v[0]->chains.v[0], before);
	cr_assert_not_null(out);
	for (int i = 0; i < RULES; i++) {
		cr_expect(!before || !before[i] || out[i]);
		count += out[i];
	}
	cr_expect(before || (!out[0] && !out[RULES - 1]), "%s", format);
	return count;
}

Test(alike, rules_that_differ_in_values_are)
{
	cr_expect_eq(left_out("ip saddr 10.0.%d.%d accept", NULL), RULES - PLAYED);
	cr_expect_eq(left_out("tcp dport 1%d-2%03d accept", NULL), RULES - PLAYED);
	cr_expect_eq(left_out("meta mark 1%d limit rate %d/second accept", NULL), RULES - PLAYED);
	cr_expect_eq(left_out("tcp dport { 1%d, 2%03d } accept", NULL), RULES - PLAYED);
}

Test(alike, what_the_kernel_judges_is_told_apart)
{
	cr_expect_eq(left_out("ip saddr @s%d tcp dport %d accept", NULL), 0); /* 50 of each */
	cr_expect_eq(left_out("tcp dport vmap { 1%d : accept, 2%03d : drop }", NULL), 0);
	cr_expect_eq(left_out("meta mark set 1%d%03d", NULL), 0);
}

Test(alike, what_is_left_out_already_stays_so)
{
	bool before[RULES] = {[10] = true, [20] = true};

	cr_expect_eq(left_out("ip saddr 10.0.%d.%d accept", before), RULES - PLAYED);
}
