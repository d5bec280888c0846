/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/later.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
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

/* In a thread that blocks all signals: the host program's handlers are not for it. */
static void do_later(void *(*fn)(void *), intptr_t arg)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;
	int refused = pthread_attr_init(&attributes);

	if (!refused) {
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		refused = pthread_create(&thread, &attributes, fn, (void *)arg);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		pthread_attr_destroy(&attributes);
	}
	if (refused)
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
