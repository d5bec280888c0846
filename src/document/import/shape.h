/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that differ only in plain values (an address, a port, an interface) have one shape. A shape
 * is translated, judged and read back once, with values that stand out in place of the plain ones;
 * the rules then put their own in. So 20 000 rules cost little more than their shapes.
 */
#pragma once

#include "document/import/own.h"
#include "document/import/rules.h"
#include "document/import/slots.h"

enum words_how {
	WORDS_ALL,   /* all that the rule says */
	WORDS_SHAPE, /* with values that stand out, without comment */
	WORDS_JUDGE, /* as the shape; without what a scratch namespace lacks (sets, timeout
			policies) */
};
/* Writes the options as a line of iptables-save has them, each with a blank in front. */
void spec_put_words(const struct spec *spec, struct buf *b, enum words_how how);
/* One word, quoted where iptables-restore needs it. */
void put_quoted(struct buf *b, const char *text);

/* The spec with what stands out in place of plain values; NULL without memory. */
struct spec *shape_spec(const struct spec *spec);

/* Text with holes. */
struct hole {
	size_t at; /* offset into text, which has the sentinel there */
	size_t length;
	enum slot slot;
	bool hexadecimal;
};

struct template
{
	char *text;
	ARRAY(struct hole) holes;
};
/* Finds the sentinels of the shape, each once. False: not found, or found again; or no memory. */
bool template_make(struct template *template, char *text, const struct spec *shape);
void template_put(const struct template *template, const struct spec *spec, struct buf *b);
void template_free(struct template *template);
