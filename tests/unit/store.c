/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include "model/serialise.h"
#include "sample_table.h"
#include "scratch_dir.h"
#include "store/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define autostore autoclean(store_close_p) struct store
#define autosnapshot autoclean(snapshot_free_p) struct snapshot
#define autosnapshots autoclean(snapshots_free) snapshots
#define StoreTest(name) Test(store, name, .init = scratch_begin, .fini = scratch_end)

static struct store *open_store(void)
{
	autoerror err = ERROR_INIT;
	struct store *store = store_open(scratch_state, scratch_run, "init", &err);

	cr_assert(store, "%s", err.message);
	return store;
}

static struct store *open_locked(void)
{
	struct store *store = open_store();
	autoerror err = ERROR_INIT;

	cr_assert(store_lock(store, 5000, &err), "%s", err.message);
	return store;
}

static struct snapshot *sample_snapshot(void)
{
	struct snapshot *snapshot = snapshot_new();

	cr_assert_not_null(snapshot);
	snapshot->time = 1700000000;
	snapshot->generation = 42;
	snapshot->document = strdup("policy.json");
	snapshot->rollback_to = 2;
	cr_assert(array_push(&snapshot->tables,
			     (struct snapshot_table){.family = NFPROTO_INET,
						     .name = strdup("untrack"),
						     .table = sample_table("untrack")}));
	cr_assert(array_push(&snapshot->tables, (struct snapshot_table){.family = NFPROTO_IPV4,
									.name = strdup("new")}));
	cr_assert(array_push(&snapshot->chains,
			     (struct snapshot_chain){.family = NFPROTO_INET,
						     .table = strdup("filter"),
						     .content = sample_table("filter"),
						     .chain = strdup("input"),
						     .mark = strdup("untrack inet untrack: ")}));
	cr_assert(array_push(
		&snapshot->sysctls,
		(struct sysctl_value){strdup("net.netfilter.nf_conntrack_max"), UINT64_MAX}));
	return snapshot;
}

static uint32_t save(struct store *store)
{
	autosnapshot *snapshot = sample_snapshot();
	autoerror err = ERROR_INIT;

	cr_assert(store_save_snapshot(store, snapshot, &err), "%s", err.message);
	return snapshot->id;
}

static snapshots list(struct store *store)
{
	snapshots all = {0};
	autoerror err = ERROR_INIT;

	cr_assert(store_list(store, &all, &err), "%s", err.message);
	return all;
}

static void expect_count(struct store *store, size_t count)
{
	autosnapshots all = list(store);

	cr_assert_eq(all.n, count);
}

static void same_tables(const struct table *a, const struct table *b)
{
	autobuf bytes_a = {0}, bytes_b = {0};

	serialise_table(&bytes_a, a);
	serialise_table(&bytes_b, b);
	cr_assert(span_equal(buf_span(&bytes_a), buf_span(&bytes_b)));
}

static mode_t mode_of(const char *beneath)
{
	struct stat st;

	cr_assert_eq(stat(scratch_path(beneath), &st), 0, "%s", beneath);
	return st.st_mode & 07777;
}

static bool exists(const char *beneath)
{
	return access(scratch_path(beneath), F_OK) == 0;
}

static unsigned count_temporary(const char *beneath)
{
	DIR *directory = opendir(scratch_path(beneath));
	struct dirent *entry;
	unsigned count = 0;

	cr_assert_not_null(directory);
	while ((entry = readdir(directory)))
		count += !strncmp(entry->d_name, ".new-", 5);
	closedir(directory);
	return count;
}

/* --- snapshots ----------------------------------------------------------------------------------- */

StoreTest(gives_back_what_a_snapshot_holds)
{
	autostore *store = open_locked();
	autosnapshot *snapshot = sample_snapshot(), *read = NULL;
	autoerror err = ERROR_INIT;

	cr_assert(store_save_snapshot(store, snapshot, &err), "%s", err.message);
	cr_assert_eq(snapshot->id, 1);
	read = store_load_snapshot(store, 1, &err);
	cr_assert(read, "%s", err.message);
	cr_assert_eq(read->id, 1);
	cr_assert_eq(read->time, 1700000000);
	cr_assert_eq(read->generation, 42);
	cr_assert_str_eq(read->document, "policy.json");
	cr_assert_eq(read->rollback_to, 2);
	cr_assert_eq(read->tables.n, 2);
	cr_assert_eq(read->tables.v[0].family, NFPROTO_INET);
	cr_assert_str_eq(read->tables.v[0].name, "untrack");
	same_tables(read->tables.v[0].table, snapshot->tables.v[0].table);
	cr_assert_str_eq(read->tables.v[1].name, "new");
	cr_assert_null(read->tables.v[1].table);
	cr_assert_eq(read->chains.n, 1);
	cr_assert_str_eq(read->chains.v[0].table, "filter");
	cr_assert_str_eq(read->chains.v[0].chain, "input");
	cr_assert_str_eq(read->chains.v[0].mark, "untrack inet untrack: ");
	same_tables(read->chains.v[0].content, snapshot->chains.v[0].content);
	cr_assert_eq(read->sysctls.n, 1);
	cr_assert_str_eq(read->sysctls.v[0].name, "net.netfilter.nf_conntrack_max");
	cr_assert_eq(read->sysctls.v[0].value, UINT64_MAX);
}

