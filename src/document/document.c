/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/document.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/json.h"
#include "document/json_lines.h"
#include "document/lift.h"
#include "document/nft_schema.h"
#include "document/nft_script.h"
#include "document/policy_read.h"
#include "document/source.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char *const kind_names[] = {
	[DOCUMENT_POLICY] = "a policy",
	[DOCUMENT_JSON] = "libnftables JSON",
	[DOCUMENT_TEXT] = "nft text",
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Adds one path; takes it over. */
static bool add_name(texts *list, char *path, struct untrack_error *err)
{
	if (path && array_push(list, path))
		return true;
	free(path);
	return error_memory(err);
}

/* Regular files only; hidden ones and an editor's backups are nobody's documents. */
static bool is_candidate(DIR *dir, const char *name)
{
	struct stat status;
	size_t length = strlen(name);

	return name[0] != '.' && name[length - 1] != '~' &&
	       fstatat(dirfd(dir), name, &status, 0) == 0 && S_ISREG(status.st_mode);
}

static bool add_directory(texts *list, const char *path, struct untrack_error *err)
{
	autoclean(closedir_p) DIR *dir = opendir(path);
	size_t first = list->n;
	struct dirent *entry;

	if (!dir)
		return error_at(err, errno == EACCES ? ERROR_PERMISSION : ERROR_DOCUMENT, path, 0,
				0, NULL, "cannot be read: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		size_t length = strlen(path);
		bool slash = length && path[length - 1] == '/';
		char *name = NULL;

		if (!is_candidate(dir, entry->d_name))
			continue;
		if (asprintf(&name, "%s%s%s", path, slash ? "" : "/", entry->d_name) < 0)
			name = NULL;
		if (!add_name(list, name, err))
			return false;
	}
	if (list->n == first)
		return error_at(err, ERROR_DOCUMENT, path, 0, 0, NULL,
				"a directory without files; expected at least one document in it");
	qsort(list->v + first, list->n - first, sizeof(*list->v), compare_names);
	return true;
}

static bool expand(const char *const *paths, size_t count, texts *list, struct untrack_error *err)
{
	bool standard_input = false;

	if (!count)
		return error_set(err, ERROR_USAGE,
				 "no document; expected a file, a directory or -");
	for (size_t i = 0; i < count; i++) {
		struct stat status;

		if (!strcmp(paths[i], "-") && standard_input)
			return error_set(err, ERROR_USAGE,
					 "standard input is named twice; expected - once");
		standard_input |= !strcmp(paths[i], "-");
		if (strcmp(paths[i], "-") && !stat(paths[i], &status) && S_ISDIR(status.st_mode)) {
			if (!add_directory(list, paths[i], err))
				return false;
		} else if (!add_name(list, strdup(paths[i]), err)) {
			return false;
		}
	}
	return true;
}

/* What a JSON object is, by its keys. */
static bool tell(struct json_document *json, enum document_kind *ret_kind,
		 struct untrack_error *err)
{
	static const char *const keys[] = {"untrack", "nftables"};
	bool policy = json_object_get(json->root, "untrack");
	bool nftables = json_object_get(json->root, "nftables");
	struct node root = node_root(json), member;
	const char *key;
	json_t *value;

	if (policy && nftables) {
		member = node_child(&root, "nftables");
		return node_refuse(&member, err,
				   "both \"untrack\" and \"nftables\"; expected one of them, which "
				   "tells what the document is");
	}
	*ret_kind = policy ? DOCUMENT_POLICY : DOCUMENT_JSON;
	if (policy || nftables)
		return true;
	json_object_foreach(json->root, key, value) {
		const char *meant = text_suggest(key, keys, 2, sizeof(*keys));

		member = node_child(&root, key);
		if (meant)
			return node_unknown_key(&member, "a document", keys, 2, sizeof(*keys), err);
	}
	return node_refuse(&root, err,
			   "neither a policy nor libnftables JSON; expected the key \"untrack\" or "
			   "\"nftables\"");
}

/* What is read so far. */
struct reading {
	struct document *document;
	ARRAY(struct json_document) json; /* of libnftables, judged together at the end */
	struct script script;		  /* of all sources */
	ARRAY(size_t) parts;		  /* of it, that each source has */
	size_t left;			  /* of DOCUMENT_MAX */
};

static void forget_json(struct reading *reading)
{
	array_for_each(json, &reading->json)
		json_document_free(json);
	array_free(&reading->json);
}

