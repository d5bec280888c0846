/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/keys.h"

#include "base/cleanup.h"
#include "model/record.h"
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Types of records. Numbers stay what they are: files outlive the program that wrote them. */
enum field { FIELD_ENTRY = 1, FIELD_KEYS = 2, FIELD_BASE = 3, FIELD_GONE = 4, FIELD_COME = 5 };

/* An odd number is that of a difference. */
enum { DIFFERENCE = 1 };

/* What a list has less and more than another one, which is there whole: entries, sorted. */
struct difference {
	uint64_t base;
	struct buf gone, come;
};

static void difference_free(struct difference *d)
{
	buf_free(&d->gone);
	buf_free(&d->come);
}
#define autodifference __attribute__((cleanup(difference_free))) struct difference

static void closedir_p(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static void file_name(const char *prefix, uint64_t number, char ret_name[NAME_MAX])
{
	snprintf(ret_name, NAME_MAX, "%s.%016" PRIx64, prefix, number);
}

static bool is_there(const char *directory, const char *prefix, uint64_t number)
{
	char name[NAME_MAX];
	autofree char *path = NULL;

	file_name(prefix, number, name);
	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return false;
	}
	return access(path, R_OK) == 0;
}

/* --- differences --------------------------------------------------------------------------------- */

static const uint8_t *at(const struct buf *list, size_t i, size_t entry)
{
	return list->data + i * entry;
}

/* What is in a but not in b; with `both`, all that is in one of them. */
static void combine(const struct buf *a, const struct buf *b, size_t entry, bool both,
		    struct buf *out)
{
	size_t n = a->len / entry, m = b->len / entry, i = 0, j = 0;

	while (i < n || (both && j < m)) {
		int order = i == n   ? 1
			    : j == m ? -1
				     : memcmp(at(a, i, entry), at(b, j, entry), entry);

		if (order < 0 || (both && !order))
			buf_put(out, at(a, i, entry), entry);
		else if (both)
			buf_put(out, at(b, j, entry), entry);
		i += order <= 0;
		j += order >= 0;
	}
}

/* (a less b) and (c less d) */
static void combine_rests(const struct buf *a, const struct buf *b, const struct buf *c,
			  const struct buf *d, size_t entry, struct buf *out)
{
	autobuf left = {0}, right = {0};

	combine(a, b, entry, false, &left);
	combine(c, d, entry, false, &right);
	combine(&left, &right, entry, true, out);
	out->failed |= left.failed || right.failed;
}

/* False where they differ in more than `most` bytes. */
static bool find_difference(const struct packed *before, const struct packed *keys, size_t most,
			    struct difference *d)
{
	size_t i = 0, j = 0, entry = packed_entry(keys);
	int order;

	while (packed_difference(before, &i, keys, &j, &order)) {
		if (order < 0)
			buf_put(&d->gone, packed_first(before, i++), entry);
		else
			buf_put(&d->come, packed_first(keys, j++), entry);
		if (d->gone.len + d->come.len > most)
			return false;
	}
	return !d->gone.failed && !d->come.failed;
}

/* A difference to what a difference led to, as one to its base. */
static bool add_up(const struct difference *first, const struct difference *second, size_t entry,
		   struct difference *sum)
{
	sum->base = first->base;
	combine_rests(&first->gone, &second->come, &second->gone, &first->come, entry, &sum->gone);
	combine_rests(&first->come, &second->gone, &second->come, &first->gone, entry, &sum->come);
	return !sum->gone.failed && !sum->come.failed;
}

/* The first entry from `from` on that is not below that one. */
static size_t lower_bound(const struct buf *keys, size_t from, const uint8_t *wanted, size_t entry)
{
	size_t high = keys->len / entry;

	while (from < high) {
		size_t middle = from + (high - from) / 2;

		if (memcmp(at(keys, middle, entry), wanted, entry) < 0)
			from = middle + 1;
		else
			high = middle;
	}
	return from;
}

/* False where it is no difference to that list. */
static bool play(const struct buf *base, const struct difference *d, size_t entry, struct buf *out)
{
	size_t n = base->len / entry, place = 0, g = 0, c = 0;
	size_t gone = d->gone.len / entry, come = d->come.len / entry;

	buf_reserve_exactly(out, base->len + d->come.len);
	while (g < gone || c < come) {
		bool goes = c == come || (g < gone && memcmp(at(&d->gone, g, entry),
							     at(&d->come, c, entry), entry) < 0);
		const uint8_t *one = goes ? at(&d->gone, g++, entry) : at(&d->come, c++, entry);
		size_t next = lower_bound(base, place, one, entry);

		buf_put(out, at(base, place, entry), (next - place) * entry);
		if (goes && (next == n || memcmp(at(base, next, entry), one, entry) != 0))
			return false;
		if (!goes)
			buf_put(out, one, entry);
		place = next + goes;
	}
	buf_put(out, at(base, place, entry), (n - place) * entry);
	return !out->failed;
}

