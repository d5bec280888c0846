/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure FD NETNS SECONDS COMMAND…: runs the command in the network namespace of that name ("-":
 * where it is) and writes one JSON object to that file descriptor: wall clock and processor time in
 * microseconds, the largest resident set in KiB, and the exit status (124: killed after SECONDS).
 *
 * A program of its own because a process inherits the peak of whoever started it across execve()
 * (exec_mmap() in fs/exec.c of Linux): measured from a script, every command would seem as large as
 * the script's interpreter.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_TIMEOUT = 124, STATUS_CANNOT_RUN = 127, STATUS_SIGNALLED = 128 };

static void enter(const char *name)
{
	char path[256];
	int fd;

	if (strcmp(name, "-") == 0)
		return;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(2, "network namespace %s", name);
	close(fd);
}

static int64_t microseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The child's SIGCHLD, or the end of its time. False: it was killed. */
static bool wait_for(pid_t child, const sigset_t *signals, long seconds)
{
	struct timespec limit = {.tv_sec = seconds};

	while (sigtimedwait(signals, NULL, &limit) < 0) {
		if (errno == EINTR)
			continue;
		kill(-child, SIGKILL);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	sigset_t signals, before;
	bool in_time;
	double begin, end;
	int status, report;
	long seconds;
	pid_t child;

	if (argc < 5)
		errx(2, "usage: measure FD NETNS SECONDS COMMAND…");
	report = (int)strtol(argv[1], NULL, 10);
	if (fcntl(report, F_SETFD, FD_CLOEXEC) < 0)
		err(2, "file descriptor %d", report);
	enter(argv[2]);
	seconds = strtol(argv[3], NULL, 10);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);

	begin = now();
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (child == 0) {
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(argv[4], argv + 4);
		warn("%s", argv[4]);
		_exit(STATUS_CANNOT_RUN);
	}
	setpgid(child, child);
	in_time = wait_for(child, &signals, seconds);
	end = now();
	if (wait4(child, &status, 0, &usage) < 0)
		err(2, "wait4");
	if (!in_time)
		status = STATUS_TIMEOUT;
	else
		status = WIFEXITED(status) ? WEXITSTATUS(status)
					   : STATUS_SIGNALLED + WTERMSIG(status);
	dprintf(report,
		"{\"wall_us\": %.0f, \"user_us\": %lld, \"system_us\": %lld, \"peak_kib\": %ld, "
		"\"status\": %d}\n",
		end - begin, (long long)microseconds(&usage.ru_utime),
		(long long)microseconds(&usage.ru_stime), usage.ru_maxrss, status);
	return 0;
}
