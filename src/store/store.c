/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include "base/cleanup.h"
#include "store/file.h"
#include "store/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/* Where to look, as an absolute path: the guard of an armed rollback works in another directory. */
static char *resolve(const char *given, const char *variable, const char *otherwise)
{
	autofree char *here = NULL;
	char *path = NULL;

	if (!given)
		given = getenv(variable);
	if (!given || !*given)
		given = otherwise;
	if (*given == '/')
		return strdup(given);
	here = getcwd(NULL, 0);
	if (!here || asprintf(&path, "%s/%s", here, given) < 0)
		return NULL;
	return path;
}

static bool join(char **ret_path, const char *a, const char *b, const char *c)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", a, b, c) < 0)
		return false;
	*ret_path = path;
	return true;
}

struct store *store_open(const char *state_dir, const char *run_dir, const char *namespace_identity,
			 struct untrack_error *err)
{
	autoclean(store_close_p) struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		error_memory(err);
		return NULL;
	}
	store->lock = -1;
	if (!*namespace_identity || *namespace_identity == '.' || strchr(namespace_identity, '/')) {
		error_set(err, ERROR_USAGE,
			  "a network namespace's identity, got '%s'; expected a "
			  "file name",
			  namespace_identity);
		return NULL;
	}
	store->identity = strdup(namespace_identity);
	store->state_root = resolve(state_dir, "UNTRACK_STATE_DIR", "/var/lib/untrack");
	store->run_root = resolve(run_dir, "UNTRACK_RUN_DIR", "/run/untrack");
	if (!store->identity || !store->state_root || !store->run_root ||
	    !join(&store->run_dir, store->run_root, namespace_identity, "") ||
	    !join(&store->snapshots_dir, store->state_root, namespace_identity, "/snapshots") ||
	    !join(&store->originals_dir, store->state_root, namespace_identity, "/originals") ||
	    !join(&store->remembered_dir, store->state_root, namespace_identity, "/remembered")) {
		error_errno(err, errno, "the state directory");
		return NULL;
	}
	return steal_pointer(&store);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_unlock(store);
	free(store->identity);
	free(store->state_root);
	free(store->run_root);
	free(store->run_dir);
	free(store->snapshots_dir);
	free(store->originals_dir);
	free(store->remembered_dir);
	free(store->damaged);
	array_free(&store->damaged_ids);
	free(store);
}

/* --- leftovers ----------------------------------------------------------------------------------- */

bool boot_id(char ret_id[BOOT_ID_MAX], struct untrack_error *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	autofclose FILE *file = fopen(path, "re");
	char id[BOOT_ID_MAX];

	if (!file || !fgets(id, sizeof(id), file) || strlen(id) != BOOT_ID_MAX - 1)
		return error_errno(err, errno ? errno : EIO, "%s cannot be read", path);
	memcpy(ret_id, id, sizeof(id));
	return true;
}

/* "BOOTID-COOKIE" of another boot, whose namespaces are gone for good. Nothing else is touched. */
static bool is_of_another_boot(const char *name, const char *boot)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx-";
	size_t len = strlen(shape);

	if (strspn(name, "0123456789abcdef-") != strlen(name) || strlen(name) <= len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((shape[i] == '-') != (name[i] == '-'))
			return false;
	return !name[len + strspn(name + len, "0123456789")] && strncmp(name, boot, len - 1) != 0;
}

static void sweep_boots(const char *root, const char *boot)
{
	struct dirent **entries;
	int count = scandir(root, &entries, NULL, NULL);

	for (int i = 0; i < count; i++) {
		autofree struct dirent *entry = entries[i];
		autofree char *path = NULL;

		if (is_of_another_boot(entry->d_name, boot) && join(&path, root, entry->d_name, ""))
			directory_remove(path);
	}
	if (count >= 0)
		free(entries);
}

bool store_prepare(struct store *store, const char *directory, struct untrack_error *err)
{
	char boot[BOOT_ID_MAX];

	if (!directory_make(directory, err))
		return false;
	if (store->lock < 0)
		return true;
	file_sweep(directory);
	if (!store->swept && boot_id(boot, NULL)) {
		sweep_boots(store->state_root, boot);
		sweep_boots(store->run_root, boot);
	}
	store->swept = true;
	return true;
}

/* --- the lock ------------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool lock_busy(int fd, unsigned waited_ms, struct untrack_error *err)
{
	char holder[16] = "", who[32] = "", waited[32] = "";

	/* Its holder may be about to write it. */
	if (pread(fd, holder, sizeof(holder) - 1, 0) > 0 && atoi(holder) > 0)
		snprintf(who, sizeof(who), " (pid %d)", atoi(holder));
	if (waited_ms % 1000)
		snprintf(waited, sizeof(waited), "; waited %.1f s", waited_ms / 1000.0);
	else if (waited_ms)
		snprintf(waited, sizeof(waited), "; waited %u s", waited_ms / 1000);
	return error_set(err, ERROR_CONFLICT, "another untrack%s is at work here%s", who, waited);
}

/* flock(2), not a record lock: it belongs to the open file, so closing another descriptor of the
 * file somewhere in the process does not lose it. */
static bool lock_wait(int fd, const char *path, unsigned wait_ms, struct untrack_error *err)
{
	static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	uint64_t begin = now_ms();

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return error_errno(err, errno, "%s cannot be locked", path);
		if (now_ms() - begin >= wait_ms)
			return lock_busy(fd, wait_ms, err);
		nanosleep(&pause, NULL);
	}
	return true;
}

bool store_lock(struct store *store, unsigned wait_ms, struct untrack_error *err)
{
	autofree char *path = NULL;
	autoclose int fd = -1;
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", getpid());

	if (store->lock >= 0)
		return error_set(err, ERROR_CONFLICT, "the lock is held already, by this process");
	if (!directory_make(store->run_dir, err))
		return false;
	if (!join(&path, store->run_dir, "lock", ""))
		return error_memory(err);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "%s", path);
	if (!lock_wait(fd, path, wait_ms, err))
		return false;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) < 0)
		return error_errno(err, errno, "%s cannot be written", path);
	store->lock = steal_fd(&fd);
	return true;
}

/* The file stays: were it removed, two could hold locks on two files of one name. */
void store_unlock(struct store *store)
{
	if (store->lock >= 0)
		close(store->lock);
	store->lock = -1;
}
