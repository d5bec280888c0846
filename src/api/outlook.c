/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/outlook.h"

#include <stdlib.h>
#include <string.h>

void outlook_free(struct outlook *outlook)
{
	array_for_each(table, &outlook->made) {
		array_free(&(*table)->sets);
		table_forget_names(*table);
		free(*table);
	}
	array_free(&outlook->made);
	array_free(&outlook->after.tables);
	array_free(&outlook->declared.tables);
}

static const struct pair *find_pair(const struct target *target, const struct table *table)
{
	array_for_each(pair, &target->pairs) {
		const struct table *one = pair->desired ? pair->desired : pair->live;

		if (one->family == table->family && !strcmp(one->name, table->name))
			return pair;
	}
	return NULL;
}

/* A foreign table with our accept rules in it was planned without the elements of its sets, which
 * lint wants to see. */
static struct table *with_elements(struct outlook *outlook, struct table *planned,
				   const struct table *read)
{
	struct table *table = malloc(sizeof(*table));

	if (!table || !array_push(&outlook->made, table)) {
		free(table);
		return NULL;
	}
	*table = *planned;
	memset(&table->sets, 0, sizeof(table->sets));
	table->chain_names = table->set_names = table->object_names = (struct name_index){0};
	array_for_each(set, &planned->sets) {
		struct set *whole =
			(*set)->elements_read ? NULL : table_find_set(read, (*set)->name);

		if (!array_push(&table->sets, whole ? whole : *set))
			return NULL;
	}
	return table;
}

bool outlook_make(struct outlook *outlook, const struct target *target, const struct ruleset *live,
		  struct untrack_error *err)
{
	array_for_each(table, &live->tables) {
		const struct pair *pair = target ? find_pair(target, *table) : NULL;
		struct table *then = pair ? pair->desired : *table;

		if (pair && !pair->mark)
			continue; /* comes last, as it will be loaded last */
		if (pair && then)
			then = with_elements(outlook, then, *table);
		if (!then || !array_push(&outlook->after.tables, then))
			return error_memory(err);
	}
	if (!target)
		return true;
	array_for_each(pair, &target->pairs) {
		if (!pair->desired || pair->mark)
			continue;
		if (!array_push(&outlook->after.tables, pair->desired) ||
		    !array_push(&outlook->declared.tables, pair->desired))
			return error_memory(err);
	}
	return true;
}