StoreTest(reads_without_directories)
{
	autostore *store = open_store();
	autosnapshots all = list(store);
	sysctl_values values = {0};
	autoerror err = ERROR_INIT;

	cr_assert_eq(all.n, 0);
	cr_assert(store_load_originals(store, "inet untrack", &values, &err));
	cr_assert_eq(values.n, 0);
	cr_assert_null(store_load_snapshot(store, 0, &err));
	cr_assert_eq(err.code, ERROR_USAGE);
	cr_assert_not(exists("state"));
	cr_assert_not(exists("run"));
}

StoreTest(keeps_its_files_to_itself)
{
	mode_t old = umask(0);
	autostore *store = open_locked();

	save(store);
	umask(old);
	cr_assert_eq(mode_of("state"), 0700);
	cr_assert_eq(mode_of("state/init"), 0700);
	cr_assert_eq(mode_of("state/init/snapshots"), 0700);
	cr_assert_eq(mode_of("state/init/snapshots/000001"), 0600);
	cr_assert_eq(mode_of("run/init"), 0700);
	cr_assert_eq(mode_of("run/init/lock"), 0600);
}

StoreTest(names_the_snapshots_there_are)
{
	autostore *store = open_locked();
	autosnapshot *newest = NULL;
	autoerror err = ERROR_INIT;

	for (unsigned i = 0; i < 3; i++)
		save(store);
	newest = store_load_snapshot(store, 0, &err);
	cr_assert_eq(newest->id, 3);
	cr_assert_null(store_load_snapshot(store, 7, &err));
	cr_assert_eq(err.code, ERROR_USAGE);
	cr_assert_str_eq(err.message, "a snapshot, got '7'; expected one of those that 'untrack "
				      "history' lists, from 1 to 3");
}

StoreTest(keeps_the_last_twenty)
{
	autostore *store = open_locked();
	autosnapshots all = {0};

	for (unsigned i = 0; i < 25; i++)
		save(store);
	all = list(store);
	cr_assert_eq(all.n, 20);
	for (unsigned i = 0; i < 20; i++) {
		cr_assert_eq(all.v[i]->id, i + 6);
		cr_assert_str_eq(all.v[i]->document, "policy.json");
		cr_assert_eq(all.v[i]->tables.n, 0, "a listing has headers only");
	}
}

StoreTest(takes_back_the_newest_only)
{
	autostore *store = open_locked();
	autoerror err = ERROR_INIT, second = ERROR_INIT;

	save(store);
	save(store);
	cr_assert_not(store_drop_snapshot(store, 1, &err));
	cr_assert_eq(err.code, ERROR_USAGE);
	cr_assert(store_drop_snapshot(store, 2, &second), "%s", second.message);
	cr_assert_not(exists("state/init/snapshots/000002"));
	cr_assert_eq(save(store), 2);
}

StoreTest(goes_on_counting_past_what_was_removed)
{
	autostore *store = open_locked();

	for (unsigned i = 0; i < 3; i++)
		save(store);
	cr_assert_eq(unlink(scratch_path("state/init/snapshots/000002")), 0);
	cr_assert_eq(save(store), 4);
}

/* --- damage -------------------------------------------------------------------------------------- */

static size_t file_bytes(const char *beneath, uint8_t *bytes, size_t size)
{
	int fd = open(scratch_path(beneath), O_RDONLY);
	ssize_t len = read(fd, bytes, size);

	cr_assert(fd >= 0 && len > 0 && (size_t)len < size);
	close(fd);
	return (size_t)len;
}

