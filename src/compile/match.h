/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of a service or keep_tracked entry, merged and sorted once for all its directions. */
#pragma once

#include "base/error.h"
#include "compile/boxes.h"
#include "model/policy.h"

#include <stdbool.h>

#define for_each_family(f) for (uint8_t f = INET_V4; f <= INET_V6; f += INET_V6 - INET_V4)

/* More entries than this get sets of their own, and no forms that cost more memory. */
enum { LONG_LIST = 1000 };

/* The ranges are sorted with IPv4 first. Single addresses are also kept as such, for hash sets. */
struct address_list {
	bool any;		 /* none was given */
	struct inet_list sorted; /* as given, without those that another one covers */
	bool has_length[2][129]; /* of IPv4, of IPv6: there are prefixes of that length */
	bool is_long;		 /* then the following are empty */
	inet_ranges merged;	 /* all */
	inet_ranges singles;	 /* given as single addresses, and in no prefix */
	inet_ranges prefixes;	 /* the rest */
};

struct interface {
	uint8_t first[INTERFACE_LENGTH]; /* "eth0" or, for "eth*", "eth" and zeros */
	uint8_t last[INTERFACE_LENGTH];	 /* "eth" and 0xff */
	uint8_t length;			 /* of the name without its star */
	bool wildcard;
};

typedef ARRAY(struct interface) interfaces;

struct match {
	protocols protocols; /* may be empty in keep_tracked */
	port_ranges ports;   /* merged; empty: no ports or any */
	struct address_list addresses;
	struct address_list peers;
	interfaces interfaces; /* empty: any; none is inside another */
	bool names_loopback;   /* one of the interfaces is, or covers, lo */
};

/* Adds those that are in none of the others, and drops what they cover. False without memory. */
bool interfaces_merge(interfaces *to, const interfaces *from);

/* all_forms: long lists are to have them as well. */
bool match_prepare(const struct policy_match *policy, bool all_forms, struct match *ret_match,
		   struct untrack_error *err);
/* How many ranges the list has. */
size_t list_size(const struct address_list *list);
void match_free(struct match *match);
#define automatch autoclean(match_free) struct match

/* The part of a sorted list that is of that family. */
struct ranges {
	const struct inet_range *v;
	size_t n;
};
struct ranges ranges_of(const inet_ranges *list, uint8_t family);
/* Does the list have (or, being any, allow) addresses of that family? */
bool list_has_family(const struct address_list *list, uint8_t family);
bool match_has_family(const struct match *match, uint8_t family); /* both of its lists */
