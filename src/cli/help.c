/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/buf.h"

#include <string.h>

/* Where the explanations stand; a longer left side has its own line. */
#define COLUMN 30

static void put_row(struct buf *b, const char *left, const char *right)
{
	size_t length = strlen(left);

	if (length + 4 > COLUMN)
		buf_printf(b, "  %s\n%*s%s\n", left, COLUMN, "", right);
	else
		buf_printf(b, "  %-*s%s\n", COLUMN - 2, left, right);
}

static void put_options(struct buf *b, uint64_t which)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		autobuf left = {0};

		if (!(which & (UINT64_C(1) << row->id)))
			continue;
		if (row->letter)
			buf_printf(&left, "-%c, ", row->letter);
		buf_printf(&left, "--%s%s%s", row->name, row->argument ? "=" : "",
			   row->argument ? row->argument : "");
		b->failed |= left.failed;
		put_row(b, buf_text(&left), row->help);
	}
}

static void put_program_help(struct buf *b)
{
	buf_puts(b,
		 "usage: untrack [OPTION...] COMMAND [ARGUMENT...]\n\n"
		 "Keeps busy traffic out of connection tracking, by nftables rules that a policy\n"
		 "declares, applied atomically and undone as easily.\n\n"
		 "Commands:\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &commands[i];
		autobuf left = {0};

		if (command->hidden)
			continue;
		buf_printf(&left, "%s%s%s", command->name, command->operands ? " " : "",
			   command->operands ? command->operands : "");
		b->failed |= left.failed;
		put_row(b, buf_text(&left), command->summary);
	}
	buf_puts(b, "\nOptions of every command:\n");
	put_options(b, OPTIONS_EVERYWHERE);
	buf_puts(b,
		 "\n`untrack COMMAND --help` shows a command's own options.\n"
		 "Exit status: 0 done; 1 differences or findings; 2 refused, nothing was changed;\n"
		 "3 the ruleset changed underneath, nothing was changed.\n"
		 "See untrack(8) and untrack-policy(5).\n");
}

static void put_command_help(struct buf *b, const struct command *command)
{
	buf_printf(b, "usage: untrack %s [OPTION...]%s%s\n\n%s\n", command->name,
		   command->operands ? " " : "", command->operands ? command->operands : "",
		   command->details ? command->details : "");
	if (command->options) {
		buf_puts(b, "Options:\n");
		put_options(b, command->options);
		buf_putc(b, '\n');
	}
	buf_puts(b, "Options of every command:\n");
	put_options(b, OPTIONS_EVERYWHERE);
}

/* Text made here: plain, or as the one string of a JSON object. It holds printable ASCII only. */
static bool print_own(const struct invocation *in, const char *key, struct buf *text,
		      struct untrack_error *err)
{
	autobuf json = {0};

	if (!buf_ok(text, err))
		return false;
	if (!in->json)
		return print_text(buf_text(text), err);
	buf_printf(&json, "{\"%s\": \"", key);
	for (const char *p = buf_text(text); *p; p++) {
		if (*p == '\n')
			buf_puts(&json, "\\n");
		else if (*p == '"')
			buf_puts(&json, "\\\"");
		else
			buf_putc(&json, *p);
	}
	buf_puts(&json, "\"}\n");
	return buf_ok(&json, err) && print_text(buf_text(&json), err);
}

bool print_help(const struct invocation *in, const struct command *command,
		struct untrack_error *err)
{
	autobuf text = {0};

	if (command)
		put_command_help(&text, command);
	else
		put_program_help(&text);
	return print_own(in, "help", &text, err);
}

bool print_version(const struct invocation *in, struct untrack_error *err)
{
	autobuf text = {0};

	buf_puts(&text, untrack_version());
	if (!in->json) {
		autobuf line = {0};

		buf_printf(&line, "untrack %s\n", untrack_version());
		return buf_ok(&line, err) && print_text(buf_text(&line), err);
	}
	return print_own(in, "version", &text, err);
}

bool run_help(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	const struct command *command = NULL;

	if (in->operand_count) {
		command = command_find(in->operands[0], err);
		if (!command)
			return false;
	}
	*ret_status = 0;
	return print_help(in, command, err);
}
