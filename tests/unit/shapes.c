/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_holes.h"
#include "document/nft_shapes.h"
#include "document/nft_words.h"

#include <criterion/criterion.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static size_t add_at(struct text_shapes *shapes, const char *line, const char *end, size_t place)
{
	struct holes holes;
	bool is_new;
	size_t shape;

	nft_holes_find(line, end, &holes);
	shape = text_shapes_add(shapes, line, end, &holes, place, &is_new);
	cr_assert_neq(shape, SIZE_MAX);
	cr_assert_eq(is_new, shapes->all.n == shape + 1 && !shapes->all.v[shape].lines++);
	return shape;
}

static size_t add(struct text_shapes *shapes, const char *line, size_t *ret_values)
{
	size_t before = shapes->values.n, shape = add_at(shapes, line, line + strlen(line), 1);

	*ret_values = shapes->values.n - before;
	return shape;
}

Test(shapes, values_are_no_part_of_a_shape)
{
	static const char *const pairs[][2] = {
		{"ip saddr 10.0.0.0/24 tcp dport 22 accept",
		 "ip saddr 192.0.2.0/24 tcp dport 65535 accept"},
		{"ip daddr != 10.0.0.1 drop", "ip daddr != 255.255.255.255 drop"},
		{"ip6 saddr 2001:db8::/32 drop", "ip6 saddr ::/32 drop"},
		{"th sport 0 counter", "th sport 1 counter"},
		{"udp dport == 53 accept comment \"a\"", "udp dport == 54 accept comment \"b c\""},
		{"ip saddr 1.2.3.4 counter packets 0 bytes 0 drop",
		 "ip saddr 255.255.255.255 counter packets 9223372036854775807 bytes 1 drop"},
	};
	struct text_shapes shapes = {0};
	size_t values, others;
	bool sets = true;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		size_t one = add(&shapes, pairs[i][0], &values);

		cr_assert_eq(one, add(&shapes, pairs[i][1], &others), "%s", pairs[i][1]);
		cr_assert(values && values == others, "%s", pairs[i][0]);
		cr_assert(is_plain_rule(pairs[i][0], pairs[i][0] + strlen(pairs[i][0]), &sets));
		cr_assert_not(sets);
		cr_assert_neq(one,
			      add_at(&shapes, pairs[i][0], pairs[i][0] + strlen(pairs[i][0]), 2));
		shapes.values.n -= values;
	}
	text_shapes_free(&shapes);
}

Test(shapes, sets_of_plain_values_are_plain)
{
	static const char *const plain[] = {
		"tcp dport { 80, 443 } accept",
		"ip saddr 10.0.0.0/8 udp sport != { 1-5, 53 } drop comment \"{ all\"",
		"ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 81 } accept",
		"iifname { \"eth0\", wlan0 } oifname == { eth1 } accept",
		"ct state { new, established } ip6 daddr { ::1, 2001:db8::/32 } jump there",
	};
	static const char *const others[] = {
		"tcp dport { 80, http } accept",
		"ip saddr { \"example.org\", 1.2.3.4 } accept",
		"ip saddr { example.org, 1.2.3.4 } accept",
		"tcp dport { 80, 443",
		"tcp dport 80, 443 } accept",
		"tcp dport { { 80 }, 443 } accept",
		"tcp dport 80 jump { accept; }",
		"tcp dport vmap { 80 : accept }",
		"tcp dport { 80, $other } accept",
		"iifname \"eth0\" tcp dport { \"http\", 80 } accept",
	};
	bool sets = false;

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++, sets = false)
		cr_assert(is_plain_rule(plain[i], plain[i] + strlen(plain[i]), &sets) && sets, "%s",
			  plain[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert_not(is_plain_rule(others[i], others[i] + strlen(others[i]), &sets), "%s",
			      others[i]);
}

Test(shapes, what_may_be_more_than_a_value_is_none)
{
	static const char *const lines[] = {
		"tcp dport 022 accept",
		"tcp dport 65536 accept",
		"tcp dport 22-23 accept",
		"tcp dport 22,23 accept",
		"tcp dport 22 | 1 accept",
		"tcp dport < 22 accept",
		"tcp dport ssh accept",
		"tcp dport 0x16 accept",
		"tcp dport set 22",
		"tcp sequence 22 accept",
		"ip saddr 10.0.0.1/24 accept",
		"ip saddr 10.0.0 accept",
		"ip saddr 10.0.0.0/0 accept",
		"ip saddr 10.0.0.0/08 accept",
		"ip saddr 10.0.0.0/33 accept",
		"ip saddr 010.0.0.0 accept",
		"ip saddr host accept",
		"ip saddr 10.0.0.1-10.0.0.9 accept",
		"ip saddr and 255.0.0.0 == 10.0.0.0 accept",
		"ip saddr set 10.0.0.1",
		"ether saddr 1:2:3:4:5:6 drop",
		"ip6 saddr ::ffff:10.0.0.1 drop",
		"ip6 saddr 10.0.0.1 drop",
		"ip saddr ::1 drop",
		"dnat to 10.0.0.1",
		"comment \"\"",
		"log prefix \"a\"",
		"meta mark 22 accept",
		"counter packets 01 bytes 02",
		"counter packets 9223372036854775808 bytes 9223372036854775808",
		"limit rate 22/second burst 5 packets",
		"limit rate over 5 bytes/second burst 22 bytes",
	};
	struct text_shapes shapes = {0};
	size_t values;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		add(&shapes, lines[i], &values);
		cr_assert_eq(values, 0, "%s", lines[i]);
	}
	text_shapes_free(&shapes);
}

