/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/guard.h"

#include "base/cleanup.h"
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* --- processes ----------------------------------------------------------------------------------- */

/* (proc_pid_stat(5)) The name in parentheses may hold anything, a parenthesis too. */
static bool process_read(pid_t pid, char *ret_state, uint64_t *ret_start)
{
	autofclose FILE *file = NULL;
	char path[32], line[1024];
	const char *rest;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	rest = strrchr(line, ')');
	return rest &&
	       sscanf(rest,
		      ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		      "%*d %*d %" SCNu64,
		      ret_state, ret_start) == 2;
}

bool process_self(struct process *ret_process, struct untrack_error *err)
{
	struct process self = {.pid = getpid()};
	char state;

	if (!process_read(self.pid, &state, &self.start))
		return error_set(err, ERROR_SYSTEM, "/proc/%d/stat cannot be read", self.pid);
	*ret_process = self;
	return true;
}

bool process_is_alive(const struct process *process)
{
	uint64_t start = 0;
	char state = 0;

	return process->pid > 0 && process_read(process->pid, &state, &start) &&
	       start == process->start && state != 'Z' && state != 'X';
}

static int open_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

void process_signal(int pidfd)
{
	syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
}

/* The descriptor first: what it stands for cannot become another process between look and signal. */
void process_end(const struct process *process)
{
	autoclose int fd = process->pid > 0 ? open_process(process->pid) : -1;

	if (fd >= 0 && process_is_alive(process))
		process_signal(fd);
}

/* --- environment --------------------------------------------------------------------------------- */

struct environment {
	ARRAY(char *) variables; /* NULL-terminated */
	char *state;		 /* "UNTRACK_STATE_DIR=…", in the array too */
	char *run;
};

static void environment_free(struct environment *environment)
{
	free(environment->state);
	free(environment->run);
	array_free(&environment->variables);
}

static bool is_ours(const char *variable)
{
	return !strncmp(variable, "UNTRACK_STATE_DIR=", 18) ||
	       !strncmp(variable, "UNTRACK_RUN_DIR=", 16);
}

/* Made before the fork: a child of a process with threads must not allocate. */
static bool environment_make(const struct store *store, struct environment *environment)
{
	if (asprintf(&environment->state, "UNTRACK_STATE_DIR=%s", store->state_root) < 0)
		environment->state = NULL;
	if (asprintf(&environment->run, "UNTRACK_RUN_DIR=%s", store->run_root) < 0)
		environment->run = NULL;
	if (!environment->state || !environment->run)
		return false;
	for (char **variable = environ; variable && *variable; variable++)
		if (!is_ours(*variable) && !array_push(&environment->variables, *variable))
			return false;
	return array_push(&environment->variables, environment->state) &&
	       array_push(&environment->variables, environment->run) &&
	       array_push(&environment->variables, NULL);
}

/* --- as a transient unit of systemd -------------------------------------------------------------- */

typedef ARRAY(char *) arguments;

static void arguments_free(arguments *list)
{
	array_for_each(argument, list) {
		free(*argument);
	}
	array_free(list);
}

/* systemd replaces variables in a unit's command line; "$$" stands for a dollar. */
static char *escape_dollars(const char *text)
{
	autobuf out = {0};

	for (; *text; text++)
		buf_puts(&out, *text == '$' ? "$$" : (char[]){*text, 0});
	return buf_steal_text(&out);
}

static bool unit_arguments(const struct environment *environment, const char *unit,
			   const char *const *argv, arguments *list)
{
	static const char *const fixed[] = {
		"systemd-run",	       "--quiet",
		"--collect",	       "--no-ask-password",
		"--service-type=exec", "--description=untrack: armed rollback"};
	char *argument;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (!array_push(list, strdup(fixed[i])))
			return false;
	if (asprintf(&argument, "--unit=%s", unit) < 0 || !array_push(list, argument))
		return false;
	if (asprintf(&argument, "--setenv=%s", environment->state) < 0 ||
	    !array_push(list, argument))
		return false;
	if (asprintf(&argument, "--setenv=%s", environment->run) < 0 || !array_push(list, argument))
		return false;
	if (!array_push(list, strdup("--")))
		return false;
	for (; *argv; argv++)
		if (!array_push(list, escape_dollars(*argv)))
			return false;
	array_for_each(one, list) {
		if (!*one)
			return false; /* no memory for its copy */
	}
	return array_push(list, NULL);
}

static bool run_silently(char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	bool done;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions))
		return false;
	done = !posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0) &&
	       !posix_spawn_file_actions_adddup2(&actions, 0, 1) &&
	       !posix_spawn_file_actions_adddup2(&actions, 0, 2) &&
	       !posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (!done)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Units live in the network namespace of systemd itself, process 1. */
