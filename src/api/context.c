/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/context.h"

#include "base/cleanup.h"

#include <stddef.h>
#include <stdlib.h>

const char *untrack_version(void)
{
	return UNTRACK_VERSION;
}

DEFINE_AUTOCLEAN(struct untrack, untrack_free)

struct untrack *untrack_new(const struct untrack_options *options, struct untrack_error *error)
{
	autoclean(untrack_free_p) struct untrack *untrack = calloc(1, sizeof(*untrack));

	if (!untrack) {
		error_memory(error);
		return NULL;
	}
	untrack->ns = NETNS_OWN;
	if (options && options->size > offsetof(struct untrack_options, report))
		untrack->report = options->report;
	if (options && options->netns && !netns_open(options->netns, &untrack->ns, error))
		return NULL;
	autoenter entered = netns_enter(&untrack->ns, error);
	if (entered.failed || !netns_identity(untrack->identity, error))
		return NULL;
	untrack->store = store_open(options ? options->state_dir : NULL,
				    options ? options->run_dir : NULL, untrack->identity, error);
	return untrack->store ? steal_pointer(&untrack) : NULL;
}

void untrack_free(struct untrack *untrack)
{
	if (!untrack)
		return;
	if (untrack->kernel)
		kernel_close(untrack->kernel);
	if (untrack->store)
		store_close(untrack->store);
	netns_close(&untrack->ns);
	free(untrack);
}

struct kernel *context_kernel(struct untrack *untrack, struct untrack_error *err)
{
	if (!untrack->kernel)
		untrack->kernel = kernel_open(&untrack->ns, err);
	return untrack->kernel;
}
