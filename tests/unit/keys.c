/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of long lists apart from what tells of them: remembered tables and snapshots. */
#include "scratch_dir.h"
#include "store/keys.h"
#include "store/store.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <linux/netfilter.h>
#include <sys/stat.h>

DEFINE_AUTOCLEAN(struct table, table_free)

#define autostore autoclean(store_close_p) struct store
#define autotable autoclean(table_free_p) struct table
#define autosnapshot autoclean(snapshot_free_p) struct snapshot
#define KeysTest(name) Test(keys, name, .init = scratch_begin, .fini = scratch_end)

static const char title[] = "inet t";
static const char remembered[] = "state/init/remembered", snapshots_path[] = "state/init/snapshots";

static struct store *open_locked(void)
{
	autoerror err = ERROR_INIT;
	struct store *store = store_open(scratch_state, scratch_run, "init", &err);

	cr_assert(store && store_lock(store, 5000, &err), "%s", err.message);
	return store;
}

/* A table with one list: of 0, 3, 6, … those that `has` wants. */
static struct table *make_table(bool ranges, uint32_t count, bool has(uint32_t i))
{
	struct table *table = table_new(NFPROTO_INET, "t");
	struct set *set = set_new("long");
	struct packed *packed = &set->elements.packed;
	uint8_t *keys = malloc(count * 16);

	cr_assert(table && keys && array_push(&table->sets, set));
	*packed = (struct packed){.keys = keys, .width = 8, .ranges = ranges};
	for (uint32_t i = 0; i < count; i++) {
		uint64_t first = htobe64(3 * (uint64_t)i), last = htobe64(3 * (uint64_t)i + 1);

		if (!has(i))
			continue;
		memcpy(keys, &first, sizeof(first));
		keys += sizeof(first);
		if (ranges) {
			memcpy(keys, &last, sizeof(last));
			keys += sizeof(last);
		}
		packed->count++;
	}
	set->elements_read = true;
	return table;
}

static uint32_t turn; /* of the changes below */

static bool all(uint32_t i)
{
	return i || !turn;
}

/* From turn to turn a few go, and a few that went earlier come back. */
static bool some(uint32_t i)
{
	return (i * 2654435761u >> 16) % 1000 != turn % 7 && i % 997 != turn;
}

static bool few(uint32_t i)
{
	return (i * 2654435761u >> 16) % 3 == turn % 3;
}

static const struct packed *keys_of(const struct table *table)
{
	return &table->sets.v[0]->elements.packed;
}

static void same_keys(const struct table *a, const struct table *b)
{
	const struct packed *p = keys_of(a), *q = keys_of(b);

	cr_assert_eq(p->count, q->count);
	cr_assert(p->keys && q->keys && p->width == q->width && p->ranges == q->ranges);
	cr_assert_eq(memcmp(p->keys, q->keys, p->count * packed_entry(p)), 0);
}

/* How many files of keys there are, and the bytes in them. */
static unsigned count_files(const char *beneath, off_t *ret_size)
{
	DIR *directory = opendir(scratch_path(beneath));
	struct dirent *entry;
	unsigned count = 0;
	off_t size = 0;

	cr_assert_not_null(directory);
	while ((entry = readdir(directory))) {
		const char *dot = strrchr(entry->d_name, '.');
		struct stat info;

		if (!dot || strlen(dot) != 17)
			continue;
		cr_assert_eq(fstatat(dirfd(directory), entry->d_name, &info, 0), 0);
		count++;
		size += info.st_size;
	}
	closedir(directory);
	if (ret_size)
		*ret_size = size;
	return count;
}

static void save(struct store *store, const struct table *table, const struct table *before)
{
	autoerror err = ERROR_INIT;

	cr_assert(store_save_remembered(store, title, 7, table, before, &err), "%s", err.message);
}

static struct table *load(struct store *store)
{
	autoerror err = ERROR_INIT;
	uint32_t generation = 0;
	struct table *table = store_load_remembered(store, title, &generation, &err);

	cr_assert(table && generation == 7);
	return table;
}

static uint32_t take_snapshot(struct store *store, struct table *live)
{
	autosnapshot *snapshot = snapshot_new();
	autoerror err = ERROR_INIT;

	snapshot->document = strdup("d");
	cr_assert(array_push(&snapshot->tables, (struct snapshot_table){.family = NFPROTO_INET,
									.name = strdup("t"),
									.table = live,
									.borrowed = true}));
	cr_assert(store_save_snapshot(store, snapshot, &err), "%s", err.message);
	return snapshot->id;
}

