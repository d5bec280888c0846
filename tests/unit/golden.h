/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Documents that are refused, each with the exact words: NAME.json (or NAME.nft) beside
 * NAME.expected. UNTRACK_UPDATE_GOLDEN=1 writes what came instead of comparing it; read the
 * difference before you commit it.
 */
#pragma once

#include "base/cleanup.h"
#include "document/document.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>

static char *golden_words(const char *name)
{
	struct document *document;
	autoerror err = ERROR_INIT;
	autobuf words = {0};

	document = document_read(&name, 1, &err);
	cr_assert_null(document, "%s was accepted", name);
	cr_assert_not_null(err.message, "%s has no message", name);
	buf_printf(&words, "%s:%u:%u: %s: %s: %s\n", err.file ? err.file : "(no file)", err.line,
		   err.column, error_code_name(err.code), err.path ? err.path : "(no path)",
		   err.message);
	return buf_steal_text(&words);
}

static void golden_case(const char *name)
{
	char expected_path[512], expected[4096] = "";
	autofree char *words = NULL;
	FILE *file;

	snprintf(expected_path, sizeof(expected_path), "%.*s.expected",
		 (int)(strrchr(name, '.') - name), name);
	words = golden_words(name);
	if (getenv("UNTRACK_UPDATE_GOLDEN")) {
		file = fopen(expected_path, "w");
		cr_assert_not_null(file);
		fputs(words, file);
		fclose(file);
		return;
	}
	file = fopen(expected_path, "r");
	cr_assert_not_null(file, "%s is missing", expected_path);
	expected[fread(expected, 1, sizeof(expected) - 1, file)] = 0;
	fclose(file);
	cr_expect_str_eq(words, expected, "%s: got\n%sexpected\n%s", name, words, expected);
}

/* Every *.json and *.nft of the folder. */
static void golden_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	cr_assert_not_null(dir, "%s", folder);
	cr_assert_eq(chdir(folder), 0); /* names in messages are the same on every machine */
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || (strcmp(dot, ".json") && strcmp(dot, ".nft")))
			continue;
		golden_case(entry->d_name);
		count++;
	}
	closedir(dir);
	cr_assert_gt(count, 0);
}
