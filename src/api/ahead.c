/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/ahead.h"

#include "base/cleanup.h"
#include "base/thread.h"
#include "document/nft_document.h"

#include <stdlib.h>
#include <time.h>

enum {
	WORTHWHILE = 64 << 10, /* bytes of the document */
	FRESH_SECONDS = 1,     /* longer, where the lock was waited for, and it is read again */
};

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

struct ahead {
	struct kernel *kernel; /* a socket of its own */
	const struct document *document;
	bool all;
	bool running;
	pthread_t thread;
	struct ruleset *ruleset;
	struct timespec read;
};

static enum read_depth seems_named(void *arg, uint8_t family, const char *name)
{
	const struct ahead *ahead = arg;

	return ahead->all || (nft_document_mentions(ahead->document, name) &&
			      nft_document_mentions(ahead->document, family_name(family)))
		       ? READ_BOUNDED
		       : READ_NAME;
}

static void *read_thread(void *arg)
{
	autoerror ignored = ERROR_INIT; /* whoever reads it again will meet it too */
	struct ahead *ahead = arg;

	ahead->ruleset = kernel_read(ahead->kernel, seems_named, ahead, &ignored);
	clock_gettime(CLOCK_MONOTONIC, &ahead->read);
	return NULL;
}

static void join(struct ahead *ahead)
{
	if (ahead->running)
		pthread_join(ahead->thread, NULL);
	ahead->running = false;
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	join(ahead);
	ruleset_free(ahead->ruleset);
	if (ahead->kernel)
		kernel_close(ahead->kernel);
	free(ahead);
}

DEFINE_AUTOCLEAN(struct ahead, ahead_free)

struct ahead *ahead_start(struct untrack *untrack, const struct document *document, bool all)
{
	autoclean(ahead_free_p) struct ahead *ahead = NULL;
	autoerror ignored = ERROR_INIT;
	size_t size = 0;

	array_for_each(source, &document->sources) {
		size += source->text.len;
	}
	if (document->kind == DOCUMENT_POLICY || size < WORTHWHILE)
		return NULL;
	ahead = calloc(1, sizeof(*ahead));
	if (!ahead)
		return NULL;
	ahead->document = document;
	ahead->all = all;
	ahead->kernel = kernel_open(&untrack->ns, &ignored);
	if (!ahead->kernel)
		return NULL;
	ahead->running = thread_start_beside(&ahead->thread, read_thread, ahead);
	if (!ahead->running)
		read_thread(ahead);
	return steal_pointer(&ahead);
}

static bool is_fresh(const struct ahead *ahead)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - ahead->read.tv_sec < FRESH_SECONDS ||
	       (now.tv_sec - ahead->read.tv_sec == FRESH_SECONDS &&
		now.tv_nsec < ahead->read.tv_nsec);
}

/* Tables are as deep as they shall be: no more and no less is known of them. */
static bool is_as_deep(const struct ruleset *ruleset, read_depth_fn *depth, void *arg)
{
	array_for_each(table, &ruleset->tables) {
		if ((*table)->contents_read !=
		    (depth(arg, (*table)->family, (*table)->name) != READ_NAME))
			return false;
	}
	return true;
}

struct ruleset *ahead_take(struct ahead *ahead, struct kernel *kernel, read_depth_fn *depth,
			   void *arg)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	autoerror ignored = ERROR_INIT;
	uint32_t now;

	if (!ahead)
		return NULL;
	join(ahead);
	ruleset = steal_pointer(&ahead->ruleset);
	return ruleset && is_fresh(ahead) && kernel_generation(kernel, &now, &ignored) &&
			       now == ruleset->generation && is_as_deep(ruleset, depth, arg)
		       ? steal_pointer(&ruleset)
		       : NULL;
}
