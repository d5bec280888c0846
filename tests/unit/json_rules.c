/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "document/json_lines.h"
#include "document/json_rule.h"
#include "document/nft_schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RULE(members) "{\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", " members "}"
#define EXPR(statements) RULE("\"expr\": [" statements "]")
#define MATCH(left, op, right)                                                                     \
	"{\"match\": {\"op\": \"" op "\", \"left\": {" left "}, \"right\": " right "}}"
#define PAYLOAD(protocol, field)                                                                   \
	"\"payload\": {\"protocol\": \"" protocol "\", \"field\": \"" field "\"}"
#define PREFIX(address, length) "{\"prefix\": {\"addr\": \"" address "\", \"len\": " length "}}"

static bool read_rule(const char *text, struct json_rule *ret_rule)
{
	struct cursor c = {.text = text, .at = text, .end = text + strlen(text)};

	return json_rule_read(&c, ret_rule) && c.at == c.end;
}

static size_t add(struct text_shapes *shapes, const char *text, size_t *ret_values)
{
	size_t before = shapes->values.n, shape;
	struct json_rule rule;
	bool is_new;

	cr_assert(read_rule(text, &rule) && rule.plain, "%s", text);
	shape = text_shapes_add(shapes, text, text + strlen(text), &rule.holes, 0, &is_new);
	cr_assert_neq(shape, SIZE_MAX);
	*ret_values = shapes->values.n - before;
	return shape;
}

Test(json_rules, values_are_no_part_of_a_shape)
{
	static const char *const pairs[][2] = {
		{EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"0.0.0.0\"")),
		 EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"255.255.255.255\""))},
		{EXPR(MATCH(PAYLOAD("ip", "saddr"), "!=", PREFIX("10.0.0.0", "9"))),
		 EXPR(MATCH(PAYLOAD("ip", "saddr"), "!=", PREFIX("0.0.0.0", "9")))},
		{EXPR(MATCH(PAYLOAD("ip6", "daddr"), "==", PREFIX("2001:db8::", "32"))),
		 EXPR(MATCH(PAYLOAD("ip6", "daddr"), "==", PREFIX("::", "32")))},
		{EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "0")),
		 EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "65535"))},
		{EXPR(MATCH(PAYLOAD("th", "sport"), "==", "\"7\"")),
		 EXPR(MATCH(PAYLOAD("th", "sport"), "==", "\"65535\""))},
		{EXPR("{\"counter\": {\"packets\": 0, \"bytes\": 1}}"),
		 EXPR("{\"counter\": {\"packets\": 9223372036854775807, \"bytes\": 0}}")},
		{RULE("\"handle\": 1, \"comment\": \"a b\", \"expr\": [{\"accept\": null}]"),
		 RULE("\"handle\": 22, \"comment\": \"\xc3\xa4\", \"expr\": [{\"accept\": null}]")},
		{EXPR("{\"match\": {\"right\": 1, \"left\": {\"payload\": {\"field\": \"dport\", "
		      "\"protocol\": \"udp\"}}, \"op\": \"==\"}}"),
		 EXPR("{\"match\": {\"right\": 22, \"left\": {\"payload\": {\"field\": \"dport\", "
		      "\"protocol\": \"udp\"}}, \"op\": \"==\"}}")},
	};
	struct text_shapes shapes = {0};
	size_t values, others;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *other = pairs[i][1], *end = other + strlen(other);
		size_t one = add(&shapes, pairs[i][0], &values), before = shapes.values.n;

		cr_assert_eq(one, add(&shapes, other, &others), "%s", other);
		cr_assert(values && values == others, "%s", other);
		cr_assert_eq(text_shapes_meet(&shapes, one, other, end), end, "%s", other);
		cr_assert_eq(shapes.values.n, before + 2 * values);
		for (size_t v = before; v < before + values; v++)
			cr_assert(!memcmp(shapes.values.v[v].bytes,
					  shapes.values.v[v + values].bytes, SHAPE_VALUE_MAX));
	}
	text_shapes_free(&shapes);
}

