/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of which nobody is the parent: started, told apart from others of their number, ended. */
#pragma once

#include "base/error.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A number alone would be another process one day. */
struct process {
	pid_t pid;	/* 0: none */
	uint64_t start; /* clock ticks since the boot: /proc/PID/stat, field 22 */
};

bool process_self(struct process *ret_process, struct untrack_error *err);
bool process_is_alive(const struct process *process); /* neither gone nor a zombie */
void process_end(const struct process *process);      /* SIGTERM, if it is still that one */

void process_signal(int pidfd); /* likewise, by its descriptor */

/* Starts argv (its first an absolute path) with the store's directories in its environment, in this
 * thread's network namespace, out of reach of whatever ends the caller. *ret_pidfd is the process
 * (the caller closes it), or -1 where systemd has it. */
bool guard_start(const struct store *store, const char *unit, const char *const *argv,
		 int *ret_pidfd, struct untrack_error *err);
