/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/import.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/import/lift.h"
#include "document/import/process.h"
#include "document/import/read.h"
#include "document/import/translate.h"

#include <string.h>

void import_result_clear(struct import_result *result)
{
	free(result->document);
	array_for_each(warning, &result->warnings)
		free(*warning);
	array_free(&result->warnings);
	*result = (struct import_result){0};
}

char *import_result_json(const struct import_result *result)
{
	json_t *object;
	char *text;

	if (*result->document == '{')
		return strdup(result->document);
	object = json_pack("{s:s}", "text", result->document);
	text = object ? json_dumps(object, 0) : NULL;
	json_decref(object);
	return text;
}

static size_t count_rules(const struct raw_table *table)
{
	size_t n = 0;

	array_for_each(chain, &table->chains)
		n += (*chain)->rules.n;
	return n;
}

/* ---- sets ---- */
static bool uses_sets(const struct raw_table *table)
{
	array_for_each(chain, &table->chains)
		array_for_each(rule, &(*chain)->rules) {
			const struct spec *spec = (*rule)->spec;

			if (spec->jump && !strcmp(spec->jump, "SET"))
				return true;
			array_for_each(piece, &spec->matches)
				if (!strcmp(piece->extension->name, "set"))
					return true;
		}
	return false;
}

/* The host's own sets, where the input and the options have none. */
static bool read_host_sets(struct import *import, struct ipset_list *list,
			   struct untrack_error *err)
{
	autofree char *path = process_find("ipset");
	const char *const argv[] = {path, "save", NULL};
	const struct netns own = NETNS_OWN;
	autoprocess result = {0};
	struct buf none = {0};

	if (!path) {
		list->unread = strdup("the program ipset is not there (package ipset)");
		return list->unread || error_memory(err);
	}
	if (!process_run(&own, path, argv, &none, &result, err))
		return false;
	if (result.status) {
		list->unread = strdup("'ipset save' failed on this host");
		return list->unread || error_memory(err);
	}
	return import_ipset_lines(import, "ipset save", buf_text(&result.output)) ||
	       error_memory(err);
}

static bool read_sets(struct import *import, struct ipset_list *list, struct untrack_error *err)
{
	if (!uses_sets(&import->raw[0]) && !uses_sets(&import->raw[1]))
		return true;
	if (import->options->ipset_save &&
	    !import_ipset_lines(import, import->options->ipset_save->name,
				buf_text(&import->options->ipset_save->text)))
		return error_memory(err);
	if (!import->options->ipset_save && !import->ipsets.n && !read_host_sets(import, list, err))
		return false;
	array_for_each(line, &import->ipsets) {
		autofree char **words = calloc(line->words.w.n + 1, sizeof(*words));
		autofree char *why = NULL;

		if (!words)
			return error_memory(err);
		for (size_t i = 0; i < line->words.w.n; i++)
			words[i] = line->words.w.v[i].text;
		if (!ipset_line(list, words, line->words.w.n, &why) && !why)
			return error_memory(err);
		if (why)
			import_refuse(import, &line->place, "%s", why);
	}
	return !import->no_memory || error_memory(err);
}

/* ---- one table ---- */

/* Where it is the whole rule that was refused, the rule is quoted. */
static void refuse_rule(struct import *import, const struct raw_rule *rule, const char *why)
{
	char shown[TEXT_SHOWN_MAX];
	autobuf words = {0};

	if (*why == '-') {
		import_refuse(import, &rule->place, "%s", why);
		return;
	}
	spec_put_words(rule->spec, &words, WORDS_ALL);
	import_refuse(import, &rule->place, "'%s': %s",
		      text_show(buf_text(&words) + 1, words.len ? words.len - 1 : 0, shown), why);
}

