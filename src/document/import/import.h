/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads what people have: iptables-save and ip6tables-save output, scripts of iptables commands,
 * sysctl.conf lines. Gives a document: the raw table, rule for rule, or a policy.
 */
#pragma once

#include "base/error.h"
#include "document/document.h"
#include "model/policy.h"

#include <stdbool.h>

struct import_options {
	bool as_policy;	 /* a policy instead of the faithful document */
	bool complete;	 /* with as_policy: one direction alone becomes a whole service */
	bool keep_going; /* leave out what cannot be carried over, and say so in the warnings */
	bool counters;	 /* every rule counts, from the saved values on */
	const struct source
		*ipset_save; /* output of `ipset save`; NULL: of the host, where needed */
};

struct import_result {
	char *document;	  /* JSON, or nft text where libnftables' JSON would lose something */
	texts warnings;	  /* "file:line: …"; what people must know, or do by hand */
	size_t rules_in;  /* rules of raw tables that were read */
	size_t rules_out; /* of these, how many the document carries */
	size_t refused;	  /* lines that could not be carried over (with keep_going only) */
};

/* Reads all sources as one input, in order. False where a line cannot be carried over (unless
 * keep_going): the error then names the first one's place and lists every one. */
bool import_read(const struct source *sources, size_t count, const struct import_options *options,
		 struct import_result *ret_result, struct untrack_error *err);

/* Is it an nft document (text or JSON), rather than anything that import_read() takes? */
bool import_is_document(const struct source *source);

/* Lifts the notrack rules of an nft document (text or libnftables JSON, as `nft -j list ruleset`
 * prints it) into a policy. Of the options, complete counts. */
bool import_lift(const struct source *source, const struct import_options *options,
		 struct import_result *ret_result, struct untrack_error *err);

/* Lifts the notrack rules of the caller's network namespace: those of nf_tables, or if there are
 * none, of iptables' raw tables. */
bool import_live(const struct import_options *options, struct import_result *ret_result,
		 struct untrack_error *err);

/* The document as one JSON object: itself, or nft text as {"text": …}. Owned; NULL without memory.
 */
char *import_result_json(const struct import_result *result);
void import_result_clear(struct import_result *result);
