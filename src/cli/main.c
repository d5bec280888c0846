/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLY_OPTIONS                                                                              \
	(OPTION(DRY_RUN) | OPTION(CONFIRM) | OPTION(GENERATION) | OPTION(RULESET) |                \
	 OPTION(PURGE) | OPTION(NO_REHEARSE) | OPTION(TAKE_OVER) | OPTION(FORCE_LINT))

#define DOCUMENT_HELP                                                                              \
	"A DOCUMENT is a policy (JSON with the key \"untrack\"), libnftables JSON, or nft text, "  \
	"told\n"                                                                                   \
	"by its content. Several files or a directory are one document; - is standard input.\n"

const struct command commands[] = {
	{.name = "status",
	 .run = run_status,
	 .summary = "how full the connection table is, and what is kept out of it",
	 .details = "Shows the fill level of the connection table, what was dropped, what turns\n"
		    "tracking on, and the packets that each service took off, per direction.\n"
		    "With --watch also how fast it fills, and when it would be full.\n",
	 .options = OPTION(WATCH) | OPTION(INTERVAL)},
	{.name = "top",
	 .run = run_top,
	 .summary = "who fills the connection table, largest first",
	 .details = "Counts entries by protocol, service port and local address (or by what --by\n"
		    "says), with those that cannot be untracked: translated, read along by a\n"
		    "helper, expected, in another zone, offloaded.\n",
	 .options = OPTION(BY) | OPTION(LIMIT) | OPTION(WATCH) | OPTION(INTERVAL)},
	{.name = "suggest",
	 .run = run_suggest,
	 .summary = "a policy that would empty the table, from what is in it now",
	 .details = "Prints a policy for the largest services that are safe to untrack, with the\n"
		    "entries that each would free. What was left out, and why, goes to standard\n"
		    "error. The policy applies as it is.\n",
	 .options = OPTION(COVER) | OPTION(MAX_SERVICES) | OPTION(ACCEPT_IN)},
	{.name = "flow",
	 .run = run_flow,
	 .summary = "the path of a packet through this host",
	 .details =
		 "Shows every base chain of every table at every hook in priority order, legacy\n"
		 "iptables too, where defragmentation, tracking, NAT and routing stand, and\n"
		 "where packets become untracked.\n",
	 .options = OPTION(SVG)},
	{.name = "show",
	 .operands = "[DOCUMENT...]",
	 .run = run_show,
	 .summary = "the live state of a document's tables, or of all untrack tables",
	 .details = "Prints the state as a document (libnftables JSON), or in nft's "
		    "syntax.\n\n" DOCUMENT_HELP,
	 .options = OPTION(TEXT),
	 .operands_max = SIZE_MAX},
	{.name = "import",
	 .operands = "FILE...",
	 .run = run_import,
	 .summary = "an iptables raw table as a document",
	 .details =
		 "Reads iptables-save and ip6tables-save output, scripts of iptables commands, "
		 "and\n"
		 "sysctl.conf lines; - is standard input. Prints a document that does the same, "
		 "or\n"
		 "names every line that cannot be carried over whole. With --as=policy also nft\n"
		 "documents are read.\n",
	 .options = OPTION(AS) | OPTION(COMPLETE) | OPTION(KEEP_GOING) | OPTION(COUNTERS) |
		    OPTION(LIVE) | OPTION(IPSET_SAVE),
	 .operands_max = SIZE_MAX},
	{.name = "check",
	 .operands = "DOCUMENT...",
	 .run = run_check,
	 .summary = "read, compile, rehearse and judge a document",
	 .details = "Exit status 0: nothing found; 1: findings of level error; 2: not a "
		    "document.\n\n" DOCUMENT_HELP,
	 .options = OPTION(AGAINST),
	 .operands_min = 1,
	 .operands_max = SIZE_MAX},
	{.name = "trace",
	 .operands = "PACKET [DOCUMENT...]",
	 .run = run_trace,
	 .summary = "what the kernel does with a packet",
	 .details =
		 "Sends it for real, in a scratch namespace with this host's ruleset (or with the\n"
		 "document applied to it), interfaces, addresses and routes; and its answer.\n\n"
		 "PACKET: PROTOCOL SOURCE[:PORT] > DESTINATION[:PORT] [type NAME | flags "
		 "FLAG,...]\n"
		 "        [mark NUMBER] [on INTERFACE | from here], as one argument; IPv6 "
		 "addresses\n"
		 "        with a port in brackets:\n"
		 "  'tcp 198.51.100.7:40000 > 192.0.2.10:80 on eth0'\n"
		 "  'udp [2001:db8::10]:53 > [2001:db8::7]:5353 from here'\n"
		 "  'icmp 198.51.100.7 > 192.0.2.10 type echo-request'\n"
		 "  'tcp 198.51.100.7:40000 > 192.0.2.10:80 flags syn,ack mark "
		 "7'\n\n" DOCUMENT_HELP,
	 .operands_min = 1,
	 .operands_max = SIZE_MAX},
	{.name = "diff",
	 .operands = "DOCUMENT [DOCUMENT]",
	 .run = run_diff,
	 .summary = "what apply would change, or the difference of two documents",
	 .details = "Exit status 0: no difference; 1: differences. With two documents nothing of\n"
		    "this host is looked at, and no privilege is needed.\n\n" DOCUMENT_HELP,
	 .options = OPTION(RULESET) | OPTION(TAKE_OVER) | OPTION(NO_REHEARSE),
	 .operands_min = 1,
	 .operands_max = 2},
	{.name = "apply",
	 .operands = "DOCUMENT...",
	 .run = run_apply,
	 .summary = "make it so, in one atomic transaction",
	 .details = "Makes the tables that the document names equal to it and touches no "
		    "other.\n\n" DOCUMENT_HELP,
	 .options = APPLY_OPTIONS,
	 .operands_min = 1,
	 .operands_max = SIZE_MAX},
	{.name = "confirm",
	 .run = run_confirm,
	 .summary = "keep what `apply --confirm` made",
	 .details = "Ends the armed rollback well.\n"},
	{.name = "rollback",
	 .operands = "[N]",
	 .run = run_rollback,
	 .summary = "undo the last change, or return to snapshot N",
	 .details = "Restores tables, accept rules and sysctls as they were when the snapshot was\n"
		    "taken. `untrack history` lists snapshots.\n",
	 .operands_max = 1},
	{.name = "history",
	 .run = run_history,
	 .summary = "list the snapshots",
	 .details = "Lists the snapshots of this network namespace; the last 20 stay.\n"},
	{.name = "remove",
	 .operands = "[TABLE]",
	 .run = run_remove,
	 .summary = "take away what a policy put there",
	 .details = "Removes the policy's table (\"inet untrack\" if it is the only one) and its\n"
		    "accept rules, and puts its sysctls back to what they were.\n",
	 .operands_max = 2},
	{.name = "help",
	 .operands = "[COMMAND]",
	 .run = run_help,
	 .summary = "help for a command",
	 .details = "The same as `untrack COMMAND --help`.\n",
	 .operands_max = 1},
	/* What waits for the deadline of an armed rollback; `apply --confirm` starts it. */
	{.name = "guard", .run = run_guard, .hidden = true},
};
const size_t command_count = sizeof(commands) / sizeof(*commands);

