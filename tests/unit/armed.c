/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/armed.h"

#include "base/cleanup.h"
#include "scratch_dir.h"
#include "store/file.h"
#include "model/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define autostore autoclean(store_close_p) struct store
#define autosnapshot autoclean(snapshot_free_p) struct snapshot
#define ArmedTest(name) Test(armed, name, .init = begin, .fini = end, .timeout = 60)

static char fired_path[128];

static struct store *open_store(void)
{
	autoerror err = ERROR_INIT;
	struct store *store = store_open(scratch_state, scratch_run, "test", &err);

	cr_assert(store, "%s", err.message);
	snprintf(fired_path, sizeof(fired_path), "%s/fired", scratch_root);
	return store;
}

static uint32_t save(struct store *store)
{
	autosnapshot *snapshot = snapshot_new();
	autoerror err = ERROR_INIT;

	cr_assert(snapshot && store_save_snapshot(store, snapshot, &err), "%s", err.message);
	return snapshot->id;
}

static bool arm(struct store *store, uint32_t snapshot, unsigned seconds, const char *program,
		struct untrack_error *err)
{
	const char *const argv[] = {program, "test", fired_path, NULL};

	return armed_start(store, snapshot, seconds, argv, err);
}

static void arm_well(struct store *store, uint32_t snapshot, unsigned seconds)
{
	autoerror err = ERROR_INIT;

	cr_assert(arm(store, snapshot, seconds, TEST_GUARD, &err), "%s", err.message);
}

static struct armed look(struct store *store)
{
	struct armed armed = {0};
	autoerror err = ERROR_INIT;

	armed_read(store, &armed, &err);
	cr_assert_not(error_is_set(&err), "%s", err.message);
	return armed;
}

/* In a network namespace of its own the guard is forked, on hosts with systemd too. */
static void begin(void)
{
	scratch_begin();
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "%s", strerror(errno));
}

/* Nothing that a test started outlives it. */
static void end(void)
{
	autostore *store = open_store();

	armed_end(store, NULL);
	scratch_end();
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool fired(void)
{
	struct stat st;

	return stat(fired_path, &st) == 0 && st.st_size > 0;
}

/* True once it holds, false after 10 s. */
#define eventually(condition)                                                                      \
	__extension__({                                                                            \
		unsigned tries_ = 1000;                                                            \
		while (!(condition) && --tries_)                                                   \
			usleep(10000);                                                             \
		tries_ > 0;                                                                        \
	})

static bool is_running(pid_t pid)
{
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'X';
	fclose(file);
	return state != 'Z' && state != 'X';
}

static void flip_byte(const char *beneath)
{
	int fd = open(scratch_path(beneath), O_RDWR);
	uint8_t byte;

	cr_assert(fd >= 0 && pread(fd, &byte, 1, 50) == 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, 50), 1);
	close(fd);
}

/* --- waiting and firing -------------------------------------------------------------------------- */

ArmedTest(fires_at_the_deadline)
{
	autostore *store = open_store();
	struct armed armed;
	uint64_t begin;

	save(store);
	save(store);
	begin = now_ms();
	arm_well(store, 2, 1);
	armed = look(store);
	cr_assert_eq(armed.snapshot, 2);
	cr_assert(armed.guard_alive);
	cr_assert_geq(armed.deadline_ms, begin + 1000);
	cr_assert_leq(armed.deadline_ms, now_ms() + 1000);
	cr_assert(eventually(fired()));
	cr_assert_geq(now_ms(), armed.deadline_ms);
	cr_assert(eventually(!look(store).snapshot), "it ends itself without killing itself");
	cr_assert(eventually(!is_running(armed.guard)));
}

ArmedTest(is_ended_by_a_confirm)
{
	autostore *store = open_store();
	autoerror err = ERROR_INIT;
	struct armed armed;

	arm_well(store, save(store), 1);
	armed = look(store);
	cr_assert(armed_end(store, &err), "%s", err.message);
	cr_assert_eq(look(store).snapshot, 0);
	cr_assert(eventually(!is_running(armed.guard)));
	usleep(1200000);
	cr_assert_not(fired());
	cr_assert_not(armed_end(store, &err));
	cr_assert_not(error_is_set(&err), "%s", err.message);
}

