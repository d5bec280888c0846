/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/armed.h"

#include "base/cleanup.h"
#include "model/record.h"
#include "store/file.h"
#include "store/guard.h"
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

static const char record_name[] = "armed";

/* How long the guard may take until it waits, and how often one looks. */
enum { START_MS = 5000, START_POLL_MS = 20, WAIT_POLL_MS = 500 };

/* Types of records. */
enum field {
	FIELD_SNAPSHOT = 1,
	FIELD_DEADLINE = 2,
	FIELD_GUARD = 3,
	FIELD_GUARD_START = 4,
	FIELD_BOOT = 5, /* CLOCK_BOOTTIME and process numbers mean something in one boot only */
};

struct arming {
	uint32_t snapshot;
	uint64_t deadline_ms;
	struct process guard;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the record ---------------------------------------------------------------------------------- */

/* Keeps apart those who change the record: the guard that puts itself in, and whoever removes it.
 * The store's lock is no use here, since who starts the guard holds it. */
static int hold_record(const struct store *store, struct untrack_error *err)
{
	autoclose int fd = open(store->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return -1;
	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			error_errno(err, errno, "%s cannot be locked", store->run_dir);
			return -1;
		}
	if (fd < 0)
		error_errno(err, errno, "%s", store->run_dir);
	return steal_fd(&fd);
}

static bool arming_write(const struct store *store, const struct arming *arming,
			 struct untrack_error *err)
{
	autobuf bytes = {0};
	char boot[BOOT_ID_MAX];

	if (!boot_id(boot, err))
		return false;
	record_put_u32(&bytes, FIELD_SNAPSHOT, arming->snapshot);
	record_put_u64(&bytes, FIELD_DEADLINE, arming->deadline_ms);
	record_put_u32(&bytes, FIELD_GUARD, (uint32_t)arming->guard.pid);
	record_put_u64(&bytes, FIELD_GUARD_START, arming->guard.start);
	record_put_text(&bytes, FIELD_BOOT, boot);
	return file_write(store->run_dir, record_name, FILE_ARMED, &bytes, err);
}

static bool arming_field(const struct record *record, struct arming *arming, char **boot,
			 struct untrack_error *err)
{
	uint32_t pid = 0;

	switch (record->type) {
	case FIELD_SNAPSHOT:
		return record_u32(record, &arming->snapshot, err);
	case FIELD_DEADLINE:
		return record_u64(record, &arming->deadline_ms, err);
	case FIELD_GUARD:
		if (!record_u32(record, &pid, err))
			return false;
		arming->guard.pid = (pid_t)pid;
		return true;
	case FIELD_GUARD_START:
		return record_u64(record, &arming->guard.start, err);
	case FIELD_BOOT:
		return record_text(record, boot, err);
	default:
		return record_damaged(err, "a field is not known");
	}
}

/* FILE_ABSENT for a record of another boot, which says nothing about this one. */
static enum file_result arming_read(const struct store *store, struct arming *ret_arming,
				    struct untrack_error *err)
{
	struct arming arming = {0};
	autofree char *boot = NULL;
	char current[BOOT_ID_MAX];
	enum file_result result;
	struct record record;
	autobuf bytes = {0};
	struct span rest;

	result = file_read(store->run_dir, record_name, FILE_ARMED, &bytes, err);
	if (result != FILE_READ)
		return result;
	rest = buf_span(&bytes);
	while (record_next(&rest, &record))
		if (!arming_field(&record, &arming, &boot, err))
			return FILE_FAILED;
	if (rest.len || !boot || !arming.snapshot) {
		record_damaged(err, "the record of an armed rollback is not whole");
		return FILE_FAILED;
	}
	if (!boot_id(current, err))
		return FILE_FAILED;
	if (strcmp(boot, current))
		return FILE_ABSENT;
	*ret_arming = arming;
	return FILE_READ;
}

bool armed_read(struct store *store, struct armed *ret_armed, struct untrack_error *err)
{
	struct arming arming;

	if (arming_read(store, &arming, err) != FILE_READ)
		return false;
	*ret_armed = (struct armed){.snapshot = arming.snapshot,
				    .deadline_ms = arming.deadline_ms,
				    .guard = arming.guard.pid,
				    .guard_alive = process_is_alive(&arming.guard)};
	return true;
}

/* --- arming -------------------------------------------------------------------------------------- */

/* One whose guard has died is no obstacle: its record is replaced. */
static bool refuse_second(struct store *store, struct untrack_error *err)
{
	autoerror unreadable = ERROR_INIT;
	struct armed armed;
	uint64_t now;

	if (!armed_read(store, &armed, &unreadable)) {
		if (!error_is_set(&unreadable))
			return true;
		error_move(err, &unreadable);
		return false;
	}
	if (!armed.guard_alive)
		return true;
	now = now_ms();
	if (now >= armed.deadline_ms)
		return error_set(err, ERROR_CONFLICT,
				 "a rollback to snapshot %" PRIu32 " is under way", armed.snapshot);
	return error_set(err, ERROR_CONFLICT,
			 "a rollback to snapshot %" PRIu32 " is armed, %" PRIu64
			 " s from now; end it with 'untrack confirm' or 'untrack rollback' first",
			 armed.snapshot, (armed.deadline_ms - now + 999) / 1000);
}

static bool require_snapshot(const struct store *store, uint32_t snapshot,
			     struct untrack_error *err)
{
	autofree char *path = NULL;
	char name[SNAPSHOT_NAME_MAX];

