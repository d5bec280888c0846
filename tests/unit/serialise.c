/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/serialise.h"

#include "base/cleanup.h"
#include "sample_table.h"

DEFINE_AUTOCLEAN(struct table, table_free)
#define autotable autoclean(table_free_p) struct table

static void same_bytes(const struct buf *a, const struct buf *b)
{
	cr_assert(span_equal(buf_span(a), buf_span(b)));
}

static void same_chain(const struct chain *a, const struct chain *b)
{
	cr_assert_str_eq(a->name, b->name);
	cr_assert_eq(a->handle, b->handle);
	cr_assert_eq(a->rules_read, b->rules_read);
	same_bytes(&a->attrs, &b->attrs);
	cr_assert_eq(a->rules.n, b->rules.n);
	for (size_t i = 0; i < a->rules.n; i++) {
		const struct rule *old = a->rules.v[i], *new = b->rules.v[i];

		cr_assert_eq(old->handle, new->handle);
		same_bytes(&old->attrs, &new->attrs);
		cr_assert_str_eq(rule_comment(old), rule_comment(new));
		cr_assert_eq(!old->origin, !new->origin);
		if (old->origin)
			cr_assert_str_eq(old->origin, new->origin);
	}
}

static void same_set(const struct set *a, const struct set *b)
{
	cr_assert_str_eq(a->name, b->name);
	cr_assert_str_eq(a->origin, b->origin);
	cr_assert_eq(a->handle, b->handle);
	cr_assert_eq(a->flags, b->flags);
	cr_assert_eq(a->elements_read, b->elements_read);
	cr_assert_eq(a->elements.sorted, b->elements.sorted);
	same_bytes(&a->attrs, &b->attrs);
	cr_assert_eq(a->elements.at.n, b->elements.at.n);
	for (size_t i = 0; i < a->elements.at.n; i++)
		cr_assert(span_equal(element_at(&a->elements, i), element_at(&b->elements, i)));
}

static void same_table(const struct table *a, const struct table *b)
{
	cr_assert_eq(a->family, b->family);
	cr_assert_str_eq(a->name, b->name);
	cr_assert_eq(a->handle, b->handle);
	cr_assert_eq(a->contents_read, b->contents_read);
	cr_assert_eq(a->unknown, b->unknown);
	same_bytes(&a->attrs, &b->attrs);
	cr_assert_eq(a->chains.n, b->chains.n);
	for (size_t i = 0; i < a->chains.n; i++)
		same_chain(a->chains.v[i], b->chains.v[i]);
	cr_assert_eq(a->sets.n, b->sets.n);
	for (size_t i = 0; i < a->sets.n; i++)
		same_set(a->sets.v[i], b->sets.v[i]);
	cr_assert_eq(a->objects.n, b->objects.n);
	for (size_t i = 0; i < a->objects.n; i++) {
		cr_assert_str_eq(a->objects.v[i]->name, b->objects.v[i]->name);
		cr_assert_eq(a->objects.v[i]->type, b->objects.v[i]->type);
		cr_assert_eq(a->objects.v[i]->handle, b->objects.v[i]->handle);
		same_bytes(&a->objects.v[i]->attrs, &b->objects.v[i]->attrs);
	}
	cr_assert_eq(a->flowtables.n, b->flowtables.n);
	for (size_t i = 0; i < a->flowtables.n; i++) {
		cr_assert_str_eq(a->flowtables.v[i]->name, b->flowtables.v[i]->name);
		cr_assert_eq(a->flowtables.v[i]->handle, b->flowtables.v[i]->handle);
		same_bytes(&a->flowtables.v[i]->attrs, &b->flowtables.v[i]->attrs);
	}
}

Test(serialise, gives_back_everything_beneath_the_table)
{
	autotable *table = sample_table("untrack"), *read = NULL;
	autoerror err = ERROR_INIT;
	autobuf bytes = {0};
	struct span rest;

	serialise_table(&bytes, table);
	cr_assert(buf_ok(&bytes, &err));
	rest = buf_span(&bytes);
	read = deserialise_table(&rest, &err);
	cr_assert(read, "%s", err.message);
	cr_assert_eq(rest.len, 0);
	same_table(table, read);
}

static uint32_t seed;
static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* A rule like the one before it but for some bytes, and now and then of another length. */
static void add_rule(struct chain *chain, const struct rule *before)
{
	struct rule *rule = rule_new();
	size_t length = before && pick(8) ? before->attrs.len : 100 + 4 * pick(20);
	uint32_t changes = pick(4) ? pick(4) : pick(60);

	cr_assert(rule && array_push(&chain->rules, rule));
	rule->handle = chain->rules.n;
	for (size_t i = 0; i < length; i++)
		buf_putc(&rule->attrs,
			 before && i < before->attrs.len ? (char)before->attrs.data[i] : 'a');
	for (uint32_t i = 0; i < changes; i++)
		rule->attrs.data[pick((uint32_t)length)] = (uint8_t)pick(256);
}

