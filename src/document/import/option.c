/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/option.h"

#include <ctype.h>
#include <string.h>

/* Options of iptables itself; capital letters are its commands. */
static const struct global globals[] = {
	{"append", 'A', 1},	   {"delete", 'D', 1},	      {"insert", 'I', 1},
	{"replace", 'R', 1},	   {"list", 'L', 3},	      {"list-rules", 'S', 3},
	{"flush", 'F', 3},	   {"zero", 'Z', 3},	      {"new-chain", 'N', 1},
	{"delete-chain", 'X', 3},  {"rename-chain", 'E', 2},  {"policy", 'P', 2},
	{"check", 'C', 1},	   {"table", 't', 1},	      {"protocol", 'p', 1},
	{"proto", 'p', 1},	   {"source", 's', 1},	      {"src", 's', 1},
	{"destination", 'd', 1},   {"dst", 'd', 1},	      {"in-interface", 'i', 1},
	{"out-interface", 'o', 1}, {"fragments", 'f', 0},     {"match", 'm', 1},
	{"jump", 'j', 1},	   {"goto", 'g', 1},	      {"set-counters", 'c', 2},
	{"wait", 'w', 3},	   {"wait-interval", 'W', 1}, {"verbose", 'v', 0},
	{"numeric", 'n', 0},	   {"exact", 'x', 0},	      {"line-numbers", '0', 0},
	{"modprobe", 'M', 1},	   {"ipv4", '4', 0},	      {"ipv6", '6', 0},
};

static void consider(struct found *best, bool *exact, const struct found *candidate,
		     const char *name, const char *word, size_t length)
{
	if (*exact || strncmp(name, word, length))
		return;
	/* getopt_long() does not mind two names of one option */
	if (name[length] && best->candidates && best->global && candidate->global &&
	    best->global->letter == candidate->global->letter)
		return;
	if (!name[length] || !best->candidates) {
		*exact = !name[length];
		*best = *candidate;
		best->candidates = 1;
	} else {
		best->candidates++;
	}
}

static void consider_piece(struct found *best, bool *exact, struct piece *piece, const char *word,
			   size_t length)
{
	for (size_t i = 0; piece->extension && i < piece->extension->options_count; i++) {
		struct found candidate = {.option = &piece->extension->options[i], .piece = piece};

		consider(best, exact, &candidate, candidate.option->name, word, length);
	}
}

/* The extension that was loaded last is asked first; the beginning of a name is enough if only one
 * option begins so. */
struct found option_find(struct spec *spec, const char *word, size_t length)
{
	struct found best = {0};
	bool exact = false;

	consider_piece(&best, &exact, &spec->target, word, length);
	for (size_t i = spec->matches.n; i-- > 0;)
		consider_piece(&best, &exact, &spec->matches.v[i], word, length);
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
		struct found candidate = {.global = &globals[i]};

		consider(&best, &exact, &candidate, globals[i].name, word, length);
	}
	return best;
}

const struct global *option_short(char letter)
{
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++)
		if (globals[i].letter == letter && isalnum((unsigned char)letter) &&
		    letter != '0' && letter != 'M')
			return &globals[i];
	return NULL;
}
