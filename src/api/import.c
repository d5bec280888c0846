/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import: what iptables had, as a document. */
#include "document/import/import.h"

#include "api/context.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "document/source.h"

#include <stdlib.h>
#include <string.h>

#define autoimport __attribute__((cleanup(import_result_clear))) struct import_result

static bool add_source(source_list *sources, const char *path, size_t *left,
		       struct untrack_error *err)
{
	struct source source = {.name = strdup(strcmp(path, "-") ? path : "stdin")};

	if (!source.name || !array_reserve(sources, sources->n + 1)) {
		free(source.name);
		return error_memory(err);
	}
	if (!source_read(path, source.name, *left, &source.text, err)) {
		free(source.name);
		return false;
	}
	*left -= source.text.len;
	return array_push(sources, source);
}

/* The options as the caller's version of the struct has them. */
static struct untrack_import_options take_options(const struct untrack_import_options *options)
{
	struct untrack_import_options own = {0};

	if (options)
		memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
	return own;
}

/* Files of nft's are lifted one by one; there is nothing else to do with them. */
static bool read_files(const source_list *sources, const struct import_options *options,
		       struct import_result *ret, struct untrack_error *err)
{
	size_t documents = 0;

	array_for_each(source, sources)
		documents += import_is_document(source);
	if (!documents)
		return import_read(sources->v, sources->n, options, ret, err);
	if (!options->as_policy)
		return error_at(err, ERROR_DOCUMENT, sources->v[0].name, 0, 0, NULL,
				"got a document of nft's, not an iptables table; with --as=policy "
				"its notrack "
				"rules become a policy");
	if (sources->n > 1)
		return error_set(err, ERROR_USAGE,
				 "an nft document is imported alone; got %zu files", sources->n);
	return import_lift(&sources->v[0], options, ret, err);
}

static struct untrack_result *make_result(struct import_result *import, struct untrack_error *err)
{
	char *json = import_result_json(import);
	struct untrack_result *result;

	if (!warn(&import->warnings, err, "%zu rules in, %zu rules out%s", import->rules_in,
		  import->rules_out, import->refused ? "; what is missing is named above" : "")) {
		free(json);
		return NULL;
	}
	result = result_new(import->refused != 0, json, steal_pointer(&import->document), err);
	if (result)
		result_take_warnings(result, &import->warnings);
	return result;
}

struct untrack_result *untrack_import(struct untrack *untrack, const char *const *paths,
				      size_t count, const struct untrack_import_options *options,
				      struct untrack_error *error)
{
	struct untrack_import_options given = take_options(options);
	struct import_options wanted = {.as_policy = given.as_policy,
					.complete = given.complete,
					.keep_going = given.keep_going,
					.counters = given.counters};
	autoclean(sources_free) source_list sources = {0}, sets = {0};
	size_t left = DOCUMENT_MAX;
	autoimport import = {0};

	for (size_t i = 0; i < count; i++)
		if (!add_source(&sources, paths[i], &left, error))
			return NULL;
	if (given.ipset_save && !add_source(&sets, given.ipset_save, &left, error))
		return NULL;
	wanted.ipset_save = sets.n ? &sets.v[0] : NULL;
	/* sets, timeouts, chains: those of the context's namespace */
	autoenter entered = netns_enter(&untrack->ns, error);
	if (entered.failed)
		return NULL;
	if (given.live ? !import_live(&wanted, &import, error)
		       : !read_files(&sources, &wanted, &import, error))
		return NULL;
	return make_result(&import, error);
}
