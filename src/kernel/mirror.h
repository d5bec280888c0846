/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces by name and index: of this host, and stand-ins for them in a scratch namespace. */
#pragma once

#include "base/array.h"
#include "base/error.h"
#include "base/namespace.h"

#include <net/if.h>

struct interface {
	char name[IF_NAMESIZE];
	unsigned index; /* 0: it does not exist; any will do */
};
typedef ARRAY(struct interface) interfaces;

/* All of the namespace that the calling thread is in. The caller frees the array. */
bool interfaces_read(interfaces *ret_list, struct untrack_error *err);

/* Makes an interface of that name and index in the namespace (one end of a veth; lo is there already). */
bool interfaces_mirror(const struct netns *ns, const interfaces *list, struct untrack_error *err);