Test(json_rules, what_may_be_more_than_a_value_is_none)
{
	static const char *const rules[] = {
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"10.0.0\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"010.0.0.0\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"10.0.0.0/8\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"10.0.0.1-10.0.0.2\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "167772160")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "<", "\"10.0.0.0\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "in", "\"10.0.0.0\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"::1\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"@set\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", PREFIX("0.0.0.0", "0"))),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", PREFIX("10.0.0.0", "33"))),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", PREFIX("10.0.0.0", "08"))),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", PREFIX("10.0.0.0", "8.0"))),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", PREFIX("10.0.0.1", "24"))),
		EXPR(MATCH(PAYLOAD("ip", "saddr"),
			   "==", "{\"range\": [\"10.0.0.0\", \"10.0.0.9\"]}")),
		EXPR(MATCH(PAYLOAD("ip", "protocol"), "==", "6")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "65536")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "-1")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "22.0")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "2e1")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "\"022\"")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "\"0x16\"")),
		EXPR(MATCH(PAYLOAD("udp", "length"), "==", "22")),
		EXPR(MATCH("\"meta\": {\"key\": \"mark\"}", "==", "22")),
		EXPR(MATCH("\"meta\": {\"key\": \"iifname\"}", "==", "\"eth0\"")),
		EXPR(MATCH("\"ct\": {\"key\": \"state\"}", "in", "[\"new\", \"related\"]")),
		EXPR("{\"counter\": null}"),
		EXPR("{\"counter\": {\"packets\": -1, \"bytes\": 9223372036854775808}}"),
		EXPR("{\"limit\": {\"rate\": 5, \"burst\": 5, \"per\": \"second\"}}"),
		EXPR("{\"log\": {\"prefix\": \"a\", \"group\": 2}}, {\"jump\": {\"target\": "
		     "\"x\"}}"),
		RULE("\"comment\": \"\", \"expr\": [{\"accept\": null}]"),
	};
	struct text_shapes shapes = {0};
	size_t values;

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		add(&shapes, rules[i], &values);
		cr_assert_eq(values, 0, "%s", rules[i]);
	}
	text_shapes_free(&shapes);
}

Test(json_rules, sets_of_plain_values_are_plain)
{
	static const char *const rules[] = {
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "{\"set\": [22, 23]}")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"),
			   "!=", "{\"set\": [{\"range\": [22, 23]}, 80]}")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"),
			   "==", "{\"set\": [" PREFIX("10.0.0.0", "8") ", \"1.2.3.4\"]}")),
		EXPR(MATCH("\"ct\": {\"key\": \"state\"}", "==", "{\"set\": [\"new\"]}")),
		EXPR(MATCH("\"meta\": {\"key\": \"iifname\"}",
			   "==", "{\"set\": [\"eth0\", \"b*\"]}")),
		EXPR(MATCH(
			"\"concat\": [{" PAYLOAD("ip", "saddr") "}, {" PAYLOAD("tcp", "dport") "}]",
			"==", "{\"set\": [{\"concat\": [\"10.0.0.1\", 22]}]}")),
	};
	struct json_rule rule;

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		cr_assert(read_rule(rules[i], &rule) && rule.plain && rule.sets && !rule.holes.n,
			  "%s", rules[i]);
	cr_assert(read_rule(EXPR("{\"accept\": null}"), &rule) && rule.plain && !rule.sets);
}

