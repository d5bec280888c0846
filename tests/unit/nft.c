/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft.h"

#include "base/cleanup.h"
#include "document/reserved.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct netns scratch(void)
{
	struct netns ns;
	autoerror err = ERROR_INIT;

	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	return ns;
}

static void prints(const struct netns *ns, const char *commands, unsigned flags, const char *out)
{
	autoerror err = ERROR_INIT;
	autofree char *output = NULL;

	cr_assert(nft_run(ns, commands, flags, &output, &err), "%s", err.message);
	cr_assert_str_eq(output, out);
}

Test(nft, runs_text_and_json)
{
	autonetns ns = scratch();

	prints(&ns, "add table inet a", 0, "");
	prints(&ns,
	       " \n{\"nftables\": [{\"add\": {\"table\": {\"family\": \"ip\", \"name\": \"b\"}}}]}",
	       0, "");
	prints(&ns, "list tables", 0, "table inet a\ntable ip b\n");
	prints(&ns, "list table inet a", NFT_HANDLES, "table inet a { # handle 1\n}\n");
}

Test(nft, prints_as_asked)
{
	autonetns ns = scratch();
	autoerror err = ERROR_INIT;
	autofree char *json = NULL;

	prints(&ns, "add table ip t; add set ip t s { type inet_service; elements = { 80 }; }", 0,
	       "");
	prints(&ns, "list set ip t s", NFT_TERSE,
	       "table ip t {\n\tset s {\n\t\ttype inet_service\n\t}\n}\n");
	cr_assert(nft_run(&ns, "list tables", NFT_JSON, &json, &err), "%s", err.message);
	cr_assert(strstr(json, "{\"table\": {\"family\": \"ip\", \"name\": \"t\", \"handle\": 1}}"),
		  "%s", json);
}

static void refuses(const char *commands, enum error_code code, unsigned line, unsigned column,
		    const char *message)
{
	autonetns ns = scratch();
	autoerror err = ERROR_INIT;
	char *output = NULL;

	cr_assert_not(nft_run(&ns, commands, 0, &output, &err));
	cr_assert_null(output);
	cr_assert_str_eq(err.message, message);
	cr_assert_eq(err.code, code);
	cr_assert_eq(err.line, line);
	cr_assert_eq(err.column, column);
}

Test(nft, hands_on_what_nft_says)
{
	refuses("add table inet a\nadd tabel inet b\n", ERROR_DOCUMENT, 2, 11,
		"syntax error, unexpected inet, expecting string\nadd tabel inet b\n"
		"          ^^^^");
	refuses("add chain ip nowhere c", ERROR_DOCUMENT, 1, 14,
		"No such file or directory\nadd chain ip nowhere c\n             ^^^^^^^");
	refuses("{\"nftables\": [{\"add\": {\"chian\": {}}}]}", ERROR_DOCUMENT, 0, 0,
		"Unknown object passed to add command.\nParsing command array at index 0 failed.");
}

Test(nft, names_an_included_file)
{
	char commands[200], path[] = "/tmp/untrack-nft-XXXXXX";
	int fd = mkstemp(path);
	autonetns ns = scratch();
	autoerror err = ERROR_INIT;

	cr_assert_eq(write(fd, "\nadd tabel\n", 11), 11);
	close(fd);
	snprintf(commands, sizeof(commands), "include \"%s\"", path);
	cr_assert_not(nft_run(&ns, commands, 0, NULL, &err));
	unlink(path);
	cr_assert_str_eq(err.file, path);
	cr_assert_eq(err.line, 2);
	cr_assert_eq(err.column, 10);
}

/* nft has the last word on which names it takes. */
Test(nft, knows_names_that_nft_does_not_take)
{
	static const char *const words[] = {"accept", "add",	 "counter", "ip",      "map",
					    "table",  "tcp",	 "time",    "xt",      "zone",
					    "raw",    "untrack", "filter",  "sources", "_a",
					    ".a",     "a/b-c",	 "1a",	    "-a",      "a b"};
	autonetns ns = scratch();

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		autoerror err = ERROR_INIT;
		char command[64];
		bool taken;

		snprintf(command, sizeof(command), "add table inet %s", words[i]);
		taken = nft_run(&ns, command, 0, NULL, &err);
		cr_assert_eq(taken, nft_name_is_valid(words[i]) && !nft_word_is_reserved(words[i]),
			     "%s", words[i]);
	}
}
