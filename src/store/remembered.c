/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was loaded into tables with long lists: one file for each, true for one boot. */
#include "base/cleanup.h"
#include "model/record.h"
#include "model/serialise.h"
#include "store/file.h"
#include "store/keys.h"
#include "store/private.h"

#include <string.h>

/* Types of records. Numbers stay what they are: files outlive the program that wrote them. */
enum field { FIELD_BOOT = 1, FIELD_GENERATION = 2, FIELD_NOTE = 3 };

DEFINE_AUTOCLEAN(struct table, table_free)

/* What keys are saved for a table. */
struct saving {
	const struct store *store;
	const char *name;
	const struct table *before;
	ARRAY(uint64_t) numbers;
	struct untrack_error *err;
	bool failed;
};

static uint64_t save_keys(void *arg, const struct table *table, const struct set *set)
{
	struct saving *saving = arg;
	const struct packed *keys = &set->elements.packed;
	const struct set *before =
		saving->before ? table_find_set(saving->before, set->name) : NULL;
	uint64_t number = 0;

	(void)table;
	if (keys->count < KEYS_APART || saving->failed)
		return 0;
	number = keys_save(saving->store->remembered_dir, saving->name, keys,
			   before ? &before->elements.packed : NULL, saving->err);
	saving->failed = !number || !array_push(&saving->numbers, number);
	return number;
}

bool store_save_remembered(struct store *store, const char *title, uint32_t generation,
			   const struct table *table, const struct table *before,
			   struct untrack_error *err)
{
	char name[TITLE_FILE_MAX], boot[BOOT_ID_MAX];
	struct saving saving = {.store = store, .name = name, .before = before, .err = err};
	autobuf bytes = {0};
	bool ok;

	title_file_name(title, name);
	if (!boot_id(boot, err) || !store_prepare(store, store->remembered_dir, err))
		return false;
	record_put_text(&bytes, FIELD_BOOT, boot);
	record_put_u32(&bytes, FIELD_GENERATION, generation);
	serialise_table_apart(&bytes, table, save_keys, &saving);
	ok = !saving.failed &&
	     file_write(store->remembered_dir, name, FILE_REMEMBERED, &bytes, err);
	if (ok) /* what it does not name is nobody's */
		keys_sweep(store->remembered_dir, name, saving.numbers.v, saving.numbers.n);
	array_free(&saving.numbers);
	return ok;
}

static struct table *decode(const struct buf *bytes, const char *boot, uint32_t *ret_generation,
			    struct untrack_error *err)
{
	struct span rest = buf_span(bytes);
	autofree char *then = NULL;
	struct record record;

	if (!record_next(&rest, &record) || record.type != FIELD_BOOT ||
	    !record_text(&record, &then, err) || strcmp(then, boot) != 0 ||
	    !record_next(&rest, &record) || record.type != FIELD_GENERATION ||
	    !record_u32(&record, ret_generation, err))
		return NULL;
	return deserialise_table(&rest, err);
}

struct table *store_load_remembered(struct store *store, const char *title,
				    uint32_t *ret_generation, struct untrack_error *err)
{
	char name[TITLE_FILE_MAX], boot[BOOT_ID_MAX];
	autoerror ignored =
		ERROR_INIT; /* it is only an aid: what is damaged is as good as absent */
	autoclean(table_free_p) struct table *table = NULL;
	autobuf bytes = {0};

	title_file_name(title, name);
	if (!boot_id(boot, err) ||
	    file_read(store->remembered_dir, name, FILE_REMEMBERED, &bytes, &ignored) != FILE_READ)
		return NULL;
	table = decode(&bytes, boot, ret_generation, &ignored);
	if (!table || !keys_resolve(store->remembered_dir, name, table, &ignored))
		return NULL;
	return steal_pointer(&table);
}

bool store_forget(struct store *store, const char *title, struct untrack_error *err)
{
	char name[TITLE_FILE_MAX];

	title_file_name(title, name);
	if (file_remove(store->remembered_dir, name, err) == FILE_FAILED)
		return false;
	keys_sweep(store->remembered_dir, name, NULL, 0);
	return true;
}

bool store_save_note(struct store *store, const char *title, const struct buf *note,
		     struct untrack_error *err)
{
	char name[TITLE_FILE_MAX], boot[BOOT_ID_MAX];
	autobuf bytes = {0};

	title_file_name(title, name);
	if (!boot_id(boot, err) || !store_prepare(store, store->remembered_dir, err))
		return false;
	record_put_text(&bytes, FIELD_BOOT, boot);
	record_put(&bytes, FIELD_NOTE, note->data, note->len);
	return file_write(store->remembered_dir, name, FILE_NOTE, &bytes, err);
}

bool store_load_note(struct store *store, const char *title, struct buf *ret_note)
{
	char name[TITLE_FILE_MAX], boot[BOOT_ID_MAX];
	autoerror ignored = ERROR_INIT;
	autofree char *then = NULL;
	struct record record;
	autobuf bytes = {0};
	struct span rest;

	title_file_name(title, name);
	if (!boot_id(boot, &ignored) ||
	    file_read(store->remembered_dir, name, FILE_NOTE, &bytes, &ignored) != FILE_READ)
		return false;
	rest = buf_span(&bytes);
	if (!record_next(&rest, &record) || record.type != FIELD_BOOT ||
	    !record_text(&record, &then, &ignored) || strcmp(then, boot) != 0 ||
	    !record_next(&rest, &record) || record.type != FIELD_NOTE)
		return false;
	buf_put(ret_note, record.body.data, record.body.len);
	return !ret_note->failed;
}
