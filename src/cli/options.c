/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/text.h"

#include <getopt.h>
#include <string.h>

const struct option_row option_rows[] = {
	{"help", NULL, "show this help", OPTION_HELP, 'h'},
	{"version", NULL, "show the version", OPTION_VERSION, 'V'},
	{"json", NULL, "print one JSON object, errors too", OPTION_JSON, 'j'},
	{"netns", "NAME|PATH|PID", "work in that network namespace", OPTION_NETNS, 'N'},
	{"quiet", NULL, "no warnings on standard error", OPTION_QUIET, 'q'},
	{"verbose", NULL, "more on standard error", OPTION_VERBOSE, 'v'},
	{"color", "auto|always|never", "colour the text; NO_COLOR is honoured", OPTION_COLOR, 0},
	{"state-dir", "DIRECTORY", "keep snapshots there (/var/lib/untrack)", OPTION_STATE_DIR, 0},
	{"run-dir", "DIRECTORY", "keep lock and armed rollback there (/run/untrack)",
	 OPTION_RUN_DIR, 0},
	{"dry-run", NULL, "all but the last step: print what would change", OPTION_DRY_RUN, 'n'},
	{"confirm", "SECONDS", "roll back unless `untrack confirm` comes in time", OPTION_CONFIRM,
	 0},
	{"generation", "N", "only if the ruleset is still at that generation", OPTION_GENERATION,
	 0},
	{"ruleset", NULL, "the document is the whole ruleset: other tables go", OPTION_RULESET, 0},
	{"purge", NULL, "then delete the entries that are now kept out", OPTION_PURGE, 0},
	{"no-rehearse", NULL, "skip the rehearsal in a scratch namespace", OPTION_NO_REHEARSE, 0},
	{"take-over", NULL, "own a table of that name that untrack did not make", OPTION_TAKE_OVER,
	 0},
	{"force-lint", "CODE,...", "apply in spite of these findings", OPTION_FORCE_LINT, 0},
	{"against", "FILE", "judge by a saved `nft list ruleset`, not by this host", OPTION_AGAINST,
	 0},
	{"by", "FIELD,...", "group by protocol, port, address, peer, state, zone, role", OPTION_BY,
	 0},
	{"limit", "N", "at most that many groups; 0: all", OPTION_LIMIT, 0},
	{"watch", NULL, "again and again, in place; q ends it", OPTION_WATCH, 'w'},
	{"interval", "SECONDS", "how often with --watch (2)", OPTION_INTERVAL, 0},
	{"cover", "PERCENT", "stop when that share of the entries is covered (90)", OPTION_COVER,
	 0},
	{"max-services", "N", "at most that many services (8)", OPTION_MAX_SERVICES, 0},
	{"accept-in", NULL, "let the services in where a firewall would drop them",
	 OPTION_ACCEPT_IN, 0},
	{"svg", NULL, "draw it", OPTION_SVG, 0},
	{"text", NULL, "print in nft's own syntax", OPTION_TEXT, 0},
	{"as", "policy", "services instead of rules", OPTION_AS, 0},
	{"complete", NULL, "add the direction that a service lacks (with --as=policy)",
	 OPTION_COMPLETE, 0},
	{"keep-going", NULL, "leave out what cannot be carried over; exit status 1",
	 OPTION_KEEP_GOING, 'k'},
	{"counters", NULL, "rules count, from the saved values on", OPTION_COUNTERS, 'c'},
	{"live", NULL, "this host's rules instead of a file (with --as=policy)", OPTION_LIVE, 0},
	{"ipset-save", "FILE", "sets from `ipset save`, not from this host", OPTION_IPSET_SAVE, 0},
};
const size_t option_row_count = sizeof(option_rows) / sizeof(*option_rows);

/* getopt_long() returns this plus the option's id, so that letters never clash with it. */
#define LONG_BASE 256
#define ROWS (sizeof(option_rows) / sizeof(*option_rows))

