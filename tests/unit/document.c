/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/document.h"

#include "base/cleanup.h"
#include "document/source.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void setup(void)
{
	strcpy(folder, "/tmp/untrack-document-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	(void)status;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(document, .init = setup, .fini = teardown);

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static struct document *read_names(size_t count, const char *const *names)
{
	autoerror err = ERROR_INIT;
	struct document *document = document_read(names, count, &err);

	cr_assert_not_null(document, "%s: %s", err.file, err.message);
	return document;
}

static void refuses(size_t count, const char *const *names, enum error_code code, const char *file,
		    const char *message)
{
	autoerror err = ERROR_INIT;

	cr_assert_null(document_read(names, count, &err));
	cr_assert_eq(err.code, code, "%s", error_code_name(err.code));
	cr_assert_str_eq(err.message, message);
	if (file)
		cr_assert_str_eq(err.file ? err.file : "(none)", file);
	else
		cr_assert_null(err.file);
}

#define NAMES(...)                                                                                 \
	sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[])                   \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

Test(document, tells_kinds_by_content)
{
	struct document *document;

	put("a.nft", " \n\t {\"untrack\": 1}");
	document = read_names(NAMES("a.nft"));
	cr_assert_eq(document->kind, DOCUMENT_POLICY);
	cr_assert_str_eq(document->policy->table, "untrack");
	document_free(document);

	put("a.txt",
	    "{\"nftables\": [{\"add\": {\"table\": {\"family\": \"ip\", \"name\": \"t\"}}}]}");
	document = read_names(NAMES("a.txt"));
	cr_assert_eq(document->kind, DOCUMENT_JSON);
	cr_assert_null(document->policy);
	document_free(document);

	put("a.json", "table inet t {\n}\n");
	document = read_names(NAMES("a.json"));
	cr_assert_eq(document->kind, DOCUMENT_TEXT);
	cr_assert_eq(document->sources.n, 1);
	cr_assert_str_eq(buf_text(&document->sources.v[0].text), "table inet t {\n}\n");
	document_free(document);
}

Test(document, takes_several_files_and_directories_in_order)
{
	struct document *document;
	autofree char *name = NULL;

	put("z", "table ip z {}");
	mkdir("dir", 0700);
	mkdir("dir/below", 0700);
	put("dir/below/x", "table ip x {}");
	put("dir/b", "table ip b {}");
	put("dir/B", "table ip B {}");
	put("dir/a", "table ip a {}");
	put("dir/.hidden", "table ip hidden {}");
	put("dir/a~", "table ip backup {}");
	document = read_names(NAMES("z", "dir"));
	name = document_name(document);
	cr_assert_str_eq(name, "z, dir/B, dir/a, dir/b");
	cr_assert_str_eq(buf_text(&document->sources.v[3].text), "table ip b {}");
	document_free(document);
	document = read_names(NAMES("dir/"));
	cr_assert_str_eq(document->sources.v[0].name, "dir/B");
	document_free(document);
}

static void become_stdin(const char *text, size_t length)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], text, length), (ssize_t)length);
	close(ends[1]);
	cr_assert_geq(dup2(ends[0], STDIN_FILENO), 0);
	close(ends[0]);
}

Test(document, reads_standard_input)
{
	struct document *document;

	become_stdin("{\"untrack\": 1}", 14);
	document = read_names(NAMES("-"));
	cr_assert_str_eq(document->sources.v[0].name, "stdin");
	cr_assert_str_eq(document->policy->file, "stdin");
	document_free(document);
}

Test(document, finds_lists_beside_the_policy)
{
	struct document *document;

	mkdir("dir", 0700);
	put("dir/policy",
	    "{\"untrack\": 1, \"keep_tracked\": [{\"peers\": {\"file\": \"peers\"}}]}");
	put("dir/peers", "192.0.2.1\n");
	document = read_names(NAMES("dir/policy"));
	cr_assert_eq(inet_list_count(&document->policy->keep_tracked.v[0].match.peers), 1);
	document_free(document);
}

Test(document, says_what_it_cannot_read)
{
	mkdir("empty", 0700);
	mkdir("hidden", 0700);
	put("hidden/.x", "table ip x {}");
	put("nothing", "");
	put("blank", " \n\n");
	refuses(0, NULL, ERROR_USAGE, NULL, "no document; expected a file, a directory or -");
	refuses(NAMES("none"), ERROR_DOCUMENT, "none", "cannot be read: No such file or directory");
	refuses(NAMES("none/none"), ERROR_DOCUMENT, "none/none",
		"cannot be read: No such file or directory");
	refuses(NAMES("empty"), ERROR_DOCUMENT, "empty",
		"a directory without files; expected at least one document in it");
	refuses(NAMES("hidden"), ERROR_DOCUMENT, "hidden",
		"a directory without files; expected at least one document in it");
	refuses(NAMES("nothing"), ERROR_DOCUMENT, "nothing",
		"empty; expected a policy, libnftables JSON or nft text");
	refuses(NAMES("blank"), ERROR_DOCUMENT, "blank",
		"nothing but white space; expected a policy, libnftables JSON or nft text");
	refuses(NAMES("-", "-"), ERROR_USAGE, NULL,
		"standard input is named twice; expected - once");
}