/* --- files --------------------------------------------------------------------------------------- */

static bool take_list(const struct record *record, size_t entry, struct buf *to)
{
	if (!entry || to->len || record->body.len % entry)
		return false;
	buf_reserve_exactly(to, record->body.len);
	buf_put(to, record->body.data, record->body.len);
	return !to->failed;
}

/* A whole list, or a difference. FILE_READ, or the error is set. */
static enum file_result read_number(const char *directory, const char *prefix, uint64_t number,
				    size_t entry, struct buf *keys, struct difference *d,
				    struct untrack_error *err)
{
	char name[NAME_MAX];
	autobuf bytes = {0};
	enum file_result result;
	struct record record;
	struct span rest;
	uint32_t stored = 0;
	bool ok = true;

	file_name(prefix, number, name);
	result = file_read(directory, name, FILE_KEYS, &bytes, err);
	if (result == FILE_ABSENT)
		error_set(err, ERROR_SYSTEM, "%s/%s is missing", directory, name);
	if (result != FILE_READ)
		return FILE_FAILED;
	rest = buf_span(&bytes);
	while (ok && record_next(&rest, &record)) {
		switch (record.type) {
		case FIELD_ENTRY:
			ok = record_u32(&record, &stored, err) && stored == entry;
			break;
		case FIELD_KEYS:
			ok = take_list(&record, stored, keys);
			break;
		case FIELD_BASE:
			ok = record_u64(&record, &d->base, err);
			break;
		case FIELD_GONE:
		case FIELD_COME:
			ok = take_list(&record, stored,
				       record.type == FIELD_GONE ? &d->gone : &d->come);
			break;
		default:
			ok = false;
		}
	}
	if (ok && !rest.len && (number & DIFFERENCE ? !!d->base : !!keys->len))
		return FILE_READ;
	record_damaged(err, "a list of keys is not whole");
	error_prefix(err, "%s/%s", directory, name);
	return FILE_FAILED;
}

static void put_list(struct buf *out, uint32_t type, const uint8_t *data, size_t len)
{
	record_put(out, type, len ? data : (const uint8_t *)"", len);
}

static uint64_t write_number(const char *directory, const char *prefix, size_t entry,
			     const struct packed *keys, const struct difference *d,
			     struct untrack_error *err)
{
	char name[NAME_MAX];
	autobuf bytes = {0};
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		error_errno(err, errno, "no random number");
		return 0;
	}
	number = d ? number | DIFFERENCE : (number | 2) & ~(uint64_t)DIFFERENCE;
	buf_reserve_exactly(&bytes, 64 + (d ? d->gone.len + d->come.len : keys->count * entry));
	record_put_u32(&bytes, FIELD_ENTRY, (uint32_t)entry);
	if (d) {
		record_put_u64(&bytes, FIELD_BASE, d->base);
		put_list(&bytes, FIELD_GONE, d->gone.data, d->gone.len);
		put_list(&bytes, FIELD_COME, d->come.data, d->come.len);
	} else {
		put_list(&bytes, FIELD_KEYS, keys->keys, keys->count * entry);
	}
	file_name(prefix, number, name);
	return file_write(directory, name, FILE_KEYS, &bytes, err) ? number : 0;
}

/* --- saving -------------------------------------------------------------------------------------- */

/* The number of what is before, where that will do; else that of a difference that was written. 0: neither. */
static uint64_t save_difference(const char *directory, const char *prefix,
				const struct packed *keys, const struct packed *before,
				struct untrack_error *err)
{
	autodifference own = {0}, first = {.base = before->stored}, sum = {0};
	size_t entry = packed_entry(keys), most = keys->count * entry / 8;
	autobuf whole = {0};

	if (!before->stored || before->width != keys->width || before->ranges != keys->ranges ||
	    !is_there(directory, prefix, before->stored))
		return 0;
	if (before->stored & DIFFERENCE) {
		first.base = 0;
		if (read_number(directory, prefix, before->stored, entry, &whole, &first, err) !=
			    FILE_READ ||
		    !is_there(directory, prefix, first.base))
			return 0;
	}
	if (!find_difference(before, keys, most, &own))
		return 0;
	if (!own.gone.len && !own.come.len)
		return before->stored;
	if (!add_up(&first, &own, entry, &sum) || sum.gone.len + sum.come.len > most)
		return 0;
	return write_number(directory, prefix, entry, NULL, &sum, err);
}

