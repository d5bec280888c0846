/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts together what stands in a packet's way. */
#pragma once

#include "base/error.h"
#include "kernel/hooks.h"
#include "model/path.h"
#include "model/ruleset.h"

/* What is known of a network namespace. Nothing is taken over. */
struct path_sources {
	const struct ruleset *ruleset; /* rules, objects and verdict maps read (READ_OBJECTS) */
	const registered_hooks *hooks; /* NULL: the kernel does not tell */
	const texts *legacy[3];	       /* tables of iptables, ip6tables, arptables */
	const struct ruleset *legacy_rules; /* their rules; NULL: not known */
	const devices *devices;
	uint64_t entries; /* in the connection table */
};

/* NULL with the error set. */
struct path *path_build(const struct path_sources *sources, struct untrack_error *err);
