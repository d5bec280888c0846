/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services whose lists are too long for the shared maps: sets of their own for each list, used by both
 * directions, and one counted rule for each family, direction and form of the lists: a list takes one
 * hash set for each length of its prefixes, up to three, and one interval set beyond. Long
 * keep_tracked entries likewise.
 */
#pragma once

#include "compile/maps.h"

/* A list's set is called like these around "addresses4": SERVICE_addresses4, keep_addresses4_1. A
 * service's sets never end in a number of their own, so the two cannot meet. */
struct long_lists {
	const char *prefix;
	const char *suffix;
	const char *who; /* "service 'web'" */
	const struct match *match;
};

void make_long_sets(struct writer *w, const struct long_lists *lists);

/* The forms in which the two lists are asked, one rule each. */
enum { LONG_FORMS_MAX = 9 };
struct long_form {
	int near; /* the length of the prefixes, or intervals */
	int far;
};
struct long_forms {
	size_t count;
	struct long_form form[LONG_FORMS_MAX];
};
struct long_forms long_forms(const struct long_lists *lists, uint8_t family, bool near_is_peers);

/* `ip daddr @web_addresses4 ip saddr @web_peers4`, in that order of the near and the far end; nothing
 * for a list that is any. */
void write_long_lookups(struct writer *w, const struct long_lists *lists, uint8_t family,
			enum side side, bool near_is_peers, struct long_form form);

/* The rules of a service for one hook. */
void write_long_rules(struct writer *w, struct chain *chain, const struct long_lists *lists,
		      enum policy_role role, const struct owner *owner, enum hook hook);
/* Those for prerouting, if lo is among the service's interfaces, as the chain loopback has them:
 * without interfaces, and without counting. */
void write_long_loopback_rules(struct writer *w, struct chain *chain,
			       const struct long_lists *lists, enum policy_role role);