	snapshot_name(snapshot, name);
	if (asprintf(&path, "%s/%s", store->snapshots_dir, name) < 0) {
		path = NULL;
		return error_memory(err);
	}
	if (access(path, R_OK) < 0)
		return error_errno(err, errno, "%s, which a rollback would need", path);
	return true;
}

/* Until the guard has put itself into the record, or is seen to have ended. */
static bool await_guard(const struct store *store, int pidfd, struct untrack_error *err)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	uint64_t begin = now_ms();

	while (now_ms() - begin < START_MS) {
		struct arming arming = {0};

		if (arming_read(store, &arming, err) == FILE_READ &&
		    process_is_alive(&arming.guard))
			return true;
		if (error_is_set(err))
			return false;
		if (poll(&end, 1, START_POLL_MS) > 0)
			return error_set(err, ERROR_SYSTEM,
					 "the guard of the rollback ended instead of waiting");
	}
	return error_set(err, ERROR_SYSTEM, "the guard of the rollback did not start within %d s",
			 START_MS / 1000);
}

/* A guard that starts late finds no record, and leaves. */
static void give_up(const struct store *store, int pidfd)
{
	autoclose int held __attribute__((unused)) = hold_record(store, NULL);

	file_remove(store->run_dir, record_name, NULL);
	if (pidfd >= 0)
		process_signal(pidfd);
}

bool armed_start(struct store *store, uint32_t snapshot, unsigned seconds, const char *const *argv,
		 struct untrack_error *err)
{
	struct arming arming = {.snapshot = snapshot,
				.deadline_ms = now_ms() + (uint64_t)seconds * 1000};
	autoclose int pidfd = -1;
	char unit[64];

	if (!require_snapshot(store, snapshot, err) || !refuse_second(store, err) ||
	    !store_prepare(store, store->run_dir, err) || !arming_write(store, &arming, err))
		return false;
	snprintf(unit, sizeof(unit), "untrack-guard-%" PRIu32 "-%" PRIu64, snapshot,
		 arming.deadline_ms);
	if (guard_start(store, unit, argv, &pidfd, err) && await_guard(store, pidfd, err))
		return true;
	give_up(store, pidfd);
	return false;
}

/* --- the guard ----------------------------------------------------------------------------------- */

/* Takes the place in the record. False without an error if there is none to take. */
static bool report_waiting(const struct store *store, struct arming *ret_arming,
			   struct untrack_error *err)
{
	autoclose int held = hold_record(store, err);
	struct arming arming = {0};

	if (held < 0 || arming_read(store, &arming, err) != FILE_READ ||
	    process_is_alive(&arming.guard) || !process_self(&arming.guard, err) ||
	    !arming_write(store, &arming, err))
		return false;
	*ret_arming = arming;
	return true;
}

/* What cannot be read now is taken as still armed: a guard that leaves because memory was short, or
 * a file damaged, would leave a host behind that nobody can reach. */
static bool is_still_armed(const struct store *store, const struct arming *mine)
{
	struct arming current = {0};

	switch (arming_read(store, &current, NULL)) {
	case FILE_ABSENT:
		return false;
	case FILE_FAILED:
		return true;
	case FILE_READ:
		break;
	}
	return current.guard.pid == mine->guard.pid && current.guard.start == mine->guard.start &&
	       current.deadline_ms == mine->deadline_ms && current.snapshot == mine->snapshot;
}

/* CLOCK_BOOTTIME goes on while the machine is suspended, and wakes at once if that was too long. */
static void sleep_until(uint64_t ms)
{
	struct timespec at = {.tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000};

	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL);
}

bool armed_wait(struct store *store, bool *ret_fire, uint32_t *ret_snapshot,
		struct untrack_error *err)
{
	autoerror failure = ERROR_INIT;
	struct arming mine;

	/* Neither a terminal that goes nor its keys; SIGTERM stays, a shutdown shall not wait. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (!report_waiting(store, &mine, &failure)) {
		if (error_is_set(&failure)) {
			error_move(err, &failure);
			return false;
		}
		*ret_fire = false;
		return true;
	}
	for (;;) {
		uint64_t now = now_ms(), soon = now + WAIT_POLL_MS;
		bool still = is_still_armed(store, &mine);

		if (!still || now >= mine.deadline_ms) {
			*ret_fire = still;
			*ret_snapshot = mine.snapshot;
			return true;
		}
		sleep_until(soon < mine.deadline_ms ? soon : mine.deadline_ms);
	}
}

/* --- disarming ----------------------------------------------------------------------------------- */

bool armed_end(struct store *store, struct untrack_error *err)
{
	autoclose int held = hold_record(store, err);
	struct arming arming = {0};
	enum file_result found, removed;

	if (held < 0)
		return false;
	/* A damaged one is ended too, or nobody could ever. */
	found = arming_read(store, &arming, NULL);
	removed = file_remove(store->run_dir, record_name, err);
	if (removed != FILE_READ || found == FILE_ABSENT)
		return false;
	if (arming.guard.pid != getpid())
		process_end(&arming.guard);
	return true;
}
