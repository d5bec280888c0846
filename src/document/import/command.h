/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One iptables command, its options told apart as iptables' getopt_long() does. */
#pragma once

#include "document/import/rules.h"

enum verb {
	VERB_NONE,
	VERB_APPEND = 'A',
	VERB_DELETE = 'D',
	VERB_INSERT = 'I',
	VERB_REPLACE = 'R',
	VERB_FLUSH = 'F',
	VERB_NEW = 'N',
	VERB_REMOVE = 'X',
	VERB_RENAME = 'E',
	VERB_POLICY = 'P',
	VERB_LOOK = 'L', /* -L, -S, -Z, -C: change no rule */
};

struct command {
	char *table; /* -t; NULL: filter, or the one of the file */
	enum verb verb;
	char *chain;
	char *second;  /* -E: the new name, -P: the target */
	size_t number; /* -I, -R, -D: 0 when there is none */
	bool has_match;
	uint64_t packets, bytes;
	struct spec *spec;
	/* -s and -d may be lists: one rule for each pair */
	char *sources, *destinations;
};
void command_free(struct command *command);

/* words behind the program's name. False with the reason (*ret_why, owned; NULL without memory). */
bool command_parse(const struct word *words, size_t count, enum inet_family family,
		   struct command *ret_command, char **ret_why);

/* The rules of the command: one for each pair of its addresses, in the order iptables adds them.
 * False with the reason. */
bool command_expand(const struct command *command, struct spec ***ret_specs, size_t *ret_count,
		    char **ret_why);
