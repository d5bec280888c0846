/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One raw table on its way into nf_tables. */
#pragma once

#include "base/namespace.h"
#include "document/import/ipset.h"
#include "document/import/own.h"
#include "document/import/shape.h"

#include <jansson.h>

#define IMPORT_TABLE "untrack_raw"
#define LATE_ENDING "_tracked"

/* What takes the place of one match (or the target) in iptables-restore-translate's answer. */
struct own_text {
	size_t match; /* its index; SIZE_MAX: the target */
	char *text;
};

/* What becomes of a rule behind connection tracking. */
enum late_kind {
	LATE_NONE,    /* nothing there depends on it */
	LATE_SET,     /* CT: statements of its own, then nothing more for the packet */
	LATE_VERDICT, /* ACCEPT, RETURN, goto: keeps packets from later rules */
	LATE_JUMP,    /* to a chain that has a late side */
};

struct shape {
	struct spec *spec;
	struct raw_chain *chain;
	struct place place; /* of the first rule that has it */
	ARRAY(struct own_text) owns;
	char *note;	       /* a warning; or NULL */
	char *refused;	       /* why it cannot be carried over; NULL: it can */
	char *answer;	       /* of the tool, up to the counter */
	char *target;	       /* behind the counter: its answer, then nft statements */
	char *late_statements; /* owned; NULL: none */
	enum late_kind late;
	char *late_target;    /* statements behind tracking, with the verdict */
	struct template text; /* the matches, as nft text */
	struct template json; /* and as JSON: "{…}, {…}" */
	char *target_json;    /* what is behind the counter, as JSON */
	char *late_target_json;
};

struct translation {
	struct import *import;
	const struct ipset_list *ipsets;
	struct raw_table *table;
	enum inet_family family;
	struct netns ns; /* a scratch namespace; the tools and the kernel judge there */
	ARRAY(struct shape) shapes;
	definitions definitions;
	json_t *objects; /* array: sets, helpers and timeouts as JSON */
	bool has_late;
	bool text_only;		 /* libnftables' JSON would lose something */
	struct place text_place; /* of what it would lose; line 0: not of one rule */
	bool no_tool;
};

void translation_free(struct translation *t);
DEFINE_AUTOCLEAN(struct translation, translation_free)

/* Shapes, names and our own translations. False without memory. */
bool translation_begin(struct translation *t, struct untrack_error *err);
/* Makes the scratch namespace, and asks iptables itself; then iptables-restore-translate, and makes
 * nft text of each shape. */
bool translation_judge(struct translation *t, struct untrack_error *err);
/* Asks iptables-restore-translate, and makes nft text of each shape. */
bool translation_ask(struct translation *t, struct untrack_error *err);
/* Loads the text and reads it back as JSON, and sees that the JSON means the same. */
bool translation_load(struct translation *t, struct untrack_error *err);
/* Sets t->text_only where the JSON, loaded, is not what the text is. */
bool translation_check_json(struct translation *t, struct untrack_error *err);

/* Refuses a shape; the first reason stays. */
void shape_refuse(struct shape *shape, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static inline bool shape_lives(const struct shape *shape)
{
	return !shape->refused;
}

/* check.c: puts the answer and our own texts together. */
void shape_check(struct translation *t, struct shape *shape);
/* merge.c: keeps nft from making one comparison of two. text: with a blank at each end. */
bool keep_apart(struct buf *text);
/* late.c: which shapes have a side behind tracking. */
bool translation_late(struct translation *t, struct untrack_error *err);
bool chain_has_late(const struct translation *t, const struct raw_chain *chain);
/* document.c */
/* "add table", "add chain" and the definitions, as nft commands, one a line. */
void translation_put_head(const struct translation *t, struct buf *b);
void translation_put_head_json(const struct translation *t, struct buf *b);
struct rule_values {
	const struct spec *spec; /* whose plain values go in */
	const char *comment;	 /* or NULL */
	bool counter;
	uint64_t packets, bytes;
};
void shape_put_text(const struct translation *t, const struct shape *shape, bool late,
		    const struct rule_values *values, struct buf *b);
void shape_put_json(const struct translation *t, const struct shape *shape, bool late,
		    const struct rule_values *values, struct buf *b);
/* The whole document of these tables. */
bool translations_put(struct translation *const *tables, size_t count, bool text, bool counters,
		      struct buf *b);

/* The name that the tool is given for a chain: a user's chain may have a name that nft cannot
 * parse. */
void put_tool_chain(const struct translation *t, const struct raw_chain *chain, struct buf *b);
