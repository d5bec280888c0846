/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots in memory, and as the records of a file. */
#include "store/private.h"

#include "base/cleanup.h"
#include "model/serialise.h"
#include "store/keys.h"

#include <stdio.h>

/* Types of records. Numbers stay what they are: files outlive the program that wrote them. */
enum field {
	FIELD_ID = 1,
	FIELD_TIME = 2,
	FIELD_GENERATION = 3,
	FIELD_DOCUMENT = 4,
	FIELD_ROLLBACK_TO = 5,
	FIELD_TABLE = 16,  /* of FAMILY, NAME, and CONTENT unless there was none */
	FIELD_CHAIN = 17,  /* of FAMILY, TABLE_NAME, NAME, MARK, CONTENT */
	FIELD_SYSCTL = 18, /* of NAME, VALUE */
	FIELD_FAMILY = 32,
	FIELD_NAME = 33,
	FIELD_TABLE_NAME = 34,
	FIELD_MARK = 35,
	FIELD_CONTENT = 36,
	FIELD_VALUE = 37,
};

struct snapshot *snapshot_new(void)
{
	return calloc(1, sizeof(struct snapshot));
}

static void table_clear(struct snapshot_table *table)
{
	free(table->name);
	if (!table->borrowed)
		table_free(table->table);
}

static void chain_clear(struct snapshot_chain *chain)
{
	free(chain->table);
	free(chain->chain);
	free(chain->mark);
	table_free(chain->content);
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	array_for_each(table, &snapshot->tables) {
		table_clear(table);
	}
	array_for_each(chain, &snapshot->chains) {
		chain_clear(chain);
	}
	array_for_each(value, &snapshot->sysctls) {
		free(value->name);
	}
	array_free(&snapshot->tables);
	array_free(&snapshot->chains);
	array_free(&snapshot->sysctls);
	free(snapshot->document);
	free(snapshot);
}

void snapshots_free(snapshots *list)
{
	array_for_each(snapshot, list) {
		snapshot_free(*snapshot);
	}
	array_free(list);
}

void sysctl_values_free(sysctl_values *values)
{
	array_for_each(value, values) {
		free(value->name);
	}
	array_free(values);
}

/* --- writing ------------------------------------------------------------------------------------- */

struct encoding {
	const struct store *store;
	uint32_t id;
};

/* Long lists that are remembered are not written once more: the snapshot has their files as well. */
static uint64_t share_keys(void *arg, const struct table *table, const struct set *set)
{
	const struct encoding *encoding = arg;
	const struct packed *packed = &set->elements.packed;
	char name[SNAPSHOT_NAME_MAX], remembered[TITLE_FILE_MAX];
	autofree char *title = NULL;

	if (!encoding->store || !packed->stored)
		return 0;
	if (asprintf(&title, "%s %s", family_name(table->family), table->name) < 0) {
		title = NULL;
		return 0;
	}
	snapshot_name(encoding->id, name);
	title_file_name(title, remembered);
	return keys_link(encoding->store->remembered_dir, remembered,
			 encoding->store->snapshots_dir, name, packed->stored)
		       ? packed->stored
		       : 0;
}

static void content_encode(struct buf *out, const struct table *table, struct encoding *encoding)
{
	size_t begin = record_begin(out, FIELD_CONTENT);

	serialise_table_apart(out, table, share_keys, encoding);
	record_end(out, begin);
}

void sysctl_value_encode(struct buf *out, uint32_t type, const struct sysctl_value *value)
{
	size_t begin = record_begin(out, type);

	record_put_text(out, FIELD_NAME, value->name);
	record_put_u64(out, FIELD_VALUE, value->value);
	record_end(out, begin);
}

void snapshot_encode(const struct store *store, const struct snapshot *snapshot, uint32_t id,
		     struct buf *out)
{
	struct encoding encoding = {store, id};

	record_put_u32(out, FIELD_ID, id);
	record_put_u64(out, FIELD_TIME, (uint64_t)snapshot->time);
	record_put_u32(out, FIELD_GENERATION, snapshot->generation);
	record_put_text(out, FIELD_DOCUMENT, snapshot->document);
	record_put_u32(out, FIELD_ROLLBACK_TO, snapshot->rollback_to);
	array_for_each(table, &snapshot->tables) {
		size_t begin = record_begin(out, FIELD_TABLE);

		record_put_u32(out, FIELD_FAMILY, table->family);
		record_put_text(out, FIELD_NAME, table->name);
		if (table->table)
			content_encode(out, table->table, &encoding);
		record_end(out, begin);
	}
	array_for_each(chain, &snapshot->chains) {
		size_t begin = record_begin(out, FIELD_CHAIN);

		record_put_u32(out, FIELD_FAMILY, chain->family);
		record_put_text(out, FIELD_TABLE_NAME, chain->table);
		record_put_text(out, FIELD_NAME, chain->chain);
		record_put_text(out, FIELD_MARK, chain->mark);
		if (chain->content)
			content_encode(out, chain->content, &encoding);
		record_end(out, begin);
	}
	array_for_each(value, &snapshot->sysctls) {
		sysctl_value_encode(out, FIELD_SYSCTL, value);
	}
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool family_decode(const struct record *record, uint8_t *ret_family,
			  struct untrack_error *err)
{
	uint32_t family = 0;

