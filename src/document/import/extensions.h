/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What iptables 1.8.9 ships for IPv4 and IPv6 (iptables-extensions(8)): every match and target with
 * its options, and who translates each. An option that is not in this table is refused by name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum how {
	/* iptables-restore-translate: its answer must contain `says`. */
	HOW_TOOL = 1,
	/* The extension's own function. */
	HOW_OWN,
	/* Not to be said in nf_tables: `says` tells why. */
	HOW_REFUSED,
	/* Makes no difference to which packets match or what happens to them. */
	HOW_NOTHING,
};

/*
 * `says` for HOW_TOOL is what the answer must contain, with
 *   !   "!= " where the option is negated, nothing otherwise
 *   %F  ip or ip6
 *   %v  the value as it was given, %l as a MAC address
 *   %P  the value as a port or a range of ports, %L as a range of 16 bits, %R of 32 bits, %B of 8
 *   %h  a number in hexadecimal, %H with two digits at least, %d in decimal
 *   %M  value/mask of a mark
 *   *   one word, or a group in braces or quotes
 * and alternatives separated by '|'. A value that is a name where a number was expected counts as
 * *.
 */
struct option_def {
	const char *name;
	uint8_t args;
	uint8_t how; /* enum how */
	const char *says;
};

enum own_answer { OWN_REFUSED, OWN_TEXT, OWN_TOOL };
struct own;
struct spec;
struct piece;
typedef enum own_answer own_fn(struct own *own, const struct spec *spec, const struct piece *piece);

#define FAMILY_4 1
#define FAMILY_6 2
#define FAMILY_BOTH 3

struct extension {
	const char *name;
	bool target;
	uint8_t families;
	const char *refused; /* the whole extension, and why; or NULL */
	own_fn *own;	     /* or NULL: the tool's alone */
	const struct option_def *options;
	uint8_t options_count;
	bool stateful; /* each rule has a state that no other shares under its own name */
};

extern const struct extension match_extensions[], target_extensions[];
extern const size_t match_extensions_count, target_extensions_count;

/* NULL if there is none. Names are as behind -m and -j. */
const struct extension *extension_find(const char *name, bool target, uint8_t family);
/* The nearest name, for "did you mean"; or NULL. */
const char *extension_suggest(const char *name, bool target, uint8_t family);
/* The match that -p PROTOCOL loads for an option that nobody knows; or NULL. */
const char *extension_of_protocol(int protocol);
