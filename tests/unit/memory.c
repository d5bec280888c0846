/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every single allocation of reading a document fails once, and then every one from there on: it
 * ends with an error or with the document, and loses nothing (which AddressSanitizer sees). The
 * linker hands this program the library's calls of malloc() and its kin.
 */
#include "document/document.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static size_t seen, fail_at;
static bool fail_on;

static bool fails(void)
{
	seen++;
	return fail_at && (seen == fail_at || (fail_on && seen > fail_at));
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

/* How many allocations it took. */
static size_t read_once(const char *name, bool is_good)
{
	struct untrack_error err = ERROR_INIT;
	struct document *document;

	seen = 0;
	document = document_read(&name, 1, &err);
	if (document)
		cr_assert(is_good, "%s was accepted", name);
	else
		cr_assert(error_is_set(&err), "%s: allocation %zu: no error", name, fail_at);
	if (document)
		cr_assert_not(error_is_set(&err), "%s: %s", name, err.message);
	document_free(document);
	error_clear(&err);
	return seen;
}

static void fail_each(const char *folder, const char *name, bool is_good)
{
	size_t count;

	cr_assert_eq(chdir(folder), 0);
	json_set_alloc_funcs(__wrap_malloc, free);
	fail_at = 0;
	count = read_once(name, is_good);
	cr_assert_gt(count, 3);
	for (fail_at = 1; fail_at <= count; fail_at++) {
		fail_on = false;
		read_once(name, is_good);
		fail_on = true;
		read_once(name, is_good);
	}
	fail_at = 0;
	json_set_alloc_funcs(malloc, free);
}

Test(memory, of_a_policy)
{
	fail_each(TEST_DATA "/../../rulesets", "web-server.json", true);
	fail_each(TEST_DATA "/../../rulesets", "load-balancer.json", true);
}

Test(memory, of_libnftables_json)
{
	fail_each(TEST_DATA "/nft-good", "statements.json", true);
	fail_each(TEST_DATA "/nft-bad", "vmap-undeclared.json", false);
}

/* JSON with many rules, of which few are parsed. */
static void write_rules(const char *name)
{
	FILE *file = fopen(name, "w");

	cr_assert(file);
	fputs("{\"nftables\": [{\"table\": {\"family\": \"ip\", \"name\": \"t\"}}, "
	      "{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\"}}",
	      file);
	for (int i = 0; i < 210; i++)
		fprintf(file,
			",\n{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", "
			"\"handle\": %d, \"comment\": \"n %d\", \"expr\": [{\"%s\": null}]}}",
			i + 1, i, i % 2 ? "drop" : "accept");
	fputs("]}\n", file);
	cr_assert_eq(fclose(file), 0);
}

Test(memory, of_many_rules)
{
	char folder[] = "/tmp/untrack-memory-XXXXXX";

	cr_assert(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	write_rules("rules.json");
	fail_each(folder, "rules.json", true);
	unlink("rules.json");
	rmdir(folder);
}

/* None that is wrong by a long string alone: jansson 2.14 loses a byte of a string of 16 bytes or
 * more, without an error, when it cannot grow its buffer. */
Test(memory, of_messages)
{
	fail_each(TEST_DATA "/json-bad", "duplicate-key-deep.json", false);
	fail_each(TEST_DATA "/json-bad", "not-utf8.json", false);
	fail_each(TEST_DATA "/policy-bad", "ports-third.json", false);
	fail_each(TEST_DATA "/policy-bad", "service-unknown-key.json", false);
	fail_each(TEST_DATA "/policy-bad", "addresses-file-bad.json", false);
	fail_each(TEST_DATA "/policy-bad", "packet-type-unknown.json", false);
}
