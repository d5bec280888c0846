/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/against.h"

#include "base/cleanup.h"
#include "document/nft.h"
#include "document/saved.h"

#include <string.h>

void against_free(struct against *against)
{
	if (against->untrack.kernel)
		kernel_close(against->untrack.kernel);
	netns_close(&against->untrack.ns);
	array_free(&against->devices);
}

/* Indexes of their own, so that rules by index can be told. */
static bool name_devices(const struct saved *saved, interfaces *devices, struct untrack_error *err)
{
	unsigned index = 1000;

	array_for_each(name, &saved->devices) {
		struct interface device = {.index = index++};

		if (strlen(*name) >= sizeof(device.name))
			return error_set(err, ERROR_DOCUMENT,
					 "an interface, got '%.40s'; expected a name of up to 15 "
					 "characters",
					 *name);
		strcpy(device.name, *name);
		if (!array_push(devices, device))
			return error_memory(err);
	}
	return true;
}

bool against_load(struct untrack *untrack, const char *path, struct against *ret_against,
		  struct untrack_error *err)
{
	autoagainst against = {
		.untrack = {.ns = NETNS_OWN, .store = untrack->store, .is_saved = true}};
	autoerror why = ERROR_INIT;
	autosaved saved = {0};

	memcpy(against.untrack.identity, untrack->identity, sizeof(untrack->identity));
	if (!saved_read(path, &saved, err) || !name_devices(&saved, &against.devices, err) ||
	    !netns_scratch(&against.untrack.ns, err) ||
	    !interfaces_mirror(&against.untrack.ns, &against.devices, err))
		return false;
	if (!nft_run(&against.untrack.ns, saved.text, 0, NULL, &why))
		return error_at(err, why.code, path, why.line, why.column, NULL, "%s",
				why.message ? why.message : "out of memory");
	*ret_against = against;
	against = (struct against){.untrack = {.ns = NETNS_OWN}};
	return true;
}
