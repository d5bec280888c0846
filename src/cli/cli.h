/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: what was asked for, and the two tables that say what may be asked. Everything that
 * is done is done by libuntrack; here are argv, the standard streams and the exit status.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "untrack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Options by number: bits of command->options, and what getopt_long() returns beyond letters. */
enum option_id {
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_JSON,
	OPTION_NETNS,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_COLOR,
	OPTION_STATE_DIR,
	OPTION_RUN_DIR,
	OPTION_DRY_RUN,
	OPTION_CONFIRM,
	OPTION_GENERATION,
	OPTION_RULESET,
	OPTION_PURGE,
	OPTION_NO_REHEARSE,
	OPTION_TAKE_OVER,
	OPTION_FORCE_LINT,
	OPTION_AGAINST,
	OPTION_TEXT,
	OPTION_AS,
	OPTION_COMPLETE,
	OPTION_KEEP_GOING,
	OPTION_COUNTERS,
	OPTION_LIVE,
	OPTION_IPSET_SAVE,
	OPTION_BY,
	OPTION_LIMIT,
	OPTION_WATCH,
	OPTION_INTERVAL,
	OPTION_SVG,
	OPTION_COVER,
	OPTION_MAX_SERVICES,
	OPTION_ACCEPT_IN,
};

#define OPTION(id) (UINT64_C(1) << OPTION_##id)
#define OPTIONS_EVERYWHERE                                                                         \
	(OPTION(HELP) | OPTION(VERSION) | OPTION(JSON) | OPTION(NETNS) | OPTION(QUIET) |           \
	 OPTION(VERBOSE) | OPTION(COLOR) | OPTION(STATE_DIR) | OPTION(RUN_DIR))

struct option_row {
	const char *name;     /* first, for text_suggest() */
	const char *argument; /* what --help calls it, or NULL if it takes none */
	const char *help;
	enum option_id id;
	char letter; /* or 0 */
};
extern const struct option_row option_rows[];
extern const size_t option_row_count;

struct command;

/* What the command line says. Texts are argv's own. */
struct invocation {
	const struct command *command; /* NULL: none was named */
	const char *const *operands;   /* behind the command */
	size_t operand_count;
	uint64_t given; /* OPTION() bits */
	struct untrack_options context;
	struct untrack_apply_options apply;
	struct untrack_check_options check;
	struct untrack_import_options import;
	struct untrack_top_options top;
	struct untrack_flow_options flow;
	struct untrack_suggest_options suggest;
	uint32_t limit;	   /* --limit */
	uint32_t interval; /* of --watch, in seconds */
	enum color color;
	bool json;
	int verbosity; /* -1 quiet, 1 verbose */
};

/* Does the command; *ret_status is 0 or 1. False with the error set. */
typedef bool command_fn(const struct invocation *in, int *ret_status, struct untrack_error *err);

struct command {
	const char *name; /* first, for text_suggest() */
	const char *operands;
	const char *summary; /* one line for the list of commands */
	const char *details; /* for its own --help */
	command_fn *run;
	uint64_t options; /* beside those of every command */
	size_t operands_min, operands_max;
	bool hidden;
};
extern const struct command commands[];
extern const size_t command_count;
const struct command *command_find(const char *name, struct untrack_error *err);

command_fn run_status, run_show, run_check, run_trace, run_diff, run_apply, run_confirm,
	run_rollback, run_history, run_import, run_remove, run_guard, run_help, run_top, run_flow,
	run_suggest;

/* Reads argv by the tables. What is legal of it is in *in even when it fails, so that the error can be
 * reported in the form that was asked for. */
bool options_parse(int argc, char **argv, struct invocation *in, struct untrack_error *err);

/* A decimal number from min to max, or an error that names it. */
bool parse_number(const char *what, const char *text, uint32_t min, uint32_t max,
		  uint32_t *ret_number, struct untrack_error *err);

/* Help for a command, or for the program (NULL). */
bool print_help(const struct invocation *in, const struct command *command,
		struct untrack_error *err);
bool print_version(const struct invocation *in, struct untrack_error *err);

/* Standard output as a whole: what cannot be written is an error, a reader that went away too. */
bool print_text(const char *text, struct untrack_error *err);
/* Warnings to standard error, the result to standard output; frees it. A command that changed
 * something says so if its result cannot be printed. NULL (the error is set) gives false. */
bool print_result(const struct invocation *in, struct untrack_result *result, bool changes,
		  int *ret_status, struct untrack_error *err);
/* Makes a result again and again. */
typedef struct untrack_result *look_fn(struct untrack *untrack, const struct invocation *in,
				       struct untrack_error *err);
/* Prints what `look` gives; with --watch every few seconds until SIGINT or SIGTERM: on a terminal in
 * place, as many lines as it has, otherwise one behind the other. */
bool print_look(const struct invocation *in, look_fn *look, int *ret_status,
		struct untrack_error *err);
/* To standard error, or as one JSON object to standard output. misuse: of the command line. */
void print_error(const struct invocation *in, bool misuse, const struct untrack_error *err);
/* A line to standard error with --verbose. */
void print_note(const struct invocation *in, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

DEFINE_AUTOCLEAN(struct untrack, untrack_free)
DEFINE_AUTOCLEAN(struct untrack_document, untrack_document_free)

/* Operands as one document. */
struct untrack_document *read_documents(const struct invocation *in, const char *const *paths,
					size_t count, struct untrack_error *err);