const struct command *command_find(const char *name, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];
	const char *meant;

	for (size_t i = 0; i < command_count; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	meant = text_suggest(name, commands, command_count, sizeof(*commands));
	error_set(err, ERROR_USAGE, "unknown command '%s'%s%s%s",
		  text_show(name, strlen(name), shown), meant ? "; did you mean '" : "",
		  meant ? meant : "", meant ? "'?" : "");
	return NULL;
}

/* What a large document becomes lies in very many small pieces of memory. Huge pages hold them with a
 * hundredth of the faults, which were half of the time that 10 000 rules took. */
static void expect_large(const char *const *paths, size_t count)
{
	enum { LARGE = 256 << 10, HUGE_PAGE = 2 << 20, ROOM = 32 << 20 };
	struct stat info = {0};
	uintptr_t begin;
	off_t size = 0;
	void *grown, *end;

	for (size_t i = 0; i < count; i++)
		size += stat(paths[i], &info) ? 0 : info.st_size;
	if (size < LARGE || !mallopt(M_TOP_PAD, ROOM) || !mallopt(M_MMAP_THRESHOLD, HUGE_PAGE))
		return;
	grown = malloc(HUGE_PAGE / 2);			/* the heap grows by as much as is padded */
	__asm__ volatile("" : : "r"(grown) : "memory"); /* or the compiler leaves both out */
	free(grown);
	end = sbrk(0);
	begin = ((uintptr_t)end - ROOM + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	if (end != (void *)-1 && begin < (uintptr_t)end)
		madvise((void *)begin, (uintptr_t)end - begin, MADV_HUGEPAGE);
}

struct untrack_document *read_documents(const struct invocation *in, const char *const *paths,
					size_t count, struct untrack_error *err)
{
	struct untrack_document *document;

	expect_large(paths, count);
	document = untrack_document_read(paths, count, err);
	if (document)
		print_note(in, "read %s%s", paths[0], count > 1 ? " and more" : "");
	return document;
}

/* A closed standard stream would be opened again as a socket or a document, and then be written to.
 * Each gets what fails in its own direction. */
static void open_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
	}
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool dispatch(const struct invocation *in, int *ret_status, struct untrack_error *err)
{
	uint64_t begin = now_us();

	*ret_status = 0;
	if (in->given & OPTION(VERSION))
		return print_version(in, err);
	if (!in->command || in->given & OPTION(HELP))
		return print_help(in, in->command, err);
	if (!in->command->run(in, ret_status, err))
		return false;
	print_note(in, "%s took %.1f ms", in->command->name, (double)(now_us() - begin) / 1000);
	return true;
}

/*
 * Memory that one step has freed is what the next one takes. Left alone, the C library gives blocks of some
 * size back to the kernel, which has to clear others for each of them: a fifth of the time that a million
 * elements take besides their loading.
 */
static void keep_memory(void)
{
	mallopt(M_ARENA_MAX, 1); /* threads too take what is there */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

int main(int argc, char **argv)
{
	struct invocation in;
	autoerror err = ERROR_INIT;
	bool understood;
	int status = 0;

	keep_memory();
	open_standard_streams();
	understood = options_parse(argc, argv, &in, &err);
	if (understood && dispatch(&in, &status, &err))
		return status;
	print_error(&in, !understood, &err);
	return error_code_status(err.code);
}