uint64_t keys_save(const char *directory, const char *prefix, const struct packed *keys,
		   const struct packed *before, struct untrack_error *err)
{
	autoerror ignored = ERROR_INIT;
	uint64_t number = before ? save_difference(directory, prefix, keys, before, &ignored) : 0;

	return number ? number
		      : write_number(directory, prefix, packed_entry(keys), keys, NULL, err);
}

/* --- names --------------------------------------------------------------------------------------- */

static bool link_one(const char *directory, const char *prefix, const char *to_directory,
		     const char *to_prefix, uint64_t number)
{
	char name[NAME_MAX], to_name[NAME_MAX];
	autofree char *from = NULL, *to = NULL;
	autoclose int fd = -1;

	file_name(prefix, number, name);
	file_name(to_prefix, number, to_name);
	if (asprintf(&from, "%s/%s", directory, name) < 0) {
		from = NULL;
		return false;
	}
	if (asprintf(&to, "%s/%s", to_directory, to_name) < 0) {
		to = NULL;
		return false;
	}
	fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	/* One that is there already is of the same number, thus of the same content. */
	return fd >= 0 && fsync(fd) == 0 && (link(from, to) == 0 || errno == EEXIST);
}

/* What the number's file is a difference to; 0: it is none. */
static bool base_of(const char *directory, const char *prefix, uint64_t number, uint64_t *ret_base)
{
	char name[NAME_MAX];
	autobuf bytes = {0};
	struct record record;
	struct span rest;

	*ret_base = 0;
	if (!(number & DIFFERENCE))
		return true;
	file_name(prefix, number, name);
	if (file_read(directory, name, FILE_KEYS, &bytes, NULL) != FILE_READ)
		return false;
	rest = buf_span(&bytes);
	while (record_next(&rest, &record))
		if (record.type == FIELD_BASE)
			return record_u64(&record, ret_base, NULL) && *ret_base;
	return false;
}

bool keys_link(const char *directory, const char *prefix, const char *to_directory,
	       const char *to_prefix, uint64_t number)
{
	uint64_t base;

	return base_of(directory, prefix, number, &base) &&
	       (!base || link_one(directory, prefix, to_directory, to_prefix, base)) &&
	       link_one(directory, prefix, to_directory, to_prefix, number);
}

static bool is_needed(uint64_t number, const uint64_t *numbers, const uint64_t *bases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number || bases[i] == number)
			return true;
	return false;
}

void keys_sweep(const char *directory, const char *prefix, const uint64_t *numbers, size_t count)
{
	autoclean(closedir_p) DIR *dir = opendir(directory);
	autofree uint64_t *bases = calloc(count + 1, sizeof(*bases));
	size_t length = strlen(prefix);
	struct dirent *entry;

	if (!dir || !bases)
		return;
	for (size_t i = 0; i < count; i++)
		if (!base_of(directory, prefix, numbers[i], &bases[i]))
			return; /* who knows what it needs */
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name, *number = name + length + 1;

		if (!strncmp(name, prefix, length) && name[length] == '.' && strlen(number) == 16 &&
		    strspn(number, "0123456789abcdef") == 16 &&
		    !is_needed(strtoull(number, NULL, 16), numbers, bases, count))
			unlinkat(dirfd(dir), name, 0);
	}
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool load(const char *directory, const char *prefix, struct packed *packed,
		 struct untrack_error *err)
{
	size_t entry = packed_entry(packed);
	autobuf keys = {0}, base = {0}, none = {0};
	autodifference d = {0}, nothing = {0};
	bool whole = !(packed->stored & DIFFERENCE);

	if (read_number(directory, prefix, packed->stored, entry, &keys, &d, err) != FILE_READ)
		return false;
	if (!whole) {
		if (d.base & DIFFERENCE)
			return record_damaged(err, "a difference to a difference");
		if (read_number(directory, prefix, d.base, entry, &base, &nothing, err) !=
		    FILE_READ)
			return false;
		buf_free(&keys);
		if (!play(&base, &d, entry, &keys))
			return record_damaged(err, "a difference to another list");
	}
	if (keys.len != packed->count * entry)
		return record_damaged(err, "a list of keys has another length");
	packed->keys = keys.data;
	keys = none;
	return packed_is_sorted(packed) || record_damaged(err, "a list of keys is not sorted");
}

bool keys_resolve(const char *directory, const char *prefix, struct table *table,
		  struct untrack_error *err)
{
	array_for_each(set, &table->sets) {
		struct packed *packed = &(*set)->elements.packed;

		if (packed->stored && !packed->keys && !load(directory, prefix, packed, err))
			return false;
	}
	return true;
}
