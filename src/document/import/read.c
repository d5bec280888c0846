/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines: iptables-save, scripts, sysctl.conf, ipset save; each told by how it begins. */
#include "document/import/read.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/import/apply.h"
#include "document/import/reader.h"
#include "document/import/words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool split(struct reader *r, const char *text, bool shell)
{
	struct place place = reader_here(r);
	unsigned typography;
	const char *why;

	words_free(&r->words);
	if (!words_split(text, strlen(text), shell, &r->words, &typography, &why)) {
		if (!why)
			r->import->no_memory = true;
		else
			import_refuse(r->import, &place, "%s", why);
		return false;
	}
	if (typography & ~r->told & TYPOGRAPHY_DASH)
		import_warn(r->import, &place,
			    "typographic dashes, as web pages make them of '--', are read as "
			    "'--' (here and further on)");
	if (typography & ~r->told & TYPOGRAPHY_QUOTE)
		import_warn(r->import, &place,
			    "curly quotes are read as plain ones (here and further on)");
	if (typography & ~r->told & TYPOGRAPHY_SPACE)
		import_warn(r->import, &place,
			    "non-breaking spaces are read as spaces (here and further on)");
	r->told |= typography;
	return true;
}

/* ---- iptables-save ---- */

/* Tables are the same word with and without the asterisk that pages take for emphasis. */
static const char *table_marker(struct reader *r, const char *text)
{
	static const char *const tables[] = {"raw", "filter", "nat", "mangle", "security"};
	struct place place = reader_here(r);

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (strcmp(text + (*text == '*'), tables[i]))
			continue;
		if (*text != '*' && !r->told_marker) {
			import_warn(r->import, &place,
				    "'%s' is read as '*%s', whose asterisk was lost", text, text);
			r->told_marker = true;
		}
		return tables[i];
	}
	return NULL;
}

static bool is_six_word(const char *word, size_t length)
{
	autofree char *copy = strndup(word, length);
	struct inet_range range;
	enum inet_parse parsed;
	char *dash;

	if (!copy)
		return false;
	dash = strchr(copy, '-');
	if (dash > copy)
		*dash = 0;
	if (!strcmp(copy, "icmpv6") || !strcmp(copy, "ipv6-icmp") || !strcmp(copy, "--icmpv6-type"))
		return true;
	/* a MAC address has colons, too */
	if (!strchr(copy, ':') || (length == 17 && !strstr(copy, "::")))
		return false;
	parsed = inet_parse(copy, &range);
	return (parsed == INET_OK || parsed == INET_HOST_BITS) && range.family == INET_V6;
}

/* iptables-save does not say which IP version it was: the comment, the file's name, and what stands
 * in the section do. */
static enum inet_family section_family(const struct reader *r)
{
	if (r->told_family)
		return r->six ? INET_V6 : INET_V4;
	if (strstr(r->file, "ip6tables") || strstr(r->file, "rules.v6") ||
	    strstr(r->file, "rules6"))
		return INET_V6;
	for (size_t i = r->at + 1; i < r->lines.n; i++) {
		const char *text = r->lines.v[i].text;

		if (starts_with(text, "COMMIT") || *text == '*')
			break;
		while (*text) {
			size_t length = strcspn(text, " \t,");

			if (is_six_word(text, length))
				return INET_V6;
			text += length;
			text += strspn(text, " \t,");
		}
	}
	return INET_V4;
}

/* ":PREROUTING ACCEPT [0:0]" */
static void read_chain(struct reader *r)
{
	struct raw_table *tables =
		table_kind(r->table) == TABLE_RAW ? r->import->raw : r->import->filter;
	struct raw_table *table = &tables[r->family == INET_V6];
	struct place place = reader_here(r);
	const char *name, *policy;
	struct raw_chain *chain;

	if (!split(r, r->lines.v[r->at].text + 1, false))
		return;
	if (table_kind(r->table) == TABLE_OTHER)
		return;
	if (r->words.w.n < 2) {
		import_refuse(r->import, &place, "expected ':CHAIN POLICY [packets:bytes]'");
		return;
	}
	name = r->words.w.v[0].text;
	policy = r->words.w.v[1].text;
	chain = apply_find_chain(r->import, table, name);
	if (r->import->no_memory)
		return;
	if (!chain && strcmp(policy, "-"))
		import_refuse(r->import, &place, "the %s table has no chain %s", r->table, name);
	else if (!chain)
		apply_new_chain(r->import, &place, table, name);
	else if (chain->builtin && (!strcmp(policy, "ACCEPT") || !strcmp(policy, "DROP")))
		chain->drop = !strcmp(policy, "DROP");
	else if (chain->builtin)
		import_refuse(r->import, &place,
			      "the policy of %s is '%s'; expected ACCEPT or DROP", name, policy);
}

