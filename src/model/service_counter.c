/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/service_counter.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define MARK "untrack "

bool table_is_policy(const struct table *table)
{
	const char *comment = table_comment(table), *family = family_name(table->family);
	size_t length = strlen(family);

	if (!comment || strncmp(comment, MARK, strlen(MARK)) != 0)
		return false;
	comment += strlen(MARK);
	return strncmp(comment, family, length) == 0 && comment[length] == ' ' &&
	       strcmp(comment + length + 1, table->name) == 0;
}

/* Counters are called NAME_pre_d and so on. Returns the place for the suffix, or NULL. */
static struct service_count *count_of(struct service_counter *counter, const char *suffix)
{
	if (!strcmp(suffix, "_pre_d"))
		return &counter->prerouting_d;
	if (!strcmp(suffix, "_pre_s"))
		return &counter->prerouting_s;
	if (!strcmp(suffix, "_out_d"))
		return &counter->output_d;
	return !strcmp(suffix, "_out_s") ? &counter->output_s : NULL;
}
#define SUFFIX_LENGTH 6

static struct service_counter *find(service_counters *list, const struct table *table,
				    const char *name, size_t length)
{
	array_for_each(counter, list) {
		if (counter->table == table && counter->name_length == length &&
		    !memcmp(counter->name, name, length))
			return counter;
	}
	return array_push(list, (struct service_counter){.table = table,
							 .name = name,
							 .name_length = length})
		       ? &list->v[list->n - 1]
		       : NULL;
}

static bool read_object(service_counters *list, const struct table *table,
			const struct stateful *object)
{
	struct span data;
	struct service_counter *counter, probe;
	struct service_count *count;
	size_t length = strlen(object->name);

	if (object->type != NFT_OBJECT_COUNTER || length <= SUFFIX_LENGTH ||
	    !count_of(&probe, object->name + length - SUFFIX_LENGTH))
		return true;
	counter = find(list, table, object->name, length - SUFFIX_LENGTH);
	if (!counter)
		return false;
	count = count_of(counter, object->name + length - SUFFIX_LENGTH);
	count->used = true;
	if (attr_find(buf_span(&object->attrs), NFTA_OBJ_DATA, &data)) {
		count->packets = attr_find_be64(data, NFTA_COUNTER_PACKETS);
		count->bytes = attr_find_be64(data, NFTA_COUNTER_BYTES);
	}
	return true;
}

bool service_counters_read(const struct ruleset *ruleset, service_counters *ret_list,
			   struct untrack_error *err)
{
	service_counters list = {0};

	array_for_each(table, &ruleset->tables) {
		if (!table_is_policy(*table))
			continue;
		array_for_each(object, &(*table)->objects) {
			if (!read_object(&list, *table, *object)) {
				array_free(&list);
				return error_memory(err);
			}
		}
	}
	*ret_list = list;
	return true;
}