Test(serialise, keeps_rules_that_are_alike_in_brief)
{
	autotable *table = sample_table("untrack"), *read = NULL;
	struct chain *chain = table->chains.v[0];
	autoerror err = ERROR_INIT;
	size_t whole = 0;
	autobuf bytes = {0};
	struct span rest;

	while (chain->rules.n < 2000)
		add_rule(chain, chain->rules.n > 3 ? chain->rules.v[chain->rules.n - 1] : NULL);
	array_for_each(rule, &chain->rules)
		whole += (*rule)->attrs.len;
	serialise_table(&bytes, table);
	rest = buf_span(&bytes);
	read = deserialise_table(&rest, &err);
	cr_assert(read && !rest.len, "%s", err.message);
	for (size_t i = 0; i < chain->rules.n; i++)
		same_bytes(&chain->rules.v[i]->attrs, &read->chains.v[0]->rules.v[i]->attrs);
	cr_assert_lt(bytes.len, whole, "%zu, %zu", bytes.len, whole);
}

Test(serialise, keeps_what_is_not_known_and_not_sorted)
{
	autotable *table = sample_table("others"), *read = NULL;
	autoerror err = ERROR_INIT;
	autobuf bytes = {0};
	struct span rest;

	table->unknown = true;
	table->contents_read = false;
	table->chains.v[0]->rules_read = false;
	table->sets.v[0]->elements_read = false;
	sample_element(table->sets.v[0], 1);
	serialise_table(&bytes, table);
	rest = buf_span(&bytes);
	read = deserialise_table(&rest, &err);
	cr_assert(read, "%s", err.message);
	cr_assert_not(read->sets.v[0]->elements.sorted);
	same_table(table, read);
}

Test(serialise, reads_one_table_after_the_other)
{
	autotable *a = sample_table("a"), *b = sample_table("b"), *read_a = NULL, *read_b = NULL;
	autoerror err = ERROR_INIT;
	autobuf bytes = {0};
	struct span rest;

	serialise_table(&bytes, a);
	serialise_table(&bytes, b);
	rest = buf_span(&bytes);
	read_a = deserialise_table(&rest, &err);
	read_b = deserialise_table(&rest, &err);
	cr_assert(read_a && read_b, "%s", err.message);
	same_table(a, read_a);
	same_table(b, read_b);
	cr_assert_null(deserialise_table(&rest, &err));
	cr_assert_str_eq(err.message, "the stored bytes are damaged: there is no table");
}

Test(serialise, refuses_every_truncation)
{
	autotable *table = sample_table("untrack");
	autobuf bytes = {0};

	serialise_table(&bytes, table);
	for (size_t len = 0; len < bytes.len; len++) {
		uint8_t *cut =
			malloc(len ? len : 1); /* its own, so that a sanitizer sees the end */
		struct span rest = {cut, len};
		autoerror err = ERROR_INIT;

		memcpy(cut, bytes.data, len);
		cr_assert_null(deserialise_table(&rest, &err), "cut to %zu", len);
		cr_assert_eq(err.code, ERROR_SYSTEM);
		cr_assert_not_null(err.message);
		free(cut);
	}
}

/* Without a checksum a changed byte may well be legal. It must not lead outside the bytes, and what
 * comes out must be whole enough to be walked and written again. */
Test(serialise, stays_inside_the_bytes_whatever_they_say)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	autotable *table = sample_table("untrack");
	unsigned refused = 0;
	autobuf bytes = {0};

	serialise_table(&bytes, table);
	for (size_t i = 0; i < bytes.len * 3; i++) {
		struct span rest = buf_span(&bytes);
		autotable *read = NULL;
		autoerror err = ERROR_INIT;
		autobuf again = {0};

		bytes.data[i / 3] ^= masks[i % 3];
		read = deserialise_table(&rest, &err);
		cr_assert_eq(!read, error_is_set(&err), "byte %zu", i / 3);
		if (read)
			serialise_table(&again, read);
		else
			refused++;
		bytes.data[i / 3] ^= masks[i % 3];
	}
	cr_assert_gt(refused, 100);
}

Test(serialise, tells_another_format)
{
	autotable *table = sample_table("untrack");
	autoerror err = ERROR_INIT;
	autobuf bytes = {0};
	struct span rest;

	serialise_table(&bytes, table);
	bytes.data[16] = 2; /* behind the heads of the table and of its format */
	rest = buf_span(&bytes);
	cr_assert_null(deserialise_table(&rest, &err));
	cr_assert_str_eq(err.message,
			 "the stored table is in another untrack's format, got 2; expected 1");
}
