/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lines of all kinds come down to: a rule's words, a set's words. */
#include "document/import/reader.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/import/apply.h"

#include <stdio.h>
#include <string.h>

struct place reader_here(const struct reader *r)
{
	return (struct place){r->file, r->lines.v[r->at].number};
}

bool starts_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Is there an UNTRACKED in the rule? Others of the filter table are not looked at. */
static bool mentions_untracked(const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasestr(words[i].text, "UNTRACKED"))
			return true;
	return false;
}

static bool is_rule_command(const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i].text, "-A") || !strcmp(words[i].text, "-I") ||
		    !strcmp(words[i].text, "--append") || !strcmp(words[i].text, "--insert"))
			return true;
	return false;
}

void reader_rule(struct reader *r, const struct word *words, size_t count, const char *table)
{
	enum table_kind kind = table_kind(table);
	struct place place = reader_here(r);
	struct import *import = r->import;
	struct command command;
	autofree char *why = NULL;
	uint64_t packets = 0, bytes = 0;
	size_t before = import->refusals.n;
	char shown[TEXT_SHOWN_MAX];

	if (kind == TABLE_UNKNOWN) {
		import_refuse(import, &place, "there is no table '%s'",
			      text_show(table, strlen(table), shown));
		return;
	}
	if (count && words[0].text[0] == '[' && !words[0].quoted) {
		if (sscanf(words[0].text, "[%lu:%lu]", &packets, &bytes) != 2) {
			import_refuse(import, &place, "expected counters as [packets:bytes]");
			return;
		}
		words++;
		count--;
	}
	if (kind == TABLE_OTHER) {
		import->other_rules += is_rule_command(words, count);
		return;
	}
	import->filter_rules += kind == TABLE_FILTER && is_rule_command(words, count);
	if (!command_parse(words, count, r->family, &command, &why)) {
		if (!why)
			import->no_memory = true;
		else if (kind == TABLE_RAW || mentions_untracked(words, count))
			import_refuse(import, &place, "%s", why);
		import->refused_rules += kind == TABLE_RAW && is_rule_command(words, count);
		return;
	}
	if (packets || bytes) {
		command.packets = packets;
		command.bytes = bytes;
	}
	if (kind == TABLE_RAW || command.verb == VERB_NEW || command.verb == VERB_APPEND ||
	    command.verb == VERB_INSERT)
		apply_command(import, &place, kind, &command);
	command_free(&command);
	if (kind == TABLE_FILTER)
		while (import->refusals.n > before && !mentions_untracked(words, count))
			free(import->refusals.v[--import->refusals.n].text);
	else if (import->refusals.n > before)
		import->refused_rules += is_rule_command(words, count);
}

void reader_ipset(struct reader *r, const struct word *words, size_t count)
{
	struct ipset_line line = {.place = reader_here(r)};
	autobuf storage = {0};

	for (size_t i = 0; i < count; i++)
		buf_put(&storage, words[i].text, strlen(words[i].text) + 1);
	if (!array_reserve(&line.words.w, count + 1) || storage.failed) {
		array_free(&line.words.w);
		r->import->no_memory = true;
		return;
	}
	line.words.storage = buf_steal_text(&storage);
	for (size_t i = 0, at = 0; i < count; i++) {
		line.words.w.v[line.words.w.n++] = (struct word){.text = line.words.storage + at};
		at += strlen(words[i].text) + 1;
	}
	if (!array_push(&r->import->ipsets, line)) {
		words_free(&line.words);
		r->import->no_memory = true;
	}
}
