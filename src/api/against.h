/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host that is only known by its saved ruleset: a scratch namespace that holds it. */
#pragma once

#include "api/context.h"
#include "kernel/mirror.h"

struct against {
	struct untrack untrack; /* borrows the store of the real one */
	interfaces devices;	/* those that the ruleset names, as they are in the namespace */
};
void against_free(struct against *against);
#define autoagainst __attribute__((cleanup(against_free))) struct against

/* Needs no privilege. */
bool against_load(struct untrack *untrack, const char *path, struct against *ret_against,
		  struct untrack_error *err);
