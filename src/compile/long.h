/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services whose lists are too long for the shared maps: one set for each list, used by both
 * directions, and one counted rule for each family and direction.
 */
#pragma once

#include "compile/maps.h"

struct long_service {
	const char *name;
	enum policy_role role;
	const struct match *match;
	const struct owner *owner;
};

/* Its sets NAME_addresses4, … ; `families` as the table has them. */
void make_long_sets(struct writer *w, const struct long_service *service);

/* Its rules for one hook. On loopback (in the chain of that name) interfaces are not asked about. */
void write_long_rules(struct writer *w, struct chain *chain, const struct long_service *service,
		      enum hook hook, bool loopback);
