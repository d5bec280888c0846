/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysctls were before a policy set them: one file for each table that a policy owns. */
#include "store/store.h"

#include "base/cleanup.h"
#include "model/record.h"
#include "store/file.h"
#include "store/private.h"

#include <ctype.h>
#include <string.h>
#include <zlib.h>

/* Types of records. Numbers stay what they are: files outlive the program that wrote them. */
enum field { FIELD_TABLE = 1, FIELD_SYSCTL = 2 };

enum { NAME_LONG = 180 };

/* "inet untrack" becomes "inet%20untrack": a table's name may hold whatever it likes. A long one is
 * cut, and its checksum keeps it apart from others that begin alike. */
void title_file_name(const char *table, char ret_name[TITLE_FILE_MAX])
{
	size_t len = 0;

	for (const char *c = table; *c && len < NAME_LONG; c++) {
		if (isalnum((unsigned char)*c) || *c == '_' || *c == '-')
			ret_name[len++] = *c;
		else
			len += (size_t)sprintf(ret_name + len, "%%%02x", (unsigned char)*c);
	}
	ret_name[len] = 0;
	if (len >= NAME_LONG)
		sprintf(ret_name + len, "~%08lx", crc32_z(0, (const Bytef *)table, strlen(table)));
}

static bool decode(const struct buf *bytes, const char *table, sysctl_values *values,
		   struct untrack_error *err)
{
	struct span rest = buf_span(bytes);
	autofree char *owner = NULL;
	struct record record;

	while (record_next(&rest, &record)) {
		struct sysctl_value value = {0};

		if (record.type == FIELD_TABLE) {
			if (!record_text(&record, &owner, err))
				return false;
			continue;
		}
		if (record.type != FIELD_SYSCTL)
			return record_damaged(err, "a field is not known");
		if (!sysctl_value_decode(&record, &value, err))
			return false;
		if (!array_push(values, value)) {
			free(value.name);
			return error_memory(err);
		}
	}
	if (rest.len || !owner || strcmp(owner, table))
		return record_damaged(err, "these are not the values of that table");
	return true;
}

bool store_load_originals(struct store *store, const char *table, sysctl_values *ret_values,
			  struct untrack_error *err)
{
	autoclean(sysctl_values_free) sysctl_values values = {0};
	char name[TITLE_FILE_MAX];
	enum file_result result;
	autobuf bytes = {0};

	title_file_name(table, name);
	result = file_read(store->originals_dir, name, FILE_ORIGINALS, &bytes, err);
	if (result == FILE_FAILED)
		return false;
	if (result == FILE_READ && !decode(&bytes, table, &values, err)) {
		error_prefix(err, "%s/%s", store->originals_dir, name);
		return false;
	}
	*ret_values = values;
	values = (sysctl_values){0};
	return true;
}

bool store_save_originals(struct store *store, const char *table, const sysctl_values *values,
			  struct untrack_error *err)
{
	char name[TITLE_FILE_MAX];
	autobuf bytes = {0};

	title_file_name(table, name);
	if (!values->n)
		return file_remove(store->originals_dir, name, err) != FILE_FAILED;
	if (!store_prepare(store, store->originals_dir, err))
		return false;
	record_put_text(&bytes, FIELD_TABLE, table);
	array_for_each(value, values) {
		sysctl_value_encode(&bytes, FIELD_SYSCTL, value);
	}
	return file_write(store->originals_dir, name, FILE_ORIGINALS, &bytes, err);
}
