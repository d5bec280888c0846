/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/later.h"

#include "base/thread.h"

#include <errno.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

static void *close_thread(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

static void *reap_thread(void *child)
{
	pid_t got;

	do
		got = waitpid((pid_t)(intptr_t)child, NULL, 0);
	while (got < 0 && errno == EINTR);
	return NULL;
}

static void do_later(thread_fn *fn, intptr_t arg)
{
	pthread_t thread;

	if (thread_start_beside(&thread, fn, (void *)arg))
		pthread_detach(thread);
	else
		fn((void *)arg);
}

void close_later(int fd)
{
	do_later(close_thread, fd);
}

void reap_later(pid_t child)
{
	do_later(reap_thread, child);
}
