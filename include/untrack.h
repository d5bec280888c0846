/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libuntrack: keeps busy traffic out of Linux connection tracking.
 *
 * A program opens a context for a network namespace, reads a document (a policy, libnftables JSON or
 * nft text), and diffs or applies it. Every operation gives a result, which can be had as one JSON
 * object or as text for people. The library never prints and never exits. A context is for one thread
 * at a time.
 *
 * Errors: functions that can fail take a `struct untrack_error *`, made by untrack_error_new() (or
 * NULL: not interested). The first error stays until untrack_error_reset().
 */
#ifndef UNTRACK_H
#define UNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UNTRACK_EXPORT __attribute__((visibility("default")))

struct untrack;
struct untrack_error;
struct untrack_document;
struct untrack_result;

/* The library's version, "0.1.0". */
UNTRACK_EXPORT const char *untrack_version(void);

/* ---- errors ---- */
/* NULL without memory. */
UNTRACK_EXPORT struct untrack_error *untrack_error_new(void);
UNTRACK_EXPORT void untrack_error_free(struct untrack_error *error);
UNTRACK_EXPORT void untrack_error_reset(struct untrack_error *error);
/* A word: "usage", "document", "permission", "kernel", "conflict", "lint", "changed", "system"; "none"
 * if nothing is set. */
UNTRACK_EXPORT const char *untrack_error_code(const struct untrack_error *error);
/* The exit status that goes with it: 2, or 3 for "changed". */
UNTRACK_EXPORT int untrack_error_status(const struct untrack_error *error);
/* What happened, without the place; may have several lines. Never NULL. */
UNTRACK_EXPORT const char *untrack_error_message(const struct untrack_error *error);
/* The place in a document: file and JSON path (NULL if none), line and column (1-based, 0 if none). */
UNTRACK_EXPORT const char *untrack_error_file(const struct untrack_error *error);
UNTRACK_EXPORT const char *untrack_error_path(const struct untrack_error *error);
UNTRACK_EXPORT unsigned untrack_error_line(const struct untrack_error *error);
UNTRACK_EXPORT unsigned untrack_error_column(const struct untrack_error *error);
/* False (nearly always): nothing had been changed when it happened. */
UNTRACK_EXPORT bool untrack_error_changed(const struct untrack_error *error);
/* "file:line:col: error: /path: message" and, unless something was, "nothing was changed"; or the JSON
 * object of the contract. Owned by the caller (free). */
UNTRACK_EXPORT char *untrack_error_text(const struct untrack_error *error);
UNTRACK_EXPORT char *untrack_error_json(const struct untrack_error *error);

/* ---- context ---- */
/* Which form of its results is wanted of a context. That of a change is made ready before the change is
 * made, and nft takes as long to print many rules as to load them. */
enum untrack_report { UNTRACK_REPORT_BOTH, UNTRACK_REPORT_TEXT, UNTRACK_REPORT_JSON };

struct untrack_options {
	size_t size;	       /* sizeof(struct untrack_options): lets the struct grow */
	const char *netns;     /* NAME, PATH or PID of a network namespace; NULL: the caller's */
	const char *state_dir; /* NULL: $UNTRACK_STATE_DIR or /var/lib/untrack */
	const char *run_dir;   /* NULL: $UNTRACK_RUN_DIR or /run/untrack */
	enum untrack_report report;
};
UNTRACK_EXPORT struct untrack *untrack_new(const struct untrack_options *options,
					   struct untrack_error *error);
UNTRACK_EXPORT void untrack_free(struct untrack *untrack);

/* ---- documents ---- */
/* Files, a directory, or "-" for standard input: one document, in order. They must be there; they are
 * read when the document is first needed, so what is wrong in them is told by the operation. */
UNTRACK_EXPORT struct untrack_document *
untrack_document_read(const char *const *paths, size_t count, struct untrack_error *error);
UNTRACK_EXPORT void untrack_document_free(struct untrack_document *document);

/* ---- results ---- */
/* 0, or 1: differences, findings of level error, not as expected. */
UNTRACK_EXPORT int untrack_result_status(const struct untrack_result *result);
/* One JSON object, without a newline behind it. Inside the result; NULL without memory,
 * and where the context was to report in text alone. */
UNTRACK_EXPORT const char *untrack_result_json(struct untrack_result *result);
/* For people; lines end with newlines; may be empty, and lacks the change where the context was to report
 * in JSON alone. color: with terminal escapes. Inside the result. */
UNTRACK_EXPORT const char *untrack_result_text(struct untrack_result *result, bool color);
/* Warnings and notes that go with it, in order: NULL behind the last. */
UNTRACK_EXPORT const char *untrack_result_warning(const struct untrack_result *result,
						  size_t index);
UNTRACK_EXPORT void untrack_result_free(struct untrack_result *result);

/* ---- operations ---- */
struct untrack_apply_options {
	size_t size;
	bool dry_run;
	bool whole_ruleset; /* --ruleset */
	bool purge;
	bool no_rehearse;
	bool take_over;
	bool has_generation; /* apply only if the ruleset is at `generation` */
	uint32_t generation;
	unsigned confirm_seconds; /* 0: no armed rollback */
	const char *const
		*guard;		/* with confirm_seconds: the program that waits for the deadline and
				     * then calls untrack_guard() for this namespace; NULL-terminated */
	const char *force_lint; /* codes to apply in spite of, separated by commas; or NULL */
};