Test(shapes, samples_are_of_the_shape)
{
	static const char line[] =
		"ip saddr 10.0.0.0/20 ip6 daddr != ::1 tcp dport 22 counter packets 0 bytes 7 "
		"accept comment \"x\"";
	struct text_shapes shapes = {0}, again = {0};
	shape_values wanted = {0};
	struct buf text = {0};
	size_t values, shape = add(&shapes, line, &values), count = 0;

	cr_assert_eq(values, 6);
	for (size_t i = 0; i < SHAPE_SAMPLES; i++) {
		cr_assert(text_shape_sample(&shapes.all.v[shape], i, &wanted, &text));
		buf_putc(&text, '\n');
	}
	cr_assert_eq(wanted.n, SHAPE_SAMPLES * values);
	for (const char *at = buf_text(&text), *end; *at; at = end + 1, count++) {
		end = strchr(at, '\n');
		cr_assert_eq(add_at(&again, at, end, 1), 0, "%s", at);
		for (size_t i = count * values; i < (count + 1) * values; i++) {
			const struct shape_value *a = &wanted.v[i], *b = &again.values.v[i];

			cr_assert(a->kind == b->kind && a->size == b->size &&
				  a->prefix == b->prefix &&
				  !memcmp(a->bytes, b->bytes, sizeof(a->bytes)) &&
				  a->length == b->length);
		}
		cr_assert_eq(text_shapes_meet(&again, 0, at, end), end);
		again.values.n -= values;
	}
	cr_assert_eq(count, SHAPE_SAMPLES);
	cr_assert(span_equal(again.all.v[0].key, shapes.all.v[shape].key));
	array_free(&wanted);
	buf_free(&text);
	text_shapes_free(&shapes);
	text_shapes_free(&again);
}

/* A rule with a field behind some bytes of its own, as the kernel might give it. */
static struct rule *rule_with(const uint8_t *field, size_t length, uint8_t noise)
{
	struct rule *rule = rule_new();
	uint8_t bytes[8] = {1, 2, noise, 4, 5, 6, 7, 8};

	memcpy(bytes + 4, field, length);
	attr_put_text(&rule->attrs, NFTA_RULE_TABLE, "t");
	attr_put_text(&rule->attrs, NFTA_RULE_CHAIN, "c");
	attr_put_be64(&rule->attrs, NFTA_RULE_HANDLE, noise);
	attr_put(&rule->attrs, NFTA_RULE_EXPRESSIONS, bytes, sizeof(bytes));
	return rule;
}

static struct rule_shape *learn(bool change, bool twice)
{
	struct shape_value values[SHAPE_SAMPLES];
	struct rule *samples[SHAPE_SAMPLES];
	struct rule_shape *shape;

	for (size_t i = 0; i < SHAPE_SAMPLES; i++) {
		uint8_t port[4] = {(uint8_t)(50 + i), 60, (uint8_t)(50 + i), 60};

		values[i] = (struct shape_value){
			.kind = VALUE_PORT, .size = 2, .bytes = {port[0], port[1]}};
		samples[i] = rule_with(port, twice ? 4 : 2, change ? (uint8_t)i : 3);
	}
	shape = rule_shape_learn(samples, values, 1);
	for (size_t i = 0; i < SHAPE_SAMPLES; i++)
		rule_free(samples[i]);
	return shape;
}

Test(shapes, a_shape_is_learnt_only_if_all_samples_show_it)
{
	struct rule_shape *shape = learn(false, false);
	struct shape_value value = {.kind = VALUE_PORT, .size = 2, .bytes = {7, 9}};
	struct rule *made, *like;

	cr_assert(shape);
	made = rule_shape_make(shape, &value);
	like = rule_with(value.bytes, 2, 3);
	cr_assert(made && span_equal(rule_expressions(made), rule_expressions(like)));
	cr_assert_eq(rule_shape_value(made, 0).bytes[1], 9);
	cr_assert_null(learn(true, false), "another byte changes too");
	cr_assert_null(learn(false, true), "the value stands in two places");
	rule_free(made);
	rule_free(like);
	rule_shape_free(shape);
}