static void file_overwrite(const char *beneath, const uint8_t *bytes, size_t len)
{
	int fd = open(scratch_path(beneath), O_WRONLY | O_TRUNC);

	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static void expect_damaged(struct store *store, const char *what, size_t i)
{
	autosnapshot *snapshot = NULL;
	autosnapshots all = list(store);
	autoerror err = ERROR_INIT;

	cr_assert_eq(all.n, 0, "%s %zu", what, i);
	cr_assert(strstr(store_damaged(store), "/init/snapshots/000001 "), "%s",
		  store_damaged(store));
	snapshot = store_load_snapshot(store, 1, &err);
	cr_assert_null(snapshot, "%s %zu", what, i);
	cr_assert_eq(err.code, ERROR_SYSTEM);
	cr_assert(strstr(err.message, "/init/snapshots/000001 "), "%s", err.message);
}

StoreTest(finds_every_changed_byte_and_every_truncation)
{
	static const char name[] = "state/init/snapshots/000001";
	autostore *store = open_locked();
	static uint8_t bytes[16384];
	size_t len;

	save(store);
	len = file_bytes(name, bytes, sizeof(bytes));
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= (uint8_t)(1u << (i % 8));
		file_overwrite(name, bytes, len);
		expect_damaged(store, "flipped in byte", i);
		bytes[i] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t i = 0; i < len; i += 7) {
		file_overwrite(name, bytes, i);
		expect_damaged(store, "cut to", i);
	}
	file_overwrite(name, bytes, len);
	expect_count(store, 1);
	cr_assert_null(store_damaged(store));
}

StoreTest(skips_a_damaged_one_and_counts_it)
{
	autostore *store = open_locked();
	autosnapshots all = {0};

	save(store);
	save(store);
	file_overwrite("state/init/snapshots/000002", (const uint8_t *)"x", 1);
	cr_assert_eq(save(store), 3);
	all = list(store);
	cr_assert_eq(all.n, 2);
	cr_assert_eq(all.v[1]->id, 3);
	cr_assert(strstr(store_damaged(store), "000002 is cut off"), "%s", store_damaged(store));
}

StoreTest(does_not_take_a_file_for_another)
{
	autostore *store = open_locked();
	autoerror err = ERROR_INIT;
	char moved[256];

	save(store);
	snprintf(moved, sizeof(moved), "%s", scratch_path("state/init/snapshots/000005"));
	cr_assert_eq(rename(scratch_path("state/init/snapshots/000001"), moved), 0);
	cr_assert_null(store_load_snapshot(store, 5, &err));
	cr_assert(strstr(err.message, "000005: it is snapshot 1"), "%s", err.message);
}

/* Behind the checksum, which anyone can compute, the decoder is on its own. */
StoreTest(decodes_hostile_bytes_safely)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	autosnapshot *snapshot = sample_snapshot();
	unsigned refused = 0;
	autobuf bytes = {0};

	snapshot_encode(NULL, snapshot, 1, &bytes);
	for (size_t i = 0; i < bytes.len * 3; i++) {
		autosnapshot *read = NULL;
		autoerror err = ERROR_INIT;

		bytes.data[i / 3] ^= masks[i % 3];
		read = snapshot_decode(&bytes, i % 2, &err);
		cr_assert_eq(!read, error_is_set(&err));
		refused += !read;
		bytes.data[i / 3] ^= masks[i % 3];
	}
	cr_assert_gt(refused, 100);
	for (size_t len = bytes.len; len > 0; len--) {
		autosnapshot *read = NULL;
		autoerror err = ERROR_INIT;

		bytes.len = len - 1;
		read = snapshot_decode(&bytes, false, &err);
		cr_assert_eq(!read, error_is_set(&err));
	}
}

/* --- crashes ------------------------------------------------------------------------------------- */

static pid_t save_until_killed(void)
{
	pid_t child = fork();

	cr_assert(child >= 0);
	if (child == 0) {
		struct store *store = open_locked();

		for (;;)
			save(store);
	}
	return child;
}

/* The next writer puts right what the killed ones left undone. */
static void expect_recovered(void)
{
	autostore *store = open_locked();

	for (unsigned i = 0; i < 20; i++)
		save(store);
	expect_count(store, 20);
	cr_assert_eq(count_temporary("state/init/snapshots"), 0);
}

StoreTest(is_whole_after_a_kill_at_any_moment)
{
	unsigned seed = 7, rounds = 40, ids = 0;

	/* A busy machine may not get to its first snapshot that soon: later rounds give it longer. */
	for (unsigned round = 0; round < rounds || (!ids && round < 10 * rounds); round++) {
		pid_t child = save_until_killed();
		autostore *store = open_store();
		autosnapshots all = {0};

		usleep((useconds_t)rand_r(&seed) % (12000 * (1 + round / rounds)));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		all = list(store);
		cr_assert_null(store_damaged(store), "%s", store_damaged(store));
		if (all.n) {
			cr_assert_geq(all.v[all.n - 1]->id, ids);
			ids = all.v[all.n - 1]->id;
		}
	}
	cr_assert_gt(ids, 0);
	expect_recovered();
}