static void reading_free(struct reading *reading)
{
	forget_json(reading);
	script_free(&reading->script);
	array_free(&reading->parts);
	document_free(reading->document);
}

/* Tells the kind of one source, and parses it if it is JSON. */
static bool judge(struct reading *reading, struct source *source, enum document_kind *ret_kind,
		  struct untrack_error *err)
{
	const struct buf *judged = document_brief_text(
		reading->document, (size_t)(source - reading->document->sources.v));
	struct json_text text = {buf_text(judged), judged->len};
	autojson json = {0};

	*ret_kind = DOCUMENT_TEXT;
	if (json_skip_space(text, 0) == text.length)
		return error_at(err, ERROR_DOCUMENT, source->name, 0, 0, NULL,
				"%s; expected a policy, libnftables JSON or nft text",
				text.length ? "nothing but white space" : "empty");
	if (text.data[json_skip_space(text, 0)] != '{')
		return true;
	if (!json_parse(source->name, judged, &json, err) || !tell(&json, ret_kind, err))
		return false;
	if (*ret_kind == DOCUMENT_JSON) {
		if (!array_push(&reading->json, json))
			return error_memory(err);
		json = (struct json_document){0};
		return true;
	}
	if (source != reading->document->sources.v) /* refused by the caller */
		return true;
	reading->document->policy = policy_read(&json, err);
	return reading->document->policy;
}

static bool read_source(struct reading *reading, const char *path, struct untrack_error *err)
{
	struct document *document = reading->document;
	struct source source = {.name = strdup(strcmp(path, "-") ? path : "stdin"),
				.standard_input = !strcmp(path, "-")};
	struct source *added;
	size_t parts;

	if (!source.name || !array_push(&document->sources, source)) {
		free(source.name);
		return error_memory(err);
	}
	added = &document->sources.v[document->sources.n - 1];
	if (!source_read(path, added->name, reading->left, &added->text, err))
		return false;
	reading->left -= added->text.len;
	parts = reading->script.parts.n;
	/* while the text is whole */
	return nft_script_read(added, &reading->left, &reading->script, err) &&
	       (array_push(&reading->parts, reading->script.parts.n - parts) || error_memory(err));
}

static bool is_json(const struct source *source)
{
	struct json_text text = {buf_text(&source->text), source->text.len};
	size_t at = json_skip_space(text, 0);

	return at < text.length && text.data[at] == '{';
}

/* Puts what nft texts include in the place of their include lines, where it is certain what that is. */
static bool put_in(struct reading *reading, struct untrack_error *err)
{
	struct document *document = reading->document;
	struct script *script = &reading->script;
	source_list all = {0}, swap;
	struct source *part = script->parts.v;

	if (script->uncertain || !script->parts.n)
		return true;
	if (!array_reserve(&all, document->sources.n + script->parts.n))
		return error_memory(err);
	for (size_t i = 0; i < document->sources.n; i++) {
		struct source *source = &document->sources.v[i];

		if (!reading->parts.v[i]) {
			all.v[all.n++] = *source;
			*source = (struct source){0};
		}
		for (size_t k = 0; k < reading->parts.v[i]; k++)
			all.v[all.n++] = *part++;
	}
	script->parts.n = 0;
	swap = document->sources;
	document->sources = all;
	sources_free(&swap);
	document->inclusions = script->inclusions;
	script->inclusions = (struct inclusions){0};
	document->apart = true;
	return true;
}

/* Sources are few, and their kinds are told by their first character. */
static bool take_lists_out(struct document *document, struct untrack_error *err)
{
	ARRAY(struct buf *) all = {0};
	size_t json = 0;
	bool ok = true, read_once = false;

	array_for_each(source, &document->sources) {
		json += is_json(source);
		ok = ok && array_push(&all, &source->text);
		read_once |= source->standard_input;
	}
	/* A refusal names the place in a text that is read again, whole. */
	if (ok && (!json || json == all.n))
		lift_long_lists(all.v, all.n, json, read_once, &document->lists);
	array_free(&all);
	document->apart |= document->lists.n > 0;
	return ok ? true : error_memory(err);
}

