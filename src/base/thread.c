/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/thread.h"

#include <signal.h>
#include <stddef.h>

/* gcc and clang each have a way of their own to say it. */
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif

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
#ifdef ADDRESS_SANITIZER
	(void)ret_thread;
	(void)fn;
	(void)arg;
	return false;
#else
	return thread_start(ret_thread, fn, arg) == 0;
#endif
}
