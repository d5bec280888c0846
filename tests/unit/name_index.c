/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/ruleset.h"

#include <criterion/criterion.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

/* Objects with two types for each name. */
static void add_pairs(struct table *table, int from, int to)
{
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "object-%d", i);
		array_push(&table->objects, stateful_new(name, NFT_OBJECT_COUNTER));
		array_push(&table->objects, stateful_new(name, NFT_OBJECT_QUOTA));
	}
}

static void has_pairs(const struct table *table, int from, int to, bool wanted)
{
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "object-%d", i);
		for (uint32_t type = NFT_OBJECT_COUNTER; type <= NFT_OBJECT_QUOTA; type++) {
			const struct stateful *found = table_find_object(table, name, type);

			cr_assert_eq(found != NULL, wanted, "%s", name);
			cr_assert(!found || (found->type == type && !strcmp(found->name, name)));
		}
	}
}

Test(name_index, finds_what_was_appended_since)
{
	struct table *table = table_new(1, "t");

	has_pairs(table, 0, 1, false);
	for (int count = 0; count < 3000; count += 1 + count / 3) {
		add_pairs(table, count, count + 1 + count / 3);
		has_pairs(table, 0, count + 1 + count / 3, true);
		has_pairs(table, count + 1 + count / 3, count + 400, false);
	}
	table_free(table);
}

Test(name_index, finds_the_first_of_one_name)
{
	struct table *table = table_new(1, "t");

	for (int i = 0; i < 100; i++)
		array_push(&table->chains, chain_new(i % 2 ? "odd" : "even"));
	cr_assert_eq(table_find_chain(table, "even"), table->chains.v[0]);
	cr_assert_eq(table_find_chain(table, "odd"), table->chains.v[1]);
	table_free(table);
}

Test(name_index, forgets_what_was_taken_away)
{
	struct table *table = table_new(1, "t");

	add_pairs(table, 0, 100);
	has_pairs(table, 0, 100, true);
	for (int i = 0; i < 20; i++)
		stateful_free(table->objects.v[--table->objects.n]);
	has_pairs(table, 90, 100, false);
	add_pairs(table, 100, 110);
	table_forget_names(table);
	has_pairs(table, 90, 100, false);
	has_pairs(table, 100, 110, true);
	table_free(table);
}