/* What apply would change: status 1 if there is a difference. options may be NULL. */
UNTRACK_EXPORT struct untrack_result *untrack_diff(struct untrack *untrack,
						   const struct untrack_document *document,
						   const struct untrack_apply_options *options,
						   struct untrack_error *error);
/* From the first document to the second; needs no privilege. */
UNTRACK_EXPORT struct untrack_result *untrack_diff_documents(struct untrack *untrack,
							     const struct untrack_document *from,
							     const struct untrack_document *to,
							     struct untrack_error *error);
UNTRACK_EXPORT struct untrack_result *untrack_apply(struct untrack *untrack,
						    const struct untrack_document *document,
						    const struct untrack_apply_options *options,
						    struct untrack_error *error);
struct untrack_check_options {
	size_t size;
	const char *against; /* a saved `nft list ruleset`; NULL: this host */
};
UNTRACK_EXPORT struct untrack_result *untrack_check(struct untrack *untrack,
						    const struct untrack_document *document,
						    const struct untrack_check_options *options,
						    struct untrack_error *error);
/* What the kernel does with a packet ("tcp 198.51.100.7:40000 > 192.0.2.10:80 on eth0"), found out in a
 * scratch namespace with this host's ruleset; document (or NULL) applied to it. */
UNTRACK_EXPORT struct untrack_result *untrack_trace(struct untrack *untrack, const char *packet,
						    const struct untrack_document *document,
						    struct untrack_error *error);
/* document NULL: all tables of untrack. as_text: nft's own syntax instead of JSON in the text form. */
UNTRACK_EXPORT struct untrack_result *untrack_show(struct untrack *untrack,
						   const struct untrack_document *document,
						   bool as_text, struct untrack_error *error);
UNTRACK_EXPORT struct untrack_result *untrack_status(struct untrack *untrack,
						     struct untrack_error *error);
struct untrack_top_options {
	size_t size;
	const char *by; /* fields to group by: "port", "address,state", …; NULL: port and address */
	size_t limit;	/* at most that many groups; 0: all */
};
/* Who fills the connection table, largest first. */
UNTRACK_EXPORT struct untrack_result *untrack_top(struct untrack *untrack,
						  const struct untrack_top_options *options,
						  struct untrack_error *error);
struct untrack_suggest_options {
	size_t size;
	unsigned cover;	       /* per cent of all entries that are enough; 0: 90 */
	unsigned max_services; /* 0: 8 */
	bool accept_in;	       /* fill `accept_in` from the chains that need it */
};
/* A policy that would empty the table, from what is in it now. Text and JSON are the policy; what was
 * left out, and why, are the warnings. */
UNTRACK_EXPORT struct untrack_result *untrack_suggest(struct untrack *untrack,
						      const struct untrack_suggest_options *options,
						      struct untrack_error *error);
struct untrack_flow_options {
	size_t size;
	bool svg; /* the text form is a drawing (SVG) */
};
/* A packet's path through the host: what stands at each hook, and where packets become untracked. */
UNTRACK_EXPORT struct untrack_result *untrack_flow(struct untrack *untrack,
						   const struct untrack_flow_options *options,
						   struct untrack_error *error);
struct untrack_import_options {
	size_t size;
	bool as_policy;	 /* a policy instead of the faithful document */
	bool complete;	 /* with as_policy: one direction alone becomes a whole service */
	bool keep_going; /* leave out what cannot be carried over: warnings tell, and status is 1 */
	bool counters;	 /* rules count, from the saved values on */
	bool live;	 /* with as_policy: this host's rules instead of files */
	const char *
		ipset_save; /* a file of `ipset save`; NULL: this host's sets, where rules need them */
};
/* iptables-save output, scripts of iptables commands and sysctl.conf lines as a document, which the
 * text is (and the JSON, or an object with the key "text" where the document is nft text). With
 * as_policy also nft documents. options may be NULL. */
UNTRACK_EXPORT struct untrack_result *untrack_import(struct untrack *untrack,
						     const char *const *paths, size_t count,
						     const struct untrack_import_options *options,
						     struct untrack_error *error);
/* Ends an armed rollback well. An error ("usage") if none is armed. */
UNTRACK_EXPORT struct untrack_result *untrack_confirm(struct untrack *untrack,
						      struct untrack_error *error);
/* snapshot 0: undoes the last change (and, called again, the one before it). */
UNTRACK_EXPORT struct untrack_result *untrack_rollback(struct untrack *untrack, uint32_t snapshot,
						       struct untrack_error *error);
UNTRACK_EXPORT struct untrack_result *untrack_history(struct untrack *untrack,
						      struct untrack_error *error);
/* table: "inet untrack" or "untrack" (family inet); NULL: the only one there is. */
UNTRACK_EXPORT struct untrack_result *untrack_remove(struct untrack *untrack, const char *table,
						     struct untrack_error *error);
/* What the guard of an armed rollback runs: waits, and at the deadline rolls back. False on error. */
UNTRACK_EXPORT bool untrack_guard(struct untrack *untrack, struct untrack_error *error);

#ifdef __cplusplus
}
#endif
#endif
