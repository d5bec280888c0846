/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "golden.h"

#include "base/namespace.h"
#include "document/nft.h"
#include "document/nft_document.h"

#include <stdlib.h>
#include <unistd.h>

Test(nft_schema, refuses_with_these_words)
{
	golden_folder(TEST_DATA "/nft-bad");
}

static struct document *accept(const char *const *names, size_t count)
{
	autoerror err = ERROR_INIT;
	struct document *document = document_read(names, count, &err);

	cr_assert_not_null(document, "%s:%u:%u %s %s", err.file, err.line, err.column, err.path,
			   err.message);
	cr_assert_eq(document->kind, DOCUMENT_JSON);
	return document;
}

/* Calls back for each file of the folder with that ending. */
static void each_file(const char *folder, const char *ending, void (*fn)(const char *path))
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[4096];
	size_t count = 0;

	cr_assert_not_null(dir, "%s", folder);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ending))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fn(path);
		count++;
	}
	closedir(dir);
	cr_assert_gt(count, 0);
}

/* What is accepted is what nft takes. */
static void is_good(const char *path)
{
	struct document *document = accept(&path, 1);
	autoerror err = ERROR_INIT;
	autonetns ns = NETNS_OWN;

	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	cr_assert(nft_document_load(document, NULL, &ns, &err), "%s: %s", path, err.message);
	document_free(document);
}

Test(nft_schema, accepts_what_nft_takes)
{
	each_file(TEST_DATA "/nft-good", ".json", is_good);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

/* Text goes into the kernel, and what nft lists of it is a document. */
static void lists_a_document(const char *path)
{
	char name[] = "/tmp/untrack-listing-XXXXXX";
	const char *listing = name;
	struct document *text, *json;
	autofree char *output = NULL;
	autoerror err = ERROR_INIT;
	autonetns ns = NETNS_OWN;

	text = document_read(&path, 1, &err);
	cr_assert_not_null(text, "%s: %s", path, err.message);
	cr_assert_eq(text->kind, DOCUMENT_TEXT);
	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	cr_assert(nft_run(&ns, buf_text(&text->sources.v[0].text), 0, NULL, &err), "%s:%u:%u: %s",
		  path, err.line, err.column, err.message);
	cr_assert(nft_run(&ns, "list ruleset", NFT_JSON, &output, &err), "%s", err.message);
	close(mkstemp(name));
	put(name, output);
	json = accept(&listing, 1);
	unlink(name);
	document_free(json);
	document_free(text);
}

/* Without its flag the set would not take the element. */
Test(nft_schema, takes_a_flag_as_text)
{
	is_good(TEST_DATA "/nft-good/flag-as-text.json");
}

Test(nft_schema, accepts_what_nft_lists)
{
	each_file(TEST_DATA "/nft-text", ".nft", lists_a_document);
}

Test(nft_schema, takes_declarations_from_all_files)
{
	char folder[] = "/tmp/untrack-schema-XXXXXX";
	autoerror err = ERROR_INIT;

	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	put("table",
	    "{\"nftables\": [{\"flush\": {\"ruleset\": null}}, {\"add\": {\"table\": {\"family\": "
	    "\"ip\", \"name\": \"t\"}}}, {\"add\": {\"chain\": {\"family\": \"ip\", \"table\": "
	    "\"t\", \"name\": \"c\"}}}]}");
	put("rule", "{\"nftables\": [{\"add\": {\"rule\": {\"family\": \"ip\", \"table\": \"t\", "
		    "\"chain\": "
		    "\"c\", \"expr\": [{\"accept\": null}]}}}]}");
	document_free(accept((const char *const[]){"table", "rule"}, 2));
	cr_assert_null(document_read((const char *const[]){"rule"}, 1, &err));
	cr_assert_str_eq(err.message,
			 "undeclared table, got 'ip t'; expected a table that the document "
			 "declares");
	error_clear(&err);
	/* A flush is no beginning of the document in its second file. */
	cr_assert_null(document_read((const char *const[]){"rule", "table"}, 2, &err));
	cr_assert_str_eq(err.file, "table");
	cr_assert_str_eq(err.path, "/nftables/0/flush");
	unlink("table");
	unlink("rule");
	rmdir(folder);
}