static bool is_with_systemd(void)
{
	struct stat own, systemd;

	return access("/run/systemd/system", F_OK) == 0 &&
	       stat("/proc/thread-self/ns/net", &own) == 0 &&
	       stat("/proc/1/ns/net", &systemd) == 0 && own.st_dev == systemd.st_dev &&
	       own.st_ino == systemd.st_ino;
}

/* A unit is in a control group of its own, so that not even the end of the caller's (logind's
 * KillUserProcesses, a service that is stopped) reaches it. In another network namespace systemd
 * would have to open the caller's by its process number, which may have ended, or be someone else's,
 * in that moment: there the guard is forked, and inherits the right one. */
static bool start_unit(const struct environment *environment, const char *unit,
		       const char *const *argv)
{
	autoclean(arguments_free) arguments list = {0};

	return is_with_systemd() && unit_arguments(environment, unit, argv, &list) &&
	       run_silently(list.v);
}

/* --- as a process -------------------------------------------------------------------------------- */

enum { NULL_FD_LAST = 2, REPORT_FD = 3 };

/* What the children tell through the pipe: the guard's number, then nothing if all went well. */
struct report {
	int failure; /* errno */
	pid_t pid;
};

static void tell(int fd, int failure, pid_t pid)
{
	struct report report = {.failure = failure, .pid = pid};

	if (write(fd, &report, sizeof(report)) < 0)
		_exit(127); /* the caller died: nobody wants to know */
}

/* Between fork and exec: async-signal-safe calls only. */
static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGHUP, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool leave_descriptors(int report)
{
	int null;

	/* The pipe may be any number, the standard ones too where the caller had closed them. */
	report = fcntl(report, F_DUPFD, REPORT_FD);
	if (report < 0 || dup2(report, REPORT_FD) < 0 || fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) < 0)
		return false;
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= NULL_FD_LAST; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return false;
	return syscall(SYS_close_range, REPORT_FD + 1, ~0u, 0) == 0;
}

static void __attribute__((noreturn))
become_guard(int report, const char *const *argv, char *const *environment)
{
	if (leave_descriptors(report)) {
		report = REPORT_FD;
		reset_signals();
		if (chdir("/") == 0)
			execve(argv[0], (char *const *)(uintptr_t)argv, environment);
	}
	tell(report, errno, 0);
	_exit(127);
}

/* The child that makes the session and leaves at once, so that the guard is nobody's child, and no
 * session's leader, which could acquire a terminal. */
static void __attribute__((noreturn))
step_between(int report, const char *const *argv, char *const *environment)
{
	pid_t guard;

	setsid();
	guard = fork();
	if (guard == 0)
		become_guard(report, argv, environment);
	tell(report, guard < 0 ? errno : 0, guard);
	_exit(0);
}

/* Waits for the end of the pipe, which execve closes. Its two writers come in any order. */
static bool read_reports(int fd, const char *program, int *ret_pidfd, struct untrack_error *err)
{
	autoclose int pidfd = -1;
	struct report report;
	int failure = 0;
	ssize_t got;

	while ((got = read(fd, &report, sizeof(report))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof(report))
			return error_errno(err, got < 0 ? errno : EIO, "the guard's start");
		if (report.failure)
			failure = report.failure;
		else
			pidfd = open_process(report.pid);
	}
	if (failure)
		return error_errno(err, failure, "the guard %s cannot be started", program);
	*ret_pidfd = steal_fd(&pidfd);
	return true;
}

static bool start_process(const char *const *argv, const struct environment *environment,
			  int *ret_pidfd, struct untrack_error *err)
{
	autoclose int reader = -1, writer = -1;
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, errno, "a pipe for the guard's start");
	reader = fds[0];
	writer = fds[1];
	child = fork();
	if (child < 0)
		return error_errno(err, errno, "the guard %s cannot be started", argv[0]);
	if (child == 0)
		step_between(writer, argv, environment->variables.v);
	close(steal_fd(&writer));
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return read_reports(reader, argv[0], ret_pidfd, err);
}

bool guard_start(const struct store *store, const char *unit, const char *const *argv,
		 int *ret_pidfd, struct untrack_error *err)
{
	autoclean(environment_free) struct environment environment = {0};

	if (argv[0][0] != '/')
		return error_set(err, ERROR_USAGE,
				 "the guard's program, got '%s'; expected an absolute path",
				 argv[0]);
	if (!environment_make(store, &environment))
		return error_memory(err);
	if (start_unit(&environment, unit, argv)) {
		*ret_pidfd = -1;
		return true;
	}
	return start_process(argv, &environment, ret_pidfd, err);
}