ArmedTest(leaves_when_the_record_goes)
{
	autostore *store = open_store();
	struct armed armed;

	arm_well(store, save(store), 30);
	armed = look(store);
	cr_assert_eq(unlink(scratch_path("run/test/armed")), 0);
	cr_assert(eventually(!is_running(armed.guard)));
	cr_assert_not(fired());
}

/* Whoever cannot read the record does not know that the change was confirmed. */
ArmedTest(fires_in_spite_of_a_damaged_record)
{
	autostore *store = open_store();
	struct armed armed = {0};
	autoerror err = ERROR_INIT, refused = ERROR_INIT;

	arm_well(store, save(store), 1);
	flip_byte("run/test/armed");
	cr_assert_not(armed_read(store, &armed, &err));
	cr_assert(strstr(err.message, "run/test/armed is damaged"), "%s", err.message);
	cr_assert_not(arm(store, 1, 1, TEST_GUARD, &refused));
	cr_assert(eventually(fired()));
	cr_assert(eventually(!look(store).snapshot));
}

ArmedTest(is_refused_while_another_waits)
{
	autostore *store = open_store();
	autoerror err = ERROR_INIT;

	arm_well(store, save(store), 40);
	cr_assert_not(arm(store, 1, 1, TEST_GUARD, &err));
	cr_assert_eq(err.code, ERROR_CONFLICT);
	cr_assert_str_eq(err.message,
			 "a rollback to snapshot 1 is armed, 40 s from now; end it with 'untrack "
			 "confirm' or 'untrack rollback' first");
	cr_assert(look(store).guard_alive);
}

ArmedTest(tells_that_its_guard_died_and_arms_anew)
{
	autostore *store = open_store();
	struct armed dead, armed;

	arm_well(store, save(store), 30);
	dead = look(store);
	cr_assert_eq(kill(dead.guard, SIGKILL), 0);
	cr_assert(eventually(!look(store).guard_alive));
	cr_assert_eq(look(store).snapshot, 1);
	arm_well(store, save(store), 30);
	armed = look(store);
	cr_assert(armed.guard_alive);
	cr_assert_eq(armed.snapshot, 2);
}

ArmedTest(keeps_the_snapshot_that_it_needs)
{
	autostore *store = open_store();
	snapshots all = {0};
	autoerror err = ERROR_INIT;

	save(store);
	arm_well(store, save(store), 30);
	cr_assert_not(store_drop_snapshot(store, 2, &err));
	cr_assert_eq(err.code, ERROR_CONFLICT);
	for (unsigned i = 0; i < 25; i++)
		save(store);
	cr_assert(store_list(store, &all, NULL));
	cr_assert_eq(all.n, 21);
	cr_assert_eq(all.v[0]->id, 2);
	cr_assert_eq(all.v[1]->id, 8);
	snapshots_free(&all);
}

/* --- guards that do not start -------------------------------------------------------------------- */

static void expect_no_start(struct store *store, const char *program, const char *message)
{
	autoerror err = ERROR_INIT;
	uint64_t begin = now_ms();

	cr_assert_not(arm(store, 1, 30, program, &err));
	cr_assert(strstr(err.message, message), "%s", err.message);
	cr_assert_eq(look(store).snapshot, 0, "the record is gone");
	cr_assert_lt(now_ms() - begin, 4000);
}

ArmedTest(says_why_a_guard_did_not_start)
{
	autostore *store = open_store();
	autoerror err = ERROR_INIT;

	cr_assert_not(arm(store, 1, 30, TEST_GUARD, &err));
	cr_assert(strstr(err.message, "snapshots/000001, which a rollback would need"), "%s",
		  err.message);
	save(store);
	expect_no_start(store, "/nowhere/untrack",
			"the guard /nowhere/untrack cannot be started: No such file or directory");
	expect_no_start(store, "untrack", "got 'untrack'; expected an absolute path");
	expect_no_start(store, "/bin/false", "the guard of the rollback ended instead of waiting");
}