Test(json_rules, what_depends_on_more_is_not_plain)
{
	static const char *const rules[] = {
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"host\"")),
		EXPR(MATCH(PAYLOAD("ip", "saddr"), "==", "\"drop\"")),
		EXPR(MATCH(PAYLOAD("ip6", "saddr"), "==", "\"::ffff:1.2.3.4\"")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "\"ssh\"")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "[22, 23]")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "{\"set\": [22, \"ssh\"]}")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "{\"set\": [22, \"@ports\"]}")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "{\"set\": [22, {\"set\": [23]}]}")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "{\"set\": []}")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"),
			   "==", "{\"set\": [{\"elem\": {\"val\": 22}}]}")),
		EXPR(MATCH(PAYLOAD("tcp", "dport"), "==", "{\"prefix\": {\"addr\": 22}}")),
		EXPR(MATCH("\"meta\": {\"key\": \"iif\"}", "==", "\"eth0\"")),
		EXPR(MATCH("\"meta\": {\"key\": \"hour\"}", "==", "\"10:00\"")),
		EXPR(MATCH("\"meta\": {\"key\": \"skuid\"}", "==", "\"root\"")),
		EXPR(MATCH("\"&\": [" PAYLOAD("ip", "saddr") ", 7]", "==", "7")),
		EXPR("{\"vmap\": {\"key\": {\"meta\": {\"key\": \"mark\"}}, \"data\": \"@m\"}}"),
		EXPR("{\"quota\": \"q\"}"),
		EXPR("{\"accept\": {}}"),
		EXPR("{\"accept\": null, \"drop\": null}"),
		EXPR(""),
		RULE("\"comment\": \"a\\\"b\", \"expr\": [{\"accept\": null}]"),
		RULE("\"comment\": 7, \"expr\": [{\"accept\": null}]"),
		RULE("\"handle\": -1, \"expr\": [{\"accept\": null}]"),
		RULE("\"hadle\": 1, \"expr\": [{\"accept\": null}]"),
	};
	static const char *const given_up[] = {
		RULE("\"index\": 1, \"expr\": [{\"accept\": null}]"),
		RULE("\"h\\u0061ndle\": 1, \"expr\": [{\"accept\": null}]"),
		"{\"family\": \"ip\", \"table\": \"t\", \"expr\": [{\"accept\": null}]}",
		"{\"family\": \"ip\", \"table\": \"t\", \"chain\": \"a\\nb\", \"expr\": []}",
		"{\"family\": \"ip\", \"table\": 7, \"chain\": \"c\", \"expr\": []}",
		"[]",
	};
	struct json_rule rule;

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		cr_assert(read_rule(rules[i], &rule) && !rule.plain, "%s", rules[i]);
	for (size_t i = 0; i < sizeof(given_up) / sizeof(*given_up); i++)
		cr_assert_not(read_rule(given_up[i], &rule), "%s", given_up[i]);
}

/* ------------------------------------------------------------------ documents */

enum { RULES = 240 };

#define DECLARED                                                                                   \
	"{\"nftables\": [{\"table\": {\"family\": \"ip\", \"name\": \"t\"}},\n"                    \
	" {\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\"}},\n"                 \
	" {\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"d\"}}"

/* Rules in two chains, most of a few shapes; of every seventh the shape is its own, and every ninth is not
 * plain. */
static void put_rule(struct buf *text, unsigned i)
{
	bool added = i % 2;

	buf_printf(text,
		   ",\n %s{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"%s\", "
		   "\"handle\": %u, \"comment\": \"n %u\", \"expr\": [",
		   added ? "{\"add\": " : "", i % 3 ? "c" : "d", i + 1, i);
	if (i % 9 == 8)
		buf_puts(text, MATCH(PAYLOAD("tcp", "dport"), "==", "{\"set\": [1, \"http\"]}"));
	else if (i % 7 == 3)
		buf_printf(
			text,
			MATCH(PAYLOAD("ip", "daddr"), "==",
			      "{\"range\": [\"10.0.0.1\", \"10.0.0.%u\"]}") ", "
									    "{\"limit\": "
									    "{\"rate\": %u, "
									    "\"burst\": 5, "
									    "\"per\": \"second\"}}",
			i + 2, i);
	else
		buf_printf(text, MATCH(PAYLOAD("ip", "saddr"), "==", PREFIX("10.1.%u.0", "24")),
			   i % 256);
	buf_printf(text,
		   ", {\"counter\": {\"packets\": %u, \"bytes\": %u}}, {\"accept\": null}]}}%s", i,
		   i * 7, added ? "}" : "");
}

static void fill(struct document *document, const char *before, const char *behind)
{
	struct source source = {.name = strdup("test")};

	buf_puts(&source.text, DECLARED);
	buf_puts(&source.text, before);
	for (unsigned i = 0; i < RULES; i++)
		put_rule(&source.text, i);
	buf_puts(&source.text, behind);
	buf_puts(&source.text, "]}\n");
	cr_assert(source.name && !source.text.failed && array_push(&document->sources, source));
}

DEFINE_AUTOCLEAN(struct document, document_free)