Test(document, refuses_what_it_may_not_read)
{
	put("secret", "table ip t {}");
	mkdir("closed", 0700);
	put("closed/x", "table ip t {}");
	chmod("secret", 0);
	chmod("closed", 0);
	chmod(".", 0755);
	cr_assert_eq(seteuid(65534), 0, "this test needs root");
	refuses(NAMES("secret"), ERROR_PERMISSION, "secret", "cannot be read: Permission denied");
	refuses(NAMES("closed"), ERROR_PERMISSION, "closed", "cannot be read: Permission denied");
	cr_assert_eq(seteuid(0), 0);
}

Test(document, refuses_files_of_two_kinds)
{
	put("p", "{\"untrack\": 1}");
	put("q", "{\"untrack\": 1}");
	put("t", "table ip t {}");
	put("j", "{\"nftables\": []}");
	refuses(NAMES("t", "p"), ERROR_DOCUMENT, "p",
		"a policy, while 't' is nft text; expected files of one kind");
	refuses(NAMES("j", "t"), ERROR_DOCUMENT, "t",
		"nft text, while 'j' is libnftables JSON; expected files of one kind");
	refuses(NAMES("p", "q"), ERROR_DOCUMENT, "q",
		"a second policy, after 'p'; expected one policy, in one file");
}

Test(document, refuses_commands_of_scripts)
{
	static const char before[] = "table inet a { # list ruleset\n\tset list_of { type mark; }\n"
				     "\tchain c { counter; };\n}\n";
	static const struct {
		const char *text, *word;
		unsigned line, column;
	} cases[] = {
		{"list ruleset\n", "list", 1, 1},
		{"\r\n\t reset counters", "reset", 2, 3},
		{"table ip a { }; monitor", "monitor", 1, 17},
		{"describe ip saddr", "describe", 1, 1},
		{"table ip a {\n}\nget element ip a s { 1 }", "get", 3, 1},
		{"define x = \\\n1\nlist tables; table ip b {}", "list", 3, 1},
		{"add rule a b log prefix \"}\n{\"\nreplace rule a b handle 2 drop", "replace", 3,
		 1},
		{"# {\nrename chain a b c", "rename", 2, 1},
	};
	static const char *const taken[] = {"add chain a \\\nlist",
					    "add rule a b reset tcp option mptcp",
					    "table ip a {\nchain c {\nreset tcp option mptcp\n}\n}",
					    "listing",
					    "list-a",
					    "# x;list",
					    "define a = \"\nlist ruleset\n\"",
					    "table ip a {\nset s {\n};\nlist\n}"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autoerror err = ERROR_INIT;
		char message[200];

		snprintf(message, sizeof(message),
			 "the command '%s'; expected tables and what is in them: a document "
			 "declares "
			 "state, it is no script",
			 cases[i].word);
		put("a", before);
		put("b", cases[i].text);
		cr_assert_null(document_read((const char *const[]){"a", "b"}, 2, &err));
		cr_assert_eq(err.code, ERROR_DOCUMENT);
		cr_assert_str_eq(err.message, message);
		cr_assert_str_eq(err.file, "b");
		cr_assert_eq(err.line, cases[i].line, "%s: line %u", cases[i].text, err.line);
		cr_assert_eq(err.column, cases[i].column, "%s: column %u", cases[i].text,
			     err.column);
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		put("a", taken[i]);
		document_free(read_names(NAMES("a")));
	}
}

Test(document, refuses_bytes_that_are_no_text)
{
	FILE *file = fopen("nul", "w");

	fwrite("table ip t {\n\0}", 1, 15, file);
	fclose(file);
	put("bom", "\xef\xbb\xbftable ip t {}");
	refuses(NAMES("nul"), ERROR_DOCUMENT, "nul", "NUL byte, got 0x00; expected text");
	refuses(NAMES("bom"), ERROR_DOCUMENT, "bom",
		"begins with a byte order mark, got bytes EF BB BF; expected UTF-8 without it");
}

#define TOO_LARGE "too large; expected at most 67108864 bytes in a document"

Test(document, refuses_what_is_too_large_before_it_is_read)
{
	put("large", "table ip t {}");
	put("small", "table ip t {}");
	cr_assert_eq(truncate("large", DOCUMENT_MAX + 1), 0);
	refuses(NAMES("large"), ERROR_DOCUMENT, "large", TOO_LARGE);
	/* As large as may be, but not two of them. NUL bytes are what is wrong with one alone. */
	cr_assert_eq(truncate("large", DOCUMENT_MAX), 0);
	refuses(NAMES("large"), ERROR_DOCUMENT, "large", "NUL byte, got 0x00; expected text");
	refuses(NAMES("small", "large"), ERROR_DOCUMENT, "large", TOO_LARGE);
}

Test(document, stops_reading_a_pipe_that_does_not_end)
{
	autoerror err = ERROR_INIT;
	struct buf text = {0};
	int zero = open("/dev/zero", O_RDONLY);

	cr_assert_geq(dup2(zero, STDIN_FILENO), 0);
	cr_assert_not(source_read("-", "stdin", 100000, &text, &err));
	cr_assert_str_eq(err.message, TOO_LARGE);
	cr_assert_str_eq(err.file, "stdin");
	cr_assert_null(text.data);
}