static void follow_changes(bool ranges, bool wanted(uint32_t i), unsigned files_at_most)
{
	autostore *store = open_locked();
	autotable *before = NULL;

	for (turn = 0; turn < 40; turn++) {
		autotable *table = make_table(ranges, 50000, wanted), *read = NULL;

		save(store, table, before);
		cr_assert_leq(count_files(remembered, NULL), files_at_most);
		read = load(store);
		same_keys(read, table);
		table_free(before);
		before = steal_pointer(&read);
	}
}

KeysTest(gives_back_what_changed_a_little)
{
	follow_changes(false, some, 2);
}

KeysTest(gives_back_ranges_that_changed_a_little)
{
	follow_changes(true, some, 2);
}

KeysTest(gives_back_what_changed_much)
{
	follow_changes(false, few, 1);
}

KeysTest(writes_differences_only)
{
	autostore *store = open_locked();
	autotable *first = NULL, *second = NULL, *read = NULL, *again = NULL;
	off_t whole, both, same;

	turn = 0;
	first = make_table(false, 50000, all);
	save(store, first, NULL);
	cr_assert_eq(count_files(remembered, &whole), 1);
	read = load(store);
	turn = 1;
	second = make_table(false, 50000, all);
	save(store, second, read);
	cr_assert_eq(count_files(remembered, &both), 2);
	cr_assert_leq(both, whole + 200);
	again = load(store);
	same_keys(again, second);
	save(store, second, again);
	cr_assert_eq(count_files(remembered, &same), 2);
	cr_assert_eq(same, both);
}

KeysTest(snapshots_have_the_same_files)
{
	autostore *store = open_locked();
	autotable *before = NULL;
	autoerror err = ERROR_INIT;
	off_t size;

	for (turn = 0; turn < 12; turn++) {
		autotable *table = make_table(false, 50000, some);

		if (before)
			cr_assert_eq(take_snapshot(store, before), turn);
		save(store, table, before);
		table_free(before);
		before = load(store);
	}
	cr_assert_eq(count_files(snapshots_path, &size), 21); /* a whole one has no difference */
	cr_assert(store_forget(store, title, &err));
	cr_assert_eq(count_files(remembered, NULL), 0);
	for (turn = 0; turn < 11; turn++) {
		autosnapshot *snapshot = store_load_snapshot(store, turn + 1, &err);
		autotable *table = make_table(false, 50000, some);

		cr_assert(snapshot, "%s", err.message);
		same_keys(snapshot->tables.v[0].table, table);
	}
	cr_assert(store_drop_snapshot(store, 11, &err));
	cr_assert_eq(count_files(snapshots_path, NULL), 19);
	for (turn = 0; turn < 30; turn++)
		take_snapshot(store, before);
	/* what is remembered no more is in the snapshots themselves */
	cr_assert_eq(count_files(snapshots_path, NULL), 0);
}

static void damage(const char *beneath, const char *suffix)
{
	DIR *directory = opendir(scratch_path(beneath));
	struct dirent *entry;

	while ((entry = readdir(directory))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strlen(dot) == 17 && strchr(suffix, dot[16]))
			cr_assert_eq(unlinkat(dirfd(directory), entry->d_name, 0), 0);
	}
	closedir(directory);
}

KeysTest(tells_of_a_snapshot_without_its_keys)
{
	static const char *const ends[] = {"02468ace", "13579bdf"}; /* what is whole; differences */

	for (size_t i = 0; i < 2; i++) {
		autostore *store = open_locked();
		autotable *first = NULL, *second = NULL, *live = NULL, *live2 = NULL;
		autoerror err = ERROR_INIT;
		uint32_t generation, id;

		turn = 0;
		first = make_table(false, 50000, all);
		save(store, first, NULL);
		live = load(store);
		turn = 1;
		second = make_table(false, 50000, all);
		save(store, second, live);
		live2 = load(store);
		id = take_snapshot(store, live2);
		damage(snapshots_path, ends[i]);
		cr_assert_null(store_load_snapshot(store, id, &err));
		cr_assert(strstr(err.message, "is missing"), "%s", err.message);
		damage(remembered, ends[i]);
		cr_assert_null(store_load_remembered(store, title, &generation, &err));
		/* written whole again, since what it would differ from is gone */
		save(store, second, live2);
		table_free(live);
		live = load(store);
		same_keys(live, second);
	}
}
