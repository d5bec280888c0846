/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in a table, by its name. */
#include "model/ruleset.h"

#include <string.h>

/* The index is no part of what a table is: it may change behind const. */
#define FIND_BY_NAME(table, list, index, wanted, also)                                             \
	_Static_assert(offsetof(__typeof__(**(table)->list.v), name) == 0,                         \
		       "begins with its name");                                                    \
	struct name_index *names_ = (struct name_index *)(uintptr_t) & (table)->index;             \
	size_t cursor_ = 0, place_;                                                                \
	while ((place_ = name_index_next(names_, (void *const *)(table)->list.v, (table)->list.n,  \
					 wanted, &cursor_)) != SIZE_MAX) {                         \
		__typeof__(*(table)->list.v) one = (table)->list.v[place_];                        \
		if (also)                                                                          \
			return one;                                                                \
	}                                                                                          \
	return NULL

struct chain *table_find_chain(const struct table *table, const char *name)
{
	FIND_BY_NAME(table, chains, chain_names, name, one);
}

size_t table_chain_place(const struct table *table, const char *name)
{
	struct name_index *names = (struct name_index *)(uintptr_t)&table->chain_names;
	size_t cursor = 0;

	return name_index_next(names, (void *const *)table->chains.v, table->chains.n, name,
			       &cursor);
}

struct set *table_find_set(const struct table *table, const char *name)
{
	FIND_BY_NAME(table, sets, set_names, name, one);
}

struct stateful *table_find_object(const struct table *table, const char *name, uint32_t type)
{
	FIND_BY_NAME(table, objects, object_names, name, one->type == type);
}

struct flowtable *table_find_flowtable(const struct table *table, const char *name)
{
	array_for_each(one, &table->flowtables) {
		if (!strcmp((*one)->name, name))
			return *one;
	}
	return NULL;
}

void table_forget_names(struct table *table)
{
	name_index_free(&table->chain_names);
	name_index_free(&table->set_names);
	name_index_free(&table->object_names);
}
