/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/thread.h"

#include <signal.h>
#include <stddef.h>

int thread_start(pthread_t *ret_thread, thread_fn *fn, void *arg)
{
	sigset_t all, before;
	int refused;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	refused = pthread_create(ret_thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return refused;
}

bool thread_start_beside(pthread_t *ret_thread, thread_fn *fn, void *arg)
{
#ifdef __SANITIZE_ADDRESS__
	(void)ret_thread;
	(void)fn;
	(void)arg;
	return false;
#else
	return thread_start(ret_thread, fn, arg) == 0;
#endif
}
