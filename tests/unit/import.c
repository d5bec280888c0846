/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Imports of import/: NAME.in becomes the document NAME.out, and what is told about it NAME.err; a
 * first line "# options: policy complete counters keep-going" gives options.
 * UNTRACK_UPDATE_GOLDEN=1 writes what came instead of comparing it; read the difference before you
 * commit it.
 */
#include "document/import/import.h"

#include "base/cleanup.h"
#include "document/nft.h"
#include "document/source.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOLDER TEST_DATA "/import"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static void compare(const char *name, const char *ending, const char *got)
{
	autofree char *path = NULL;
	autobuf text = {0};
	autoerror err = ERROR_INIT;
	FILE *file;

	cr_assert_geq(asprintf(&path, "%.*s.%s", (int)(strrchr(name, '.') - name), name, ending),
		      0);
	if (getenv("UNTRACK_UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		cr_assert_not_null(file);
		fputs(got, file);
		fclose(file);
		return;
	}
	cr_assert(source_read(path, path, DOCUMENT_MAX, &text, &err), "%s: %s", path, err.message);
	cr_expect_str_eq(buf_text(&text), got, "%s: got\n%s", path, got);
}

static struct import_options read_options(const struct buf *text)
{
	autofree char *line = strndup(buf_text(text), strcspn(buf_text(text), "\n"));
	struct import_options options = {0};

	if (strncmp(line, "# options:", 10))
		return options;
	options.as_policy = strstr(line, " policy");
	options.complete = strstr(line, " complete");
	options.counters = strstr(line, " counters");
	options.keep_going = strstr(line, " keep-going");
	return options;
}

/* What was imported must be a document that nf_tables takes. */
static void load(const char *name, const char *document)
{
	autonetns ns = NETNS_OWN;
	autoerror err = ERROR_INIT;

	if (strstr(document, "\"untrack\": 1"))
		return; /* policies are read by import itself */
	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	cr_expect(nft_run(&ns, document, 0, NULL, &err), "%s: %s", name, err.message);
}

static void golden_import(const char *name)
{
	struct source source = {.name = strdup(name)};
	struct import_result result = {0};
	struct import_options options;
	autoerror err = ERROR_INIT;
	autobuf told = {0};

	cr_assert(source_read(name, name, DOCUMENT_MAX, &source.text, &err), "%s: %s", name,
		  err.message);
	options = read_options(&source.text);
	if (import_read(&source, 1, &options, &result, &err)) {
		array_for_each(warning, &result.warnings)
			buf_printf(&told, "%s\n", *warning);
		buf_printf(&told, "%zu rules in, %zu rules out, %zu refused\n", result.rules_in,
			   result.rules_out, result.refused);
		load(name, result.document);
	} else {
		buf_printf(&told, "%s:%u:%u: %s\n", err.file ? err.file : "(no file)", err.line,
			   err.column, err.message);
	}
	compare(name, "out", result.document ? result.document : "");
	compare(name, "err", buf_text(&told));
	import_result_clear(&result);
	buf_free(&source.text);
	free(source.name);
}

Test(import, golden, .timeout = 120)
{
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	cr_assert_eq(chdir(FOLDER), 0); /* names in messages are the same on every machine */
	dir = opendir(".");
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".in"))
			continue;
		golden_import(entry->d_name);
		count++;
	}
	closedir(dir);
	cr_assert_gt(count, 30);
}

static void put_many(struct buf *text, unsigned rules)
{
	buf_puts(text, "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
	for (unsigned i = 0; i < rules; i++)
		buf_printf(text,
			   "-A PREROUTING -s 10.%u.%u.0/24 -p tcp -m tcp --dport %u -m comment "
			   "--comment \"rule %u\" "
			   "-j NOTRACK\n",
			   i / 256 % 256, i % 256, i % 65000 + 1, i);
	buf_puts(text, "COMMIT\n");
}

/* 20 000 rules take under 2 s; the time of the processor is measured, so that others do not matter.
 */
Test(import, many_rules, .timeout = 120)
{
	struct source source = {.name = strdup("many")};
	struct import_options options = {.counters = true};
	struct import_result result = {0};
	autoerror err = ERROR_INIT;
	clock_t begin = clock();
	size_t rules = 0;

	put_many(&source.text, 20000);
	cr_assert(import_read(&source, 1, &options, &result, &err), "%s", err.message);
	for (const char *at = result.document; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		rules += !strncmp(at, "{\"rule\": ", 9);
	}
	cr_expect_eq(rules, 20000);
	cr_expect_eq(result.rules_in, 20000);
	cr_expect_eq(result.rules_out, 20000);
	cr_expect_not_null(strstr(result.document,
				  "\"comment\": \"rule 19999\", \"expr\": [{\"match\": {\"op\": "
				  "\"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", "
				  "\"field\": \"saddr\"}}, \"right\": {\"prefix\": {\"addr\": "
				  "\"10.78.31.0\", \"len\": 24}}}}"));
	/* sanitizers make it several times slower */
	cr_expect_lt((double)(clock() - begin) / CLOCKS_PER_SEC, SANITIZED ? 10.0 : 2.0);
	import_result_clear(&result);
	buf_free(&source.text);
	free(source.name);
}

/* Without the iptables package import says what to install. */
Test(import, no_iptables)
{
	struct source source = {.name = strdup("rules")};
	struct import_options options = {0};
	struct import_result result = {0};
	autoerror err = ERROR_INIT;

	setenv("PATH", "/nonexistent", 1);
	put_many(&source.text, 1);
	cr_assert_not(import_read(&source, 1, &options, &result, &err));
	cr_expect_not_null(strstr(err.message, "install the package 'iptables'"), "%s",
			   err.message);
	buf_free(&source.text);
	free(source.name);
}

static void lift(const char *text, const char *part)
{
	struct source source = {.name = strdup("document")};
	struct import_options options = {.as_policy = true};
	struct import_result result = {0};
	autoerror err = ERROR_INIT;

	buf_puts(&source.text, text);
	cr_expect(import_is_document(&source), "%s", text);
	if (import_lift(&source, &options, &result, &err))
		cr_expect_not_null(strstr(result.document, part), "%s", result.document);
	else
		cr_expect_not_null(strstr(err.message, part), "%s", err.message);
	import_result_clear(&result);
	buf_free(&source.text);
	free(source.name);
}

/* An nft document's notrack rules are lifted like iptables' own. */
Test(import, nft_documents)
{
	lift("table inet t {\n"
	     " chain in { type filter hook prerouting priority raw; tcp dport { 80, 443 } counter "
	     "notrack; }\n"
	     " chain out { type filter hook output priority raw; tcp sport { 80, 443 } notrack "
	     "accept; }\n}\n",
	     "\"role\": \"server\"");
	lift("table ip6 t {\n"
	     " chain in { type filter hook prerouting priority raw; udp dport 53 notrack; }\n}\n",
	     "\"table\": \"ip6 untrack\"");
	lift("# late: it has no effect there\ntable inet t {\n"
	     " chain in { type filter hook prerouting priority filter; udp dport 53 notrack; "
	     "}\n}\n",
	     "no notrack rule");
	lift("table inet t {\n set s { type inet_service; }\n"
	     " chain in { type filter hook prerouting priority raw; udp dport @s notrack; }\n}\n",
	     "needs a set");
	lift("{\"nftables\": [{\"table\": {\"family\": \"inet\", \"name\": \"t\"}}]}",
	     "no notrack rule");
}