ArmedTest(ends_a_program_that_never_waits)
{
	autostore *store = open_store();
	char seconds[16], command[64];
	const char *const argv[] = {"/bin/sleep", seconds, NULL};
	autoerror err = ERROR_INIT;

	/* A number that no other test run on this machine has. */
	snprintf(seconds, sizeof(seconds), "1%09d", (int)getpid());
	snprintf(command, sizeof(command), "pgrep -xf '/bin/sleep %s' >/dev/null", seconds);
	save(store);
	cr_assert_not(armed_start(store, 1, 30, argv, &err));
	cr_assert_str_eq(err.message, "the guard of the rollback did not start within 5 s");
	cr_assert_eq(look(store).snapshot, 0);
	cr_assert_neq(system(command), 0);
}

/* --- what the guard outlives --------------------------------------------------------------------- */

/* A caller in a process group (and session) of its own, which arms, says so, and stays. Its end of
 * the second pipe, *ret_stream, is what a caller's standard output would be. */
static pid_t start_caller(unsigned seconds, int *ret_stream)
{
	int ready[2], stream[2];
	pid_t child;
	char byte;

	cr_assert(pipe(ready) == 0 && pipe(stream) == 0);
	child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		struct store *store = open_store();
		sigset_t all;

		setsid();
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL); /* the guard must not inherit that */
		dup2(stream[1], 0);
		dup2(stream[1], 1);
		dup2(stream[1], 2);
		arm_well(store, save(store), seconds);
		cr_assert_eq(write(ready[1], "x", 1), 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	close(stream[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_stream = stream[0];
	return child;
}

static void expect_end_of_stream(int fd)
{
	struct pollfd end_of = {.fd = fd, .events = POLLIN};
	char byte;

	cr_assert_eq(poll(&end_of, 1, 5000), 1, "somebody holds the caller's streams");
	cr_assert_eq(read(fd, &byte, 1), 0);
	close(fd);
}

static void expect_only_null(pid_t pid)
{
	char path[64], target[64];
	struct dirent *entry;
	unsigned count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	cr_assert_not_null(directory);
	while ((entry = readdir(directory))) {
		ssize_t len =
			readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue; /* . and .. */
		target[len] = 0;
		if (atoi(entry->d_name) <= 2) {
			cr_assert_str_eq(target, "/dev/null");
			count++;
		} else {
			cr_assert(strstr(target, scratch_run), "fd %s is %s", entry->d_name,
				  target);
		}
	}
	closedir(directory);
	cr_assert_eq(count, 3);
}

ArmedTest(outlives_kill_9_of_its_callers_group)
{
	autostore *store = open_store();
	int stream;
	pid_t caller = start_caller(1, &stream);
	struct armed armed = look(store);

	cr_assert(armed.guard_alive);
	cr_assert_neq(getpgid(armed.guard), caller);
	cr_assert_neq(getsid(armed.guard), caller);
	cr_assert_neq(getsid(armed.guard), armed.guard, "it leads no session");
	cr_assert_eq(kill(-caller, SIGKILL), 0);
	waitpid(caller, NULL, 0);
	expect_end_of_stream(stream);
	cr_assert(look(store).guard_alive);
	cr_assert(eventually(fired()));
}

ArmedTest(keeps_none_of_the_callers_streams)
{
	autostore *store = open_store();
	char cwd[64] = "", path[32];
	int stream;
	pid_t caller = start_caller(30, &stream);
	struct armed armed = look(store);

	expect_only_null(armed.guard);
	snprintf(path, sizeof(path), "/proc/%d/cwd", armed.guard);
	cr_assert_eq(readlink(path, cwd, sizeof(cwd) - 1), 1);
	cr_assert_str_eq(cwd, "/");
	kill(caller, SIGKILL);
	waitpid(caller, NULL, 0);
	expect_end_of_stream(stream);
	cr_assert(look(store).guard_alive);
}

ArmedTest(ignores_hangup_and_interrupt_not_termination)
{
	autostore *store = open_store();
	struct armed armed;

	arm_well(store, save(store), 30);
	armed = look(store);
	cr_assert_eq(kill(armed.guard, SIGHUP), 0);
	cr_assert_eq(kill(armed.guard, SIGINT), 0);
	usleep(100000);
	cr_assert(look(store).guard_alive);
	cr_assert_eq(kill(armed.guard, SIGTERM), 0);
	cr_assert(eventually(!look(store).guard_alive));
}

/* The caller leads the session of a terminal that is closed: the kernel hangs up on all of it. */
ArmedTest(outlives_the_terminal)
{
	autostore *store = open_store();
	int terminal, status;
	pid_t caller = forkpty(&terminal, NULL, NULL, NULL);

	cr_assert(caller >= 0);
	if (caller == 0) {
		signal(SIGHUP, SIG_DFL); /* nohup(1) may run the tests */
		arm_well(store, save(store), 1);
		pause();
		_exit(0);
	}
	cr_assert(eventually(look(store).guard_alive));
	close(terminal);
	cr_assert_eq(waitpid(caller, &status, 0), caller);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	cr_assert(look(store).guard_alive);
	cr_assert(eventually(fired()));
}

/* The pipe of its start lies where the standard streams were; signals are whatever they were. */
ArmedTest(starts_from_a_caller_without_streams)
{
	autostore *store = open_store();
	pid_t caller = fork();
	int status;

	if (caller == 0) {
		signal(SIGCHLD, SIG_IGN);
		save(store);
		for (int fd = 0; fd < 10; fd++)
			close(fd);
		_exit(arm(store, 1, 30, TEST_GUARD, NULL) ? 0 : 1);
	}
	cr_assert_eq(waitpid(caller, &status, 0), caller);
	cr_assert_eq(status, 0);
	expect_only_null(look(store).guard);
}

/* --- records that mean nothing here -------------------------------------------------------------- */

/* A record as armed.c writes it. */
static void put_record(pid_t guard, uint64_t start, const char *boot)
{
	autobuf bytes = {0};
	autoerror err = ERROR_INIT;
	char directory[256];

	snprintf(directory, sizeof(directory), "%s", scratch_path("run/test"));
	record_put_u32(&bytes, 1, 1);
	record_put_u64(&bytes, 2, now_ms() + 30000);
	record_put_u32(&bytes, 3, (uint32_t)guard);
	record_put_u64(&bytes, 4, start);
	record_put_text(&bytes, 5, boot);
	cr_assert(directory_make(directory, &err) &&
			  file_write(directory, "armed", FILE_ARMED, &bytes, &err),
		  "%s", err.message);
}

static const char *this_boot(void)
{
	static char boot[37];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	cr_assert(file && fgets(boot, sizeof(boot), file));
	fclose(file);
	return boot;
}

ArmedTest(does_not_take_a_reused_number_for_the_guard)
{
	autostore *store = open_store();
	autoerror err = ERROR_INIT;
	pid_t innocent = fork();

	cr_assert(innocent >= 0);
	if (innocent == 0) {
		pause();
		_exit(0);
	}
	put_record(innocent, 12345, this_boot());
	cr_assert_eq(look(store).snapshot, 1);
	cr_assert_not(look(store).guard_alive);
	cr_assert(armed_end(store, &err), "%s", err.message);
	usleep(50000);
	cr_assert_eq(waitpid(innocent, NULL, WNOHANG), 0, "it was killed");
	kill(innocent, SIGKILL);
	waitpid(innocent, NULL, 0);
}

ArmedTest(forgets_records_of_another_boot)
{
	autostore *store = open_store();

	put_record(1, 1, "00000000-1111-2222-3333-444444444444");
	cr_assert_eq(look(store).snapshot, 0);
	arm_well(store, save(store), 30);
	cr_assert(look(store).guard_alive);
}

/* --- as a unit ----------------------------------------------------------------------------------- */

static void put_script(const char *beneath, const char *text)
{
	FILE *file = fopen(scratch_path(beneath), "w");

	cr_assert(file && fputs(text, file) >= 0);
	fclose(file);
	cr_assert_eq(chmod(scratch_path(beneath), 0700), 0);
}

/* Runs the test's body where systemd seems to be: a /run of its own says so, process 1 (the child) is
 * in the same network namespace, and systemd-run is that script. */
static void with_systemd(const char *script, void (*body)(void))
{
	char path[128];
	int status;
	pid_t child;

	cr_assert_eq(unshare(CLONE_NEWNS | CLONE_NEWPID), 0, "%s", strerror(errno));
	child = fork();
	cr_assert(child >= 0);
	if (child > 0) {
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert_eq(status, 0);
		return;
	}
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("proc", "/proc", "proc", 0, NULL), 0, "%s", strerror(errno));
	cr_assert_eq(mount("none", "/run", "tmpfs", 0, NULL), 0, "%s", strerror(errno));
	cr_assert(mkdir("/run/systemd", 0755) == 0 && mkdir("/run/systemd/system", 0755) == 0);
	put_script("systemd-run", script);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", scratch_root);
	setenv("PATH", path, 1);
	body();
	_exit(0);
}

static void read_text(const char *beneath, char *text, size_t size)
{
	FILE *file = fopen(scratch_path(beneath), "r");
	size_t len;

	cr_assert_not_null(file);
	len = fread(text, 1, size - 1, file);
	text[len] = 0;
	fclose(file);
}

/* What systemd-run does, as far as it matters here. */
static const char run_unit[] = "#!/bin/sh\n"
			       "printf '%s\\n' \"$@\" >\"${0%/*}/arguments\"\n"
			       "while [ \"$1\" != -- ]; do\n"
			       "	case $1 in --setenv=*) export \"${1#--setenv=}\";; esac\n"
			       "	shift\n"
			       "done\n"
			       "shift\n"
			       "\"$@\" &\n";

static void arm_and_end(void)
{
	autostore *store = open_store();
	autoerror err = ERROR_INIT;

	arm_well(store, save(store), 30);
	cr_assert(look(store).guard_alive);
	cr_assert(armed_end(store, &err), "%s", err.message);
}

ArmedTest(is_a_transient_unit_where_systemd_runs)
{
	char text[2048], expected[256];

	with_systemd(run_unit, arm_and_end);
	read_text("arguments", text, sizeof(text));
	cr_assert(strstr(text, "--quiet\n--collect\n"), "%s", text);
	cr_assert(strstr(text, "\n--unit=untrack-guard-1-"), "%s", text);
	snprintf(expected, sizeof(expected), "\n--setenv=UNTRACK_STATE_DIR=%s\n", scratch_state);
	cr_assert(strstr(text, expected), "%s", text);
	snprintf(expected, sizeof(expected), "\n--\n%s\ntest\n%s/fired\n", TEST_GUARD,
		 scratch_root);
	cr_assert(strstr(text, expected), "%s", text);
}

ArmedTest(is_forked_where_systemd_refuses)
{
	with_systemd("#!/bin/sh\n: >\"${0%/*}/asked\"\nexit 1\n", arm_and_end);
	cr_assert_eq(access(scratch_path("asked"), F_OK), 0);
}

static void arm_elsewhere(void)
{
	pid_t child = fork(); /* process 1 itself stays where it is */
	int status;

	cr_assert(child >= 0);
	if (child == 0) {
		cr_assert_eq(unshare(CLONE_NEWNET), 0);
		arm_and_end();
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
}

ArmedTest(is_forked_in_another_namespace_than_systemds)
{
	with_systemd(run_unit, arm_elsewhere);
	cr_assert_neq(access(scratch_path("arguments"), F_OK), 0);
}
