/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of reading one source. */
#pragma once

#include "document/import/rules.h"

struct line {
	unsigned number;
	char *text; /* owned; without blanks around it */
};

struct reader {
	struct import *import;
	const char *file;
	ARRAY(struct line) lines;
	size_t at;
	const char *table; /* of the section; NULL outside of one */
	enum inet_family family;
	bool told_family; /* a comment said which program saved it: */
	bool six;	  /* a comment said ip6tables-save */
	bool prompts;	  /* there are only lines that begin with a root prompt */
	struct words words;
	unsigned told; /* typography that was told already */
	bool told_marker, told_prompt;
};

/* lines.c. False without memory. */
bool reader_split_lines(struct reader *r, const struct buf *text);
/* What follows a prompt, as in "# iptables -t raw …" or "root@host:~# iptables …"; NULL: there is
 * none. */
const char *behind_prompt(const char *text);
/* Do all lines begin with root's prompt? */
bool reader_only_prompts(const struct reader *r);

/* reader.c */
struct place reader_here(const struct reader *r);
/* A rule's words, without the program's name. */
void reader_rule(struct reader *r, const struct word *words, size_t count, const char *table);
void reader_ipset(struct reader *r, const struct word *words, size_t count);
bool starts_with(const char *text, const char *with);

/* script.c: the words of a line of a script, split as a shell does. */
void script_line(struct reader *r);
