/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads of our own. They block all signals: the host program's handlers are not for them.
 *
 * One that runs while its maker goes on will see children be forked. glibc sees to its allocator then,
 * AddressSanitizer does not: a child that was forked while a thread held its lock waits for it for ever.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

typedef void *thread_fn(void *arg);

/* 0, or an errno. To be joined before anything else is done. */
int thread_start(pthread_t *ret_thread, thread_fn *fn, void *arg);
/* For one that runs while its maker goes on. False where there can be none: do it at once. */
bool thread_start_beside(pthread_t *ret_thread, thread_fn *fn, void *arg);