/* A rule before any table's name: the chain or the target tells, or it is refused. */
static const char *guess_table(struct reader *r)
{
	struct place place = reader_here(r);
	bool filter = false, raw = false;

	for (size_t i = 0; i < r->words.w.n; i++) {
		const char *word = r->words.w.v[i].text;

		raw |= !strcmp(word, "PREROUTING") || !strcmp(word, "NOTRACK") ||
		       !strcmp(word, "CT") || !strcmp(word, "TRACE");
		filter |= !strcmp(word, "INPUT") || !strcmp(word, "FORWARD") ||
			  strstr(word, "UNTRACKED");
	}
	if (raw == filter) {
		import_refuse(r->import, &place,
			      "no '*raw' or '*filter' stands before this rule, so its table is "
			      "not known");
		return NULL;
	}
	import_warn(r->import, &place,
		    "no '*raw' or '*filter' stands before this rule: taken for one of the %s "
		    "table",
		    raw ? "raw" : "filter");
	return raw ? "raw" : "filter";
}

/* ---- one line ---- */
static bool is_sysctl_line(const char *text)
{
	return (starts_with(text, "net.") || starts_with(text, "net/")) && strchr(text, '=');
}

static void read_sysctl_line(struct reader *r, const char *text)
{
	struct place place = reader_here(r);
	autofree char *copy = strdup(text);
	char *equals = copy ? strchr(copy, '=') : NULL, *end, *value;

	if (!equals) {
		r->import->no_memory = true;
		return;
	}
	value = equals + 1 + strspn(equals + 1, " \t");
	for (end = equals; end > copy && isspace((unsigned char)end[-1]); end--)
		;
	*end = 0;
	import_sysctl(r->import, &place, copy, value);
}

static void read_comment(struct reader *r, const char *text)
{
	struct place place = reader_here(r);
	const char *command = behind_prompt(text);

	if (strstr(text, "Generated by ip")) {
		r->told_family = true;
		r->six = strstr(text, "Generated by ip6");
	}
	if (!command)
		return;
	if (r->prompts) {
		if (!r->told_prompt)
			import_warn(r->import, &place,
				    "'#' is read as the prompt of root's shell, since all lines "
				    "begin with it");
		r->told_prompt = true;
		if (split(r, command, true))
			script_line(r);
	} else if (*text == '#' && (strstr(command, " -A ") || strstr(command, " -I "))) {
		import_warn(r->import, &place, "a comment that looks like a command: left out");
	}
}

/* ":CHAIN …", perhaps before any table was named. */
static void read_chain_line(struct reader *r, const char *text)
{
	struct place place = reader_here(r);

	if (!r->table) {
		r->table = strstr(text, "PREROUTING") ? "raw" : "filter";
		r->family = section_family(r);
		import_warn(r->import, &place,
			    "no '*raw' or '*filter' stands before this chain: taken for one of "
			    "the %s table",
			    r->table);
	}
	read_chain(r);
}

/* "*raw", ":CHAIN …", "COMMIT": what divides iptables-save. False: something else. */
static bool read_division(struct reader *r, const char *text)
{
	const char *table = table_marker(r, text);
	struct place place = reader_here(r);

	if (table) {
		r->table = table;
		r->family = section_family(r);
	} else if (*text == '*') {
		import_refuse(r->import, &place, "there is no table '%s'", text + 1);
	} else if (!strcmp(text, "COMMIT")) {
		r->table = NULL;
	} else if (*text == ':' && text[1] && !isspace((unsigned char)text[1])) {
		read_chain_line(r, text);
	} else {
		return false;
	}
	return true;
}

static void read_rule(struct reader *r)
{
	const char *table;

	if (!r->table)
		r->family = section_family(r);
	table = r->table ? r->table : guess_table(r);
	if (table)
		reader_rule(r, r->words.w.v, r->words.w.n, table);
}

static void read_line(struct reader *r)
{
	const char *text = r->lines.v[r->at].text, *behind;
	bool rule;

	if (starts_with(text, "\xef\xbb\xbf"))
		text += 3;
	if (!*text)
		return;
	if (*text == '#' || (*text == ';' && !r->table)) {
		read_comment(r, text);
		return;
	}
	if (read_division(r, text))
		return;
	if (is_sysctl_line(text)) {
		read_sysctl_line(r, text);
		return;
	}
	behind = behind_prompt(text);
	/* a rule may begin with a dash that a page has made of it */
	rule = !behind && (*text == '-' || *text == '[' || starts_with(text, "\xe2\x80") ||
			   starts_with(text, "\xe2\x88"));
	if (!rule && !starts_with(text, "create ") && !starts_with(text, "add ")) {
		if (split(r, behind ? behind : text, true) && r->words.w.n)
			script_line(r);
	} else if (split(r, text, false) && r->words.w.n) {
		if (rule)
			read_rule(r);
		else
			reader_ipset(r, r->words.w.v, r->words.w.n);
	}
}

bool import_source(struct import *import, const struct source *source)
{
	struct reader r = {.import = import, .file = source->name, .family = INET_V4};

	if (!reader_split_lines(&r, &source->text))
		import->no_memory = true;
	r.prompts = reader_only_prompts(&r);
	for (; !import->no_memory && r.at < r.lines.n; r.at++)
		read_line(&r);
	words_free(&r.words);
	array_for_each(line, &r.lines)
		free(line->text);
	array_free(&r.lines);
	return !import->no_memory;
}
