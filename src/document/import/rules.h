/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was read: the tables, chains and rules that the lines make, each rule with its options told
 * apart. */
#pragma once

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/inet.h"
#include "document/import/extensions.h"
#include "document/import/import.h"

#include <stdint.h>

struct place {
	const char *file; /* of the source, which outlives it */
	unsigned line;
};

/* Words of one command, as a shell or iptables-restore splits them. */
struct word {
	char *text;	/* inside storage */
	bool quoted;	/* some of it was in quotes */
	bool operator;	/* of the shell: ; && || | & > < ( ) */
	char *variable; /* inside storage: the "$NAME" that a shell would have put a value for, or
			   NULL */
};

struct words {
	ARRAY(struct word) w;
	char *storage;
};
void words_free(struct words *words);

/* One option as it was used. */
struct use {
	const struct option_def *option;
	bool negated;
	char *value[2]; /* owned */
};

/* A match or a target with its options. */
struct piece {
	const struct extension *extension;
	ARRAY(struct use) uses;
};

struct address {
	bool given, negated;
	bool masked; /* a mask that is no prefix: text only */
	struct inet_range range;
	char *text; /* as it goes to iptables; owned */
};

/* A rule's matches and target. */
struct spec {
	enum inet_family family;
	char *protocol; /* in lower case, NULL: any */
	bool protocol_negated;
	int protocol_number; /* -1: any, or not known */
	struct address source, destination;
	char *in, *out; /* interface names */
	bool in_negated, out_negated;
	bool fragment, fragment_negated;
	ARRAY(struct piece) matches;
	struct piece target; /* extension NULL: none, or a verdict or chain */
	char *jump;	     /* ACCEPT, DROP, RETURN, QUEUE, or a user's chain; NULL */
	bool is_goto;
	char *comment; /* of -m comment, NULL: none */
	unsigned comments;
};
void spec_free(struct spec *spec);
DEFINE_AUTOCLEAN(struct spec, spec_free)
struct spec *spec_copy(const struct spec *spec);

struct raw_rule {
	struct place place;
	struct spec *spec;
	uint64_t packets, bytes;
	size_t shape; /* index of the shape it shares with rules that differ in plain values only */
	bool refused;
};

void raw_rule_free(struct raw_rule *rule);

struct raw_chain {
	char *name;
	char *safe; /* the name that nft takes; made by names.c */
	bool builtin;
	bool drop; /* its policy */
	struct place place;
	ARRAY(struct raw_rule *) rules;
};

struct raw_table {
	enum inet_family family;
	bool filter; /* the filter table: only looked through for UNTRACKED */
	ARRAY(struct raw_chain *) chains;
};
struct raw_chain *table_chain(const struct raw_table *table, const char *name);

/* One line of sysctl.conf, already under its present name. */
struct sysctl_line {
	struct place place;
	char *name;
	uint64_t value;
};

/* A line that cannot be carried over. */
struct refusal {
	struct place place;
	char *text; /* the option and the reason */
};

/* Lines of `ipset save`. */
struct ipset_line {
	struct place place;
	struct words words;
};

struct import {
	const struct import_options *options;
	struct raw_table raw[2], filter[2]; /* IPv4, IPv6 */
	ARRAY(struct sysctl_line) sysctls;
	ARRAY(struct refusal) refusals;
	ARRAY(struct ipset_line) ipsets;
	texts warnings;
	size_t other_rules; /* of tables that are not looked at */
	size_t filter_rules;
	size_t other_sysctls;
	size_t refused_rules; /* rules of the raw table that were refused while reading */
	bool no_memory;
};
void import_free(struct import *import);

void import_warn(struct import *import, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Always false. */
bool import_refuse(struct import *import, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