/* getopt's two forms of the table. ":" first: a missing argument is told apart. */
static void getopt_tables(struct option longs[ROWS + 1], char shorts[2 * ROWS + 2])
{
	*shorts++ = ':';
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		longs[i] =
			(struct option){row->name, row->argument ? required_argument : no_argument,
					NULL, LONG_BASE + (int)row->id};
		if (!row->letter)
			continue;
		*shorts++ = row->letter;
		if (row->argument)
			*shorts++ = ':';
	}
	longs[ROWS] = (struct option){0};
	*shorts = '\0';
}

static const struct option_row *row_of(int value)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		if (value == LONG_BASE + (int)row->id || (value && value == row->letter))
			return row;
	}
	return NULL;
}

bool parse_number(const char *what, const char *text, uint32_t min, uint32_t max,
		  uint32_t *ret_number, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];
	uint64_t number = 0;
	size_t length = strlen(text);
	bool good = length > 0;

	for (const char *p = text; good && *p; p++) {
		number = number * 10 + (uint64_t)(*p - '0');
		good = *p >= '0' && *p <= '9' && number <= max;
	}
	if (!good || number < min)
		return error_set(err, ERROR_USAGE, "%s, got '%s'; expected a number from %u to %u",
				 what, text_show(text, length, shown), min, max);
	*ret_number = (uint32_t)number;
	return true;
}

static bool parse_color(const char *text, enum color *ret_color, struct untrack_error *err)
{
	static const char *const words[] = {"auto", "always", "never"};
	char shown[TEXT_SHOWN_MAX];

	for (enum color color = COLOR_AUTO; color <= COLOR_NEVER; color++) {
		if (strcmp(text, words[color]))
			continue;
		*ret_color = color;
		return true;
	}
	return error_set(err, ERROR_USAGE, "--color, got '%s'; expected auto, always or never",
			 text_show(text, strlen(text), shown));
}

static bool parse_as(const char *text, bool *ret_as_policy, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];

	*ret_as_policy = !strcmp(text, "policy");
	return *ret_as_policy || error_set(err, ERROR_USAGE, "--as, got '%s'; expected policy",
					   text_show(text, strlen(text), shown));
}

static bool take_option(enum option_id id, const char *argument, struct invocation *in,
			struct untrack_error *err)
{
	in->given |= UINT64_C(1) << id;
	switch (id) {
	case OPTION_HELP:
	case OPTION_VERSION:
	case OPTION_TEXT:
	case OPTION_WATCH:
		return true;
	case OPTION_JSON:
		return in->json = true;
	case OPTION_NETNS:
		in->context.netns = argument;
		return true;
	case OPTION_QUIET:
		in->verbosity = -1;
		return true;
	case OPTION_VERBOSE:
		in->verbosity = 1;
		return true;
	case OPTION_COLOR:
		return parse_color(argument, &in->color, err);
	case OPTION_STATE_DIR:
		in->context.state_dir = argument;
		return true;
	case OPTION_RUN_DIR:
		in->context.run_dir = argument;
		return true;
	case OPTION_DRY_RUN:
		return in->apply.dry_run = true;
	case OPTION_CONFIRM:
		/* A day is more than anyone waits for a sign of life. */
		return parse_number("--confirm", argument, 1, 86400, &in->apply.confirm_seconds,
				    err);
	case OPTION_GENERATION:
		in->apply.has_generation = true;
		return parse_number("--generation", argument, 0, UINT32_MAX, &in->apply.generation,
				    err);
	case OPTION_RULESET:
		return in->apply.whole_ruleset = true;
	case OPTION_PURGE:
		return in->apply.purge = true;
	case OPTION_NO_REHEARSE:
		return in->apply.no_rehearse = true;
	case OPTION_TAKE_OVER:
		return in->apply.take_over = true;
	case OPTION_FORCE_LINT:
		in->apply.force_lint = argument;
		return true;
	case OPTION_AGAINST:
		in->check.against = argument;
		return true;
	case OPTION_BY:
		in->top.by = argument;
		return true;
	case OPTION_LIMIT:
		return parse_number("--limit", argument, 0, UINT32_MAX, &in->limit, err);
	case OPTION_INTERVAL:
		return parse_number("--interval", argument, 1, 3600, &in->interval, err);
	case OPTION_AS:
		return parse_as(argument, &in->import.as_policy, err);
	case OPTION_COMPLETE:
		return in->import.complete = true;
	case OPTION_KEEP_GOING:
		return in->import.keep_going = true;
	case OPTION_COUNTERS:
		return in->import.counters = true;
	case OPTION_LIVE:
		return in->import.live = true;
	case OPTION_IPSET_SAVE:
		in->import.ipset_save = argument;
		return true;
	case OPTION_COVER:
		return parse_number("--cover", argument, 1, 100, &in->suggest.cover, err);
	case OPTION_MAX_SERVICES:
		return parse_number("--max-services", argument, 1, 1000, &in->suggest.max_services,
				    err);
	case OPTION_ACCEPT_IN:
		return in->suggest.accept_in = true;
	case OPTION_SVG:
		return in->flow.svg = true;
	}
	return false;
}