/* What is refused once is refused for each rule of that shape, with its own line. */
static void refuse_rules(struct translation *t)
{
	bool told = false;

	array_for_each(chain, &t->table->chains)
		array_for_each(rule, &(*chain)->rules) {
			const struct shape *shape = &t->shapes.v[(*rule)->shape];

			if (shape_lives(shape) || (*rule)->refused)
				continue;
			refuse_rule(t->import, *rule, shape->refused);
			(*rule)->refused = true;
		}
	array_for_each(shape, &t->shapes)
		if (shape_lives(shape) && shape->late_statements && !told) {
			import_warn(
				t->import, &shape->place,
				"nf_tables sets helpers, timeouts and events on a connection's "
				"entry, "
				"not before "
				"there is one: such rules (here and further on) have their second "
				"half in the "
				"chain '%s%s', right behind connection tracking",
				shape->chain->safe, LATE_ENDING);
			told = true;
		}
	array_for_each(shape, &t->shapes)
		if (shape_lives(shape) && shape->note)
			import_warn(t->import, &shape->place, "%s", shape->note);
}

/* nf_tables keeps 127 bytes of a comment; nft's text has no quotes inside quotes. */
static void check_comments(struct translation *t)
{
	array_for_each(chain, &t->table->chains)
		array_for_each(place, &(*chain)->rules) {
			struct raw_rule *rule = *place;
			const char *comment = rule->spec->comment;
			const char *why = NULL;
			json_t *string;

			if (!comment || rule->refused)
				continue;
			string = json_string(comment);
			if (!string)
				why = "it is not UTF-8";
			else if (strlen(comment) > 127)
				why = "nf_tables keeps 127 bytes only; shorten it";
			else if (t->text_only && strpbrk(comment, "\"\\\n"))
				why = "nft cannot write quotes and backslashes in it";
			json_decref(string);
			if (!why)
				continue;
			import_refuse(t->import, &rule->place, "--comment: %s", why);
			rule->refused = true;
		}
}

static bool translate(struct import *import, struct raw_table *table,
		      const struct ipset_list *ipsets, struct translation **ret,
		      struct untrack_error *err)
{
	autoclean(translation_free_p) struct translation *t = calloc(1, sizeof(*t));

	if (!t)
		return error_memory(err);
	*t = (struct translation){.import = import,
				  .ipsets = ipsets,
				  .table = table,
				  .family = table->family,
				  .ns = NETNS_OWN};
	if (!translation_begin(t, err) || !translation_judge(t, err) || !translation_ask(t, err) ||
	    !translation_late(t, err) || !translation_load(t, err))
		return false;
	refuse_rules(t);
	check_comments(t);
	if (import->no_memory)
		return error_memory(err);
	*ret = steal_pointer(&t);
	return true;
}

/* ---- the whole ---- */
static int compare_refusals(const void *left, const void *right)
{
	const struct refusal *a = left, *b = right;
	int order = strcmp(a->place.file, b->place.file);

	return order ? order : a->place.line < b->place.line ? -1 : a->place.line > b->place.line;
}

/* The first one's place is the error's; every one is a line of its message. */
static bool report(struct import *import, struct untrack_error *err)
{
	const struct refusal *first = import->refusals.v;
	autobuf message = {0};

	for (size_t i = 0; i < import->refusals.n; i++) {
		const struct refusal *refusal = &import->refusals.v[i];

		if (i)
			buf_printf(&message, "\n%s:%u:1: error: ", refusal->place.file,
				   refusal->place.line);
		buf_puts(&message, refusal->text);
	}
	if (!buf_ok(&message, err))
		return false;
	return error_at(err, ERROR_DOCUMENT, first->place.file, first->place.line, 1, NULL, "%s",
			buf_text(&message));
}

static bool settle_refusals(struct import *import, size_t count, struct untrack_error *err)
{
	if (!import->refusals.n)
		return true;
	qsort(import->refusals.v, import->refusals.n, sizeof(struct refusal), compare_refusals);
	/* with nothing left to go on with, each line is told all the same */
	if (!import->options->keep_going || (!count && !import->sysctls.n))
		return report(import, err);
	array_for_each(refusal, &import->refusals)
		import_warn(import, &refusal->place, "left out: %s", refusal->text);
	return !import->no_memory || error_memory(err);
}

