/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was loaded into tables with long lists: one file for each, true for one boot. */
#include "base/cleanup.h"
#include "model/record.h"
#include "model/serialise.h"
#include "store/file.h"
#include "store/private.h"

#include <string.h>

/* Types of records. Numbers stay what they are: files outlive the program that wrote them. */
enum field { FIELD_BOOT = 1, FIELD_GENERATION = 2, FIELD_NOTE = 3 };

DEFINE_AUTOCLEAN(struct table, table_free)

bool store_save_remembered(struct store *store, const char *title, uint32_t generation,
			   const struct table *table, struct untrack_error *err)
{
	char name[TITLE_FILE_MAX], boot[BOOT_ID_MAX];
	autobuf bytes = {0};

	title_file_name(title, name);
	if (!boot_id(boot, err) || !store_prepare(store, store->remembered_dir, err))
		return false;
	record_put_text(&bytes, FIELD_BOOT, boot);
	record_put_u32(&bytes, FIELD_GENERATION, generation);
	serialise_table(&bytes, table);
	return file_write(store->remembered_dir, name, FILE_REMEMBERED, &bytes, err);
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

struct table *store_load_remembered(struct store *store, const char *title, uint32_t *ret_generation,
				    struct untrack_error *err)
{
	char name[TITLE_FILE_MAX], boot[BOOT_ID_MAX];
	autoerror ignored = ERROR_INIT; /* it is only an aid: what is damaged is as good as absent */
	autobuf bytes = {0};

	title_file_name(title, name);
	if (!boot_id(boot, err) ||
	    file_read(store->remembered_dir, name, FILE_REMEMBERED, &bytes, &ignored) != FILE_READ)
		return NULL;
	return decode(&bytes, boot, ret_generation, &ignored);
}

bool store_forget(struct store *store, const char *title, struct untrack_error *err)
{
	char name[TITLE_FILE_MAX];

	title_file_name(title, name);
	return file_remove(store->remembered_dir, name, err) != FILE_FAILED;
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