	if (!record_u32(record, &family, err))
		return false;
	if (!family || family > UINT8_MAX)
		return record_damaged(err, "a family is none");
	*ret_family = (uint8_t)family;
	return true;
}

static bool content_decode(const struct record *record, struct table **ret_table,
			   struct untrack_error *err)
{
	struct span rest = record->body;
	struct table *table;

	if (*ret_table)
		return record_damaged(err, "a table comes twice");
	table = deserialise_table(&rest, err);
	if (!table)
		return false;
	*ret_table = table;
	return rest.len ? record_damaged(err, "more than a table") : true;
}

/* Tables and chains have the same fields, each but some of them: where those go that it has. */
struct part {
	uint8_t *family;
	char **name;
	char **table_name;
	char **mark;
	struct table **content;
};

static bool part_field(const struct record *field, const struct part *to, struct untrack_error *err)
{
	switch (field->type) {
	case FIELD_FAMILY:
		return family_decode(field, to->family, err);
	case FIELD_NAME:
		return record_text(field, to->name, err);
	case FIELD_CONTENT:
		return content_decode(field, to->content, err);
	case FIELD_TABLE_NAME:
		if (to->table_name)
			return record_text(field, to->table_name, err);
		break;
	case FIELD_MARK:
		if (to->mark)
			return record_text(field, to->mark, err);
		break;
	default:
		break;
	}
	return record_damaged(err, "a field is not known");
}

static bool part_decode(struct span body, const struct part *to, struct untrack_error *err)
{
	struct record field;

	while (record_next(&body, &field))
		if (!part_field(&field, to, err))
			return false;
	if (body.len || !*to->family || !*to->name || (to->table_name && !*to->table_name))
		return record_damaged(err, "a part of it is missing");
	return true;
}

static bool table_decode(const struct record *record, struct snapshot *snapshot,
			 struct untrack_error *err)
{
	struct snapshot_table table = {0};
	const struct part part = {
		.family = &table.family, .name = &table.name, .content = &table.table};

	if (part_decode(record->body, &part, err) &&
	    (array_push(&snapshot->tables, table) || error_memory(err)))
		return true;
	table_clear(&table);
	return false;
}

static bool chain_decode(const struct record *record, struct snapshot *snapshot,
			 struct untrack_error *err)
{
	struct snapshot_chain chain = {0};
	const struct part part = {.family = &chain.family,
				  .name = &chain.chain,
				  .table_name = &chain.table,
				  .mark = &chain.mark,
				  .content = &chain.content};

	if (part_decode(record->body, &part, err) &&
	    (array_push(&snapshot->chains, chain) || error_memory(err)))
		return true;
	chain_clear(&chain);
	return false;
}

bool sysctl_value_decode(const struct record *record, struct sysctl_value *ret_value,
			 struct untrack_error *err)
{
	struct span body = record->body;
	autofree char *name = NULL;
	struct record field;
	uint64_t value = 0;

	while (record_next(&body, &field)) {
		bool read = field.type == FIELD_NAME ? record_text(&field, &name, err)
			    : field.type == FIELD_VALUE
				    ? record_u64(&field, &value, err)
				    : record_damaged(err, "a field is not known");

		if (!read)
			return false;
	}
	if (body.len || !name)
		return record_damaged(err, "a sysctl is not whole");
	*ret_value = (struct sysctl_value){.name = steal_pointer(&name), .value = value};
	return true;
}

static bool sysctl_decode(const struct record *record, struct snapshot *snapshot,
			  struct untrack_error *err)
{
	struct sysctl_value value = {0};

	if (!sysctl_value_decode(record, &value, err))
		return false;
	if (array_push(&snapshot->sysctls, value))
		return true;
	free(value.name);
	return error_memory(err);
}

static bool field_decode(const struct record *record, struct snapshot *snapshot, bool headers_only,
			 struct untrack_error *err)
{
	uint64_t time = 0;

	switch (record->type) {
	case FIELD_ID:
		return record_u32(record, &snapshot->id, err);
	case FIELD_TIME:
		if (!record_u64(record, &time, err))
			return false;
		snapshot->time = (int64_t)time;
		return true;
	case FIELD_GENERATION:
		return record_u32(record, &snapshot->generation, err);
	case FIELD_DOCUMENT:
		return record_text(record, &snapshot->document, err);
	case FIELD_ROLLBACK_TO:
		return record_u32(record, &snapshot->rollback_to, err);
	case FIELD_TABLE:
		return headers_only || table_decode(record, snapshot, err);
	case FIELD_CHAIN:
		return headers_only || chain_decode(record, snapshot, err);
	case FIELD_SYSCTL:
		return headers_only || sysctl_decode(record, snapshot, err);
	default:
		return record_damaged(err, "a field is not known");
	}
}

struct snapshot *snapshot_decode(const struct buf *bytes, bool headers_only,
				 struct untrack_error *err)
{
	autoclean(snapshot_free_p) struct snapshot *snapshot = snapshot_new();
	struct span rest = buf_span(bytes);
	struct record record;

	if (!snapshot) {
		error_memory(err);
		return NULL;
	}
	while (record_next(&rest, &record))
		if (!field_decode(&record, snapshot, headers_only, err))
			return NULL;
	if (rest.len) {
		record_damaged(err, "a record is cut off");
		return NULL;
	}
	return steal_pointer(&snapshot);
}