static void tell_rest(struct import *import)
{
	if (import->filter_rules)
		import_warn(import, NULL,
			    "rules of the filter table that were looked through for UNTRACKED, and "
			    "stay where "
			    "they are: %zu",
			    import->filter_rules);
	if (import->other_rules)
		import_warn(import, NULL,
			    "rules of other tables (nat, mangle, security), which stay where they "
			    "are: %zu",
			    import->other_rules);
	if (import->other_sysctls)
		import_warn(import, NULL,
			    "settings that are not connection tracking's, and stay where they are: "
			    "%zu",
			    import->other_sysctls);
}

static size_t count_carried(struct translation *const *tables, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		array_for_each(chain, &tables[i]->table->chains)
			array_for_each(rule, &(*chain)->rules)
				n += !(*rule)->refused;
	return n;
}

static bool has_chains(const struct raw_table *table)
{
	return table->chains.n != 0;
}

/* Faithful: as JSON, unless libnftables' JSON would lose something of one of the tables. */
static bool put_faithful(struct import *import, struct translation *const *tables, size_t count,
			 struct buf *document, struct untrack_error *err)
{
	bool text = false;

	for (size_t i = 0; i < count; i++) {
		if (tables[i]->text_only && !text)
			import_warn(import,
				    tables[i]->text_place.line ? &tables[i]->text_place : NULL,
				    "the document is nft text: libnftables' JSON would lose "
				    "something of "
				    "it");
		text |= tables[i]->text_only;
	}
	return translations_put(tables, count, text, import->options->counters, document) ||
	       error_memory(err);
}

static bool put_document(struct import *import, struct translation *const *tables, size_t count,
			 struct buf *document, struct untrack_error *err)
{
	bool only_settings = !count && import->sysctls.n;

	if (import->options->as_policy || only_settings) {
		if (only_settings && !import->options->as_policy)
			import_warn(import, NULL,
				    "the document is a policy: nothing else holds settings");
		return lift_tables(import, tables, count, document, err);
	}
	return put_faithful(import, tables, count, document, err) &&
	       lift_hints(import, tables, count, err);
}

static bool finish(struct import *import, struct translation *const *tables, size_t count,
		   struct import_result *ret_result, struct untrack_error *err)
{
	struct import_result result = {0};
	autobuf document = {0};

	result.rules_in =
		count_rules(&import->raw[0]) + count_rules(&import->raw[1]) + import->refused_rules;
	result.rules_out = count_carried(tables, count);
	if (!settle_refusals(import, count, err))
		return false;
	if (!count && !import->sysctls.n)
		return error_set(err, ERROR_DOCUMENT,
				 "there is nothing to import: neither rules of a raw "
				 "table nor settings of connection tracking");
	if (!put_document(import, tables, count, &document, err))
		return false;
	tell_rest(import);
	result.refused = import->refusals.n;
	result.document = buf_steal_text(&document);
	if (!result.document || import->no_memory) {
		free(result.document);
		return error_memory(err);
	}
	memcpy(&result.warnings, &import->warnings, sizeof(result.warnings));
	memset(&import->warnings, 0, sizeof(import->warnings));
	*ret_result = result;
	return true;
}

bool import_read(const struct source *sources, size_t count, const struct import_options *options,
		 struct import_result *ret_result, struct untrack_error *err)
{
	autoclean(import_free) struct import import = {.options = options};
	struct translation *tables[2] = {NULL, NULL};
	autoclean(ipset_list_free) struct ipset_list ipsets = {0};
	size_t n = 0;
	bool ok = true;

	for (int six = 0; six < 2; six++) {
		import.raw[six].family = import.filter[six].family = six ? INET_V6 : INET_V4;
		import.filter[six].filter = true;
	}
	for (size_t i = 0; ok && i < count; i++)
		ok = import_source(&import, &sources[i]) || error_memory(err);
	ok = ok && read_sets(&import, &ipsets, err);
	for (size_t i = 0; ok && i < 2; i++)
		if (has_chains(&import.raw[i])) {
			ok = translate(&import, &import.raw[i], &ipsets, &tables[n], err);
			n += ok;
		}
	ok = ok && finish(&import, tables, n, ret_result, err);
	for (size_t i = 0; i < 2; i++)
		if (tables[i])
			translation_free(tables[i]);
	return ok;
}
