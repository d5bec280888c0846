/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an untrack context holds: one network namespace, its kernel, its state on disk. */
#pragma once

#include "base/namespace.h"
#include "document/document.h"
#include "kernel/kernel.h"
#include "store/store.h"

#include <time.h>
#include <untrack.h>

struct untrack {
	struct netns ns; /* NETNS_OWN: the caller's */
	char identity[NETNS_IDENTITY_MAX];
	struct kernel *kernel; /* opened when first needed */
	struct store *store;
	enum untrack_report report;
	double looked_at;	 /* when status looked last (CLOCK_MONOTONIC, seconds); 0: never */
	uint64_t looked_entries; /* what was in the connection table then */
	bool is_saved; /* it stands for a host by its saved ruleset: there are no sysctls */
};

/* Read when it is first needed: to find that nothing has changed it need not be read at all. */
struct untrack_document {
	struct document *document; /* NULL: not read yet */
	texts paths;
	struct timespec seen; /* when the paths were given (CLOCK_REALTIME, as files' times are) */
};

/* The document, read now at the latest. NULL with the error set. */
const struct document *document_of(const struct untrack_document *document,
				   struct untrack_error *err);

/* The context's kernel, opened at the first call. NULL with the error set. */
struct kernel *context_kernel(struct untrack *untrack, struct untrack_error *err);