/* What getopt_long() could not make out: `word` is the argument it stopped at. */
static bool unknown_option(const char *word, int letter, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX], name[64];
	const struct option_row *row = row_of(letter);
	const char *meant;
	size_t length;

	if (letter && !row)
		return error_set(err, ERROR_USAGE, "unknown option '-%s'",
				 text_show((char[]){(char)letter, '\0'}, 1, shown));
	if (row)
		return error_set(err, ERROR_USAGE, "--%s takes no argument", row->name);
	length = strcspn(word + 2, "=");
	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	memcpy(name, word + 2, length);
	name[length] = '\0';
	meant = text_suggest(name, option_rows, ROWS, sizeof(*option_rows));
	return error_set(err, ERROR_USAGE, "unknown option '--%s'%s%s%s",
			 text_show(name, length, shown), meant ? "; did you mean '--" : "",
			 meant ? meant : "", meant ? "'?" : "");
}

static bool check_operands(const struct invocation *in, struct untrack_error *err)
{
	const struct command *command = in->command;
	uint64_t foreign = in->given & ~(OPTIONS_EVERYWHERE | command->options);
	char shown[TEXT_SHOWN_MAX];

	for (size_t i = 0; foreign && i < ROWS; i++) {
		if (foreign & (UINT64_C(1) << option_rows[i].id))
			return error_set(err, ERROR_USAGE, "'%s' has no option --%s", command->name,
					 option_rows[i].name);
	}
	if (in->given & OPTION(HELP))
		return true;
	if (in->operand_count < command->operands_min)
		return error_set(err, ERROR_USAGE, "'%s' needs an argument; expected %s %s",
				 command->name, command->name, command->operands);
	if (in->operand_count > command->operands_max)
		return error_set(err, ERROR_USAGE,
				 "one argument too many, got '%s'; expected %s%s%s",
				 text_show(in->operands[command->operands_max],
					   strlen(in->operands[command->operands_max]), shown),
				 command->name, command->operands ? " " : "",
				 command->operands ? command->operands : "");
	return true;
}

bool options_parse(int argc, char **argv, struct invocation *in, struct untrack_error *err)
{
	struct option longs[ROWS + 1];
	char shorts[2 * ROWS + 2];
	int value;

	*in = (struct invocation){.context.size = sizeof(in->context),
				  .apply.size = sizeof(in->apply),
				  .check.size = sizeof(in->check),
				  .import.size = sizeof(in->import),
				  .top.size = sizeof(in->top),
				  .flow.size = sizeof(in->flow),
				  .suggest.size = sizeof(in->suggest),
				  .interval = 2};
	getopt_tables(longs, shorts);
	opterr = 0;
	/* It goes on behind an error: --json may come later, and the first error stays. */
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = row_of(value == ':' ? optopt : value);

		if (value == '?')
			unknown_option(argv[optind - 1], optopt, err);
		else if (value == ':')
			error_set(err, ERROR_USAGE, "--%s needs an argument; expected --%s=%s",
				  row->name, row->name, row->argument);
		else
			take_option(row->id, optarg, in, err);
	}
	in->context.report = in->json ? UNTRACK_REPORT_JSON : UNTRACK_REPORT_TEXT;
	if (error_is_set(err))
		return false;
	if (optind == argc)
		return true;
	in->command = command_find(argv[optind], err);
	in->operands = (const char *const *)argv + optind + 1;
	in->operand_count = (size_t)(argc - optind - 1);
	return in->command && check_operands(in, err);
}
