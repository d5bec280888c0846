/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of reading one source, shared by read.c and script.c. */
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

struct place reader_here(const struct reader *r);
/* A rule's words, without the program's name. */
void reader_rule(struct reader *r, const struct word *words, size_t count, const char *table);
void reader_ipset(struct reader *r, const struct word *words, size_t count);
bool starts_with(const char *text, const char *with);

/* The words of a line of a script, split as a shell does. */
void script_line(struct reader *r);