static bool judge_source(struct reading *reading, size_t index, struct untrack_error *err)
{
	struct document *document = reading->document;
	struct source *added = &document->sources.v[index];
	bool first = !index;
	bool includes = index + 1 < document->sources.n && added[1].inner;
	enum document_kind kind = DOCUMENT_TEXT;

	if (!added->inner && !includes && !judge(reading, added, &kind, err))
		return false;
	if (!first && kind != document->kind)
		return error_at(err, ERROR_DOCUMENT, added->name, 0, 0, NULL,
				"%s, while '%s' is %s; expected files of one kind",
				kind_names[kind], document->sources.v[0].name,
				kind_names[document->kind]);
	if (!first && kind == DOCUMENT_POLICY)
		return error_at(err, ERROR_DOCUMENT, added->name, 0, 0, NULL,
				"a second policy, after '%s'; expected one policy, in one file",
				document->sources.v[0].name);
	document->kind = kind;
	return true;
}

static bool judge_sources(struct reading *reading, struct untrack_error *err)
{
	for (size_t i = 0; i < reading->document->sources.n; i++)
		if (!judge_source(reading, i, err))
			return false;
	return nft_schema_check(reading->json.v, reading->json.n, err);
}

static void drop_rules(struct document *document)
{
	if (document->rules)
		nft_lines_free(document->rules);
	free(steal_pointer(&document->rules));
}

/* Takes JSON with many rules apart, and judges what is left of it: false where that is not JSON with many
 * rules, or is refused. */
static bool judge_brief(struct reading *reading)
{
	struct document *document = reading->document;
	struct nft_lines rules;
	autoerror ignored = ERROR_INIT; /* it is told of the whole */

	if (!json_lines_read(document, &rules))
		return false;
	document->rules = malloc(sizeof(*document->rules));
	if (document->rules)
		*document->rules = rules;
	else
		nft_lines_free(&rules);
	if (document->rules && judge_sources(reading, &ignored))
		return true;
	forget_json(reading);
	drop_rules(document);
	return false;
}

/* *ret_again: it was taken apart, and can be read again. */
static struct document *read_document(const char *const *paths, size_t count, bool apart,
				      bool *ret_again, struct untrack_error *err)
{
	autoclean(reading_free) struct reading reading = {.left = DOCUMENT_MAX};
	autoclean(texts_free) texts list = {0};

	reading.document = calloc(1, sizeof(*reading.document));
	if (!reading.document)
		return error_memory(err), NULL;
	if (!expand(paths, count, &list, err))
		return NULL;
	array_for_each(path, &list)
		if (!read_source(&reading, *path, err))
			return NULL;
	if (apart && (!put_in(&reading, err) || !take_lists_out(reading.document, err)))
		return NULL;
	*ret_again = reading.document->apart;
	array_for_each(source, &reading.document->sources)
		*ret_again &= !source->standard_input;
	return judge_brief(&reading) || judge_sources(&reading, err)
		       ? steal_pointer(&reading.document)
		       : NULL;
}

struct document *document_read(const char *const *paths, size_t count, struct untrack_error *err)
{
	bool ignored;

	return read_document(paths, count, false, &ignored, err);
}

struct document *document_read_apart(const char *const *paths, size_t count,
				     struct untrack_error *err)
{
	autoerror why = ERROR_INIT;
	bool again = false;
	struct document *document = read_document(paths, count, true, &again, &why);

	if (document)
		return document;
	if (again) /* a refusal names the place in the whole text */
		return document_read(paths, count, err);
	error_move(err, &why);
	return NULL;
}

struct document *document_read_whole(const struct document *document, struct untrack_error *err)
{
	ARRAY(const char *) paths = {0};
	struct document *whole = NULL;
	bool ok = true;

	array_for_each(source, &document->sources) {
		if (!source->inner)
			ok = ok && !source->standard_input && array_push(&paths, source->name);
	}
	if (ok)
		whole = document_read(paths.v, paths.n, err);
	array_free(&paths);
	return whole;
}

const struct buf *document_brief_text(const struct document *document, size_t source)
{
	return document->rules ? &document->rules->judged.v[source]
			       : &document->sources.v[source].text;
}

void document_free(struct document *document)
{
	if (!document)
		return;
	drop_rules(document);
	sources_free(&document->sources);
	inclusions_free(&document->inclusions);
	long_lists_free(&document->lists);
	policy_free(document->policy);
	free(document);
}

char *document_name(const struct document *document)
{
	autobuf name = {0};

	array_for_each(source, &document->sources) {
		if (source->inner)
			continue;
		if (name.len)
			buf_puts(&name, ", ");
		text_put(&name, source->name);
	}
	return buf_steal_text(&name);
}