/* How the texts are judged: each one by itself. */
static bool judge(const struct buf *text)
{
	autoerror ignored = ERROR_INIT;
	autojson json = {0};

	return json_parse("test", text, &json, &ignored) && nft_schema_check(&json, 1, &ignored);
}

Test(json_rules, one_stands_for_all)
{
	autoclean(document_free_p) struct document *document = calloc(1, sizeof(*document));
	autolines lines = {0};
	struct document *reduced;
	autofree bool *known = calloc(RULES, sizeof(*known));
	size_t plain = RULES - RULES / 9, rules = 0;

	fill(document, "", "");
	cr_assert(json_lines_read(document, &lines));
	cr_assert_eq(lines.lines.n, plain);
	cr_assert_gt(lines.shapes.all.n, 4 + 20);
	cr_assert(judge(&lines.judged.v[0]));
	/* two chains, bare and in "add", once with each kind of match; and what is not plain */
	for (const char *at = buf_text(&lines.judged.v[0]); (at = strstr(at, "\"rule\"")); at++)
		rules++;
	cr_assert_eq(rules, 2 * 2 * 2 + RULES / 9);
	array_for_each(run, &lines.runs) {
		for (size_t i = run->first + 1; i < run->first + run->count; i++)
			cr_assert(lines.lines.v[i].text > lines.lines.v[i - 1].text);
	}
	array_for_each(shape, &lines.shapes.all) {
		shape->used = true;
	}
	for (size_t i = 0; i < plain; i++)
		known[i] = i != 7;
	reduced = nft_lines_reduce(&lines, known, true);
	cr_assert(reduced && judge(&reduced->sources.v[0].text));
	for (size_t s = 0; s < lines.shapes.all.n; s++)
		cr_assert(strstr(buf_text(&reduced->sources.v[0].text), "another sample"));
	cr_assert(memmem(buf_text(&reduced->sources.v[0].text), reduced->sources.v[0].text.len,
			 lines.lines.v[7].text, lines.lines.v[7].length));
	document_free(reduced);
}

Test(json_rules, what_tells_its_place_is_left_whole)
{
#define ONE(word, more)                                                                            \
	",{\"" word                                                                                \
	"\": {\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", " more            \
	"\"expr\": [{\"accept\": null}]}}}"
	static const char *const more[] = {
		ONE("insert", ""),
		ONE("add", "\"index\": 3, "),
		",{\"set\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"s\", "
		"\"type\": [\"ipv4_addr\", \"integer\"]}}",
		ONE("add", "\"comment\": \"untrack: plain rules 0 end\", "),
		",",
		",{}",
		", 7"};

	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		autoclean(document_free_p) struct document *document = calloc(1, sizeof(*document));
		autolines lines = {0};

		fill(document, "", more[i]);
		cr_assert_not(json_lines_read(document, &lines), "%s", more[i]);
	}
}

/* Of a document with something changed in it at random, what is left is not taken if the whole is not. */
Test(json_rules, nothing_is_taken_that_is_refused)
{
	static const char bytes[] = "\"{}[],:-0129.ae \\\n\x01\x03\x7f\x80\xc3\xa4@/";
	size_t taken = 0, refused = 0;
	unsigned seed = 7;

	for (unsigned i = 0; i < 3000; i++) {
		autoclean(document_free_p) struct document *document = calloc(1, sizeof(*document));
		autolines lines = {0};
		struct buf *text;

		fill(document, "", "");
		text = &document->sources.v[0].text;
		for (unsigned n = 0; n <= i % 2; n++) {
			size_t at = (size_t)rand_r(&seed) % text->len;
			size_t from = (size_t)rand_r(&seed) % text->len;

			if (i % 5 < 3) /* a byte, or what stands elsewhere in its place */
				text->data[at] =
					(uint8_t)bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
			else
				memmove(text->data + at, text->data + from,
					(text->len - (at > from ? at : from)) % 17);
		}
		if (!json_lines_read(document, &lines))
			continue;
		if (judge(text)) {
			taken += judge(&lines.judged.v[0]);
			continue;
		}
		cr_assert_not(judge(&lines.judged.v[0]), "%s", buf_text(text));
		refused++;
	}
	cr_assert(taken > 100 && refused > 500, "%zu taken, %zu refused", taken, refused);
}
