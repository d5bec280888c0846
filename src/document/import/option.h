/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which option a word names, as getopt_long() finds it: the beginning of a name is enough if only
 * one option begins so. */
#pragma once

#include "document/import/rules.h"

struct global {
	const char *name;
	char letter;  /* '0' and 'M' are no short options */
	uint8_t args; /* 3: one that may be left out */
};

struct found {
	const struct global *global;	 /* an option of iptables itself, or */
	const struct option_def *option; /* of an extension, */
	struct piece *piece;		 /* this one */
	unsigned candidates;		 /* how many begin like that; 1: found */
};

/* word: without its dashes. The extension that was loaded last is asked first. */
struct found option_find(struct spec *spec, const char *word, size_t length);
/* NULL if there is none. */
const struct global *option_short(char letter);