StoreTest(clears_what_killed_writers_left)
{
	autostore *store = open_locked(), *reader = open_store();
	int fd;

	save(store);
	fd = open(scratch_path("state/init/snapshots/.new-0123456789abcdef"), O_CREAT | O_WRONLY,
		  0600);
	cr_assert_geq(fd, 0);
	close(fd);
	expect_count(reader, 1);
	cr_assert_eq(count_temporary("state/init/snapshots"), 1);
	save(store);
	cr_assert_eq(count_temporary("state/init/snapshots"), 0);
}

static void make(const char *beneath)
{
	cr_assert(mkdir(scratch_path(beneath), 0700) == 0 || errno == EEXIST, "%s", beneath);
}

StoreTest(clears_namespaces_of_other_boots)
{
	static const char old[] = "state/00000000-1111-2222-3333-444444444444-5";
	autostore *store = NULL;
	char boot[37], current[80], beneath[120];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	cr_assert(file && fgets(boot, sizeof(boot), file));
	fclose(file);
	make("state");
	make("state/init");
	make("state/other");
	make(old);
	snprintf(beneath, sizeof(beneath), "%s/snapshots", old);
	make(beneath);
	snprintf(beneath, sizeof(beneath), "%s/snapshots/000001", old);
	make(beneath);
	cr_assert_eq(rmdir(scratch_path(beneath)), 0);
	close(open(scratch_path(beneath), O_CREAT | O_WRONLY, 0600));
	snprintf(current, sizeof(current), "state/%s-5", boot);
	make(current);
	store = open_locked();
	save(store);
	cr_assert_not(exists(old));
	cr_assert(exists(current));
	cr_assert(exists("state/other"));
	cr_assert(exists("state/init/snapshots/000001"));
}

StoreTest(says_what_cannot_be_written)
{
	autostore *store = open_store();
	autosnapshot *snapshot = sample_snapshot();
	autoerror err = ERROR_INIT;

	close(open(scratch_state, O_CREAT | O_WRONLY, 0600));
	cr_assert_not(store_save_snapshot(store, snapshot, &err));
	cr_assert(strstr(err.message, "/state"), "%s", err.message);
	cr_assert_eq(err.code, ERROR_SYSTEM);
	cr_assert_eq(snapshot->id, 0);
}

StoreTest(leaves_the_old_state_on_a_full_disk)
{
	autostore *store = NULL;
	autosnapshots all = {0};
	autoerror err = ERROR_INIT;
	unsigned saved = 0;

	cr_assert_eq(unshare(CLONE_NEWNS), 0, "%s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	make("state");
	cr_assert_eq(mount("none", scratch_state, "tmpfs", 0, "size=64k"), 0);
	store = open_locked();
	for (;;) {
		autosnapshot *snapshot = sample_snapshot();

		if (!store_save_snapshot(store, snapshot, &err))
			break;
		cr_assert_lt(++saved, 20);
	}
	cr_assert(strstr(err.message, "cannot be written: No space left on device"), "%s",
		  err.message);
	cr_assert_eq(count_temporary("state/init/snapshots"), 0);
	all = list(store);
	cr_assert_eq(all.n, saved);
	cr_assert_null(store_damaged(store));
	cr_assert_eq(umount2(scratch_state, MNT_DETACH), 0);
}

/* --- originals ----------------------------------------------------------------------------------- */

static void round_trip(struct store *store, const char *table, uint64_t number)
{
	autoclean(sysctl_values_free) sysctl_values values = {0}, read = {0};
	autoerror err = ERROR_INIT;

	cr_assert(array_push(&values, (struct sysctl_value){strdup("net.a"), number}));
	cr_assert(array_push(&values, (struct sysctl_value){strdup("net.b"), 0}));
	cr_assert(store_save_originals(store, table, &values, &err), "%s", err.message);
	cr_assert(store_load_originals(store, table, &read, &err), "%s", err.message);
	cr_assert_eq(read.n, 2);
	cr_assert_str_eq(read.v[0].name, "net.a");
	cr_assert_eq(read.v[0].value, number);
	cr_assert_str_eq(read.v[1].name, "net.b");
}

StoreTest(keeps_originals_for_each_table)
{
	autostore *store = open_locked();
	autoclean(sysctl_values_free) sysctl_values read = {0};
	char a[300] = "inet ", b[300] = "inet ";
	autoerror err = ERROR_INIT;

	memset(a + 5, 'x', 255);
	memset(b + 5, 'x', 255);
	b[259] = 'y';
	round_trip(store, "inet untrack", 1);
	round_trip(store, "ip ../../raw", 2);
	round_trip(store, a, 3);
	round_trip(store, b, 4);
	cr_assert(store_load_originals(store, a, &read, &err), "%s", err.message);
	cr_assert_eq(read.v[0].value, 3);
	cr_assert(exists("state/init/originals/inet%20untrack"));
	cr_assert(store_save_originals(store, "inet untrack", &(sysctl_values){0}, &err));
	cr_assert_not(exists("state/init/originals/inet%20untrack"));
	cr_assert(store_save_originals(store, "inet untrack", &(sysctl_values){0}, &err));
}

StoreTest(finds_damaged_originals)
{
	autostore *store = open_locked();
	sysctl_values read = {0};
	autoerror err = ERROR_INIT;
	uint8_t bytes[512];
	size_t len;

	round_trip(store, "inet untrack", 1);
	len = file_bytes("state/init/originals/inet%20untrack", bytes, sizeof(bytes));
	bytes[len - 1] ^= 1;
	file_overwrite("state/init/originals/inet%20untrack", bytes, len);
	cr_assert_not(store_load_originals(store, "inet untrack", &read, &err));
	cr_assert(strstr(err.message, "originals/inet%20untrack is damaged: its checksum does not "
				      "fit"),
		  "%s", err.message);
}

/* --- the lock ------------------------------------------------------------------------------------ */

/* A process that holds the lock, for that long or until it is killed. */
static pid_t hold_lock(useconds_t time)
{
	int fds[2];
	pid_t child;
	char byte;

	cr_assert_eq(pipe(fds), 0);
	child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		struct store *store = open_locked();

		cr_assert_eq(write(fds[1], "x", 1), 1);
		if (time)
			usleep(time);
		else
			pause();
		store_unlock(store);
		_exit(0);
	}
	cr_assert_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return child;
}

StoreTest(names_the_holder_of_the_lock)
{
	autostore *store = open_store();
	autoerror busy = ERROR_INIT, waited = ERROR_INIT, err = ERROR_INIT;
	pid_t holder = hold_lock(0);
	char expected[128];

	cr_assert_not(store_lock(store, 0, &busy));
	cr_assert_eq(busy.code, ERROR_CONFLICT);
	snprintf(expected, sizeof(expected), "another untrack (pid %d) is at work here", holder);
	cr_assert_str_eq(busy.message, expected);
	cr_assert_not(store_lock(store, 1000, &waited));
	snprintf(expected, sizeof(expected), "another untrack (pid %d) is at work here; waited 1 s",
		 holder);
	cr_assert_str_eq(waited.message, expected);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	cr_assert(store_lock(store, 0, &err), "%s", err.message);
}

StoreTest(waits_for_the_lock)
{
	autostore *store = open_store();
	autoerror err = ERROR_INIT;
	pid_t holder = hold_lock(100000);

	cr_assert(store_lock(store, 5000, &err), "%s", err.message);
	waitpid(holder, NULL, 0);
	store_unlock(store);
	cr_assert(store_lock(store, 0, &err), "%s", err.message);
	cr_assert_not(store_lock(store, 0, &err), "it does not nest");
}

StoreTest(keeps_namespaces_apart)
{
	autostore *store = open_locked(), *other = NULL;
	autoerror err = ERROR_INIT;

	other = store_open(scratch_state, scratch_run, "elsewhere", &err);
	cr_assert(other && store_lock(other, 0, &err), "%s", err.message);
	save(store);
	expect_count(other, 0);
}

StoreTest(refuses_identities_that_lead_elsewhere)
{
	static const char *const bad[] = {"", ".", "..", "../init", "a/b"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		autoerror err = ERROR_INIT;

		cr_assert_null(store_open(scratch_state, scratch_run, bad[i], &err));
		cr_assert_eq(err.code, ERROR_USAGE);
	}
}

StoreTest(takes_directories_from_the_environment)
{
	autostore *store = NULL;
	autoerror err = ERROR_INIT;

	setenv("UNTRACK_STATE_DIR", scratch_path("from_env"), 1);
	setenv("UNTRACK_RUN_DIR", scratch_path("run_env"), 1);
	store = store_open(NULL, NULL, "init", &err);
	cr_assert(store && store_lock(store, 0, &err), "%s", err.message);
	save(store);
	cr_assert(exists("from_env/init/snapshots/000001"));
	cr_assert(exists("run_env/init/lock"));
}
