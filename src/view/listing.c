/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/listing.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "model/name_index.h"
#include "model/ruleset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One object, or one rule: then name is the chain's and index counts within it. */
struct entry {
	char *name; /* first, for the index */
	char *family;
	char *table;
	char *word; /* as nft prints it; "rule" for rules */
	size_t index;
	size_t place;	    /* among all */
	const json_t *json; /* borrowed of the document */
	char *text;
};

/* Rules of a chain lie together, in order: of them only the first is looked up. */
typedef ARRAY(struct entry *) entry_list;

struct entries {
	entry_list all;
	entry_list heads; /* by name: all but further rules */
	struct name_index names;
};

struct listing {
	ARRAY(json_t *) documents;
	struct entries json;
	struct entries text;
};

static void entry_free(struct entry *entry)
{
	free(entry->family);
	free(entry->table);
	free(entry->word);
	free(entry->name);
	free(entry->text);
	free(entry);
}

static void entries_free(struct entries *list)
{
	array_for_each(entry, &list->all) {
		entry_free(*entry);
	}
	array_free(&list->all);
	array_free(&list->heads);
	name_index_free(&list->names);
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	entries_free(&listing->json);
	entries_free(&listing->text);
	array_for_each(document, &listing->documents) {
		json_decref(*document);
	}
	array_free(&listing->documents);
	free(listing);
}
DEFINE_AUTOCLEAN(struct listing, listing_free)

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static bool push_entry(struct entries *list, struct entry entry)
{
	struct entry *kept = malloc(sizeof(*kept));
	bool whole = kept && entry.family && entry.table && entry.word && entry.name;

	if (!kept) {
		free(entry.family);
		free(entry.table);
		free(entry.word);
		free(entry.name);
		free(entry.text);
		return false;
	}
	*kept = entry;
	kept->place = list->all.n;
	if (!whole || !array_push(&list->all, kept)) {
		entry_free(kept);
		return false;
	}
	return entry.index || array_push(&list->heads, kept);
}

/* Rules come chain by chain, in order: the index goes on while the chain is the same. */
static size_t next_index(const struct entries *list, const struct entry *rule)
{
	const struct entry *last = list->all.n ? list->all.v[list->all.n - 1] : NULL;

	if (!last || strcmp(last->word, "rule") != 0 || strcmp(last->name, rule->name) != 0 ||
	    strcmp(last->table, rule->table) != 0 || strcmp(last->family, rule->family) != 0)
		return 0;
	return last->index + 1;
}

static const char *member(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

static bool read_json_entry(struct listing *listing, const char *word, const json_t *body)
{
	bool rule = !strcmp(word, "rule"), table = !strcmp(word, "table");
	const char *family = member(body, "family");
	const char *name = member(body, rule ? "chain" : "name");
	const char *owner = table ? name : member(body, "table");
	struct entry entry;

	if (!family || !name || !owner)
		return true; /* metainfo */
	entry = (struct entry){.family = strdup(family),
			       .table = strdup(owner),
			       .word = strdup(word),
			       .name = strdup(name),
			       .json = body};
	if (rule && entry.family && entry.table && entry.name && entry.word)
		entry.index = next_index(&listing->json, &entry);
	return push_entry(&listing->json, entry);
}

static bool read_json(struct listing *listing, const char *json, struct untrack_error *err)
{
	const json_t *list, *item;
	json_t *document;
	json_error_t why;
	size_t i;

	document = json_loads(json, JSON_ALLOW_NUL, &why);
	if (document && !array_push(&listing->documents, document)) {
		json_decref(document);
		return error_memory(err);
	}
	list = json_object_get(document, "nftables");
	if (!json_is_array(list))
		return error_set(err, ERROR_SYSTEM, "nft's listing is not JSON: %s", why.text);
	json_array_foreach(list, i, item) {
		void *at = json_object_iter((json_t *)(uintptr_t)item);

		if (at &&
		    !read_json_entry(listing, json_object_iter_key(at), json_object_iter_value(at)))
			return error_memory(err);
	}
	return true;
}

/* ------------------------------------------------------------------ text */

/*
 * `nft -a list ruleset` is indented by tabs: tables at 0, their objects at 1, contents at 2. With -a
 * every rule ends in "# handle N", which tells where it ends when its sets take several lines.
 */
struct reader {
	struct listing *listing;
	char *family, *table;
	char *word, *name; /* of the block at depth 1 */
	struct buf block;  /* its lines, joined */
	struct buf head;   /* the table's own lines */
	struct buf rule;   /* a rule that is not complete */
};

static void reader_free(struct reader *r)
{
	free(r->family);
	free(r->table);
	free(r->word);
	free(r->name);
	buf_free(&r->block);
	buf_free(&r->head);
	buf_free(&r->rule);
}

static void join(struct buf *out, const char *line, size_t len)
{
	if (out->len)
		buf_putc(out, ' ');
	buf_put(out, line, len);
	if (len && line[len - 1] != ';')
		buf_putc(out, ';');
}

static bool push_text(struct reader *r, const char *word, const char *name, struct buf *text)
{
	struct entry entry = {.family = copy(r->family),
			      .table = copy(r->table),
			      .word = strdup(word),
			      .name = copy(name)};
	bool ok = entry.family && entry.table && entry.word && entry.name;

	if (ok && !strcmp(word, "rule"))
		entry.index = next_index(&r->listing->text, &entry);
	entry.text = buf_steal_text(text);
	return push_entry(&r->listing->text, entry);
}

/* Cuts " # handle N" off; tells whether it was there. */
static bool cut_handle(const char *line, size_t *len)
{
	const char *mark = memmem(line, *len, "# handle ", 9), *found = NULL;

	while (mark) {
		found = mark;
		mark = memmem(mark + 1, *len - (size_t)(mark + 1 - line), "# handle ", 9);
	}
	if (!found || memchr(found, '"', *len - (size_t)(found - line)))
		return false;
	*len = (size_t)(found - line);
	while (*len && line[*len - 1] == ' ')
		(*len)--;
	return true;
}

/* "WORD NAME {" */
static bool open_block(const char *line, size_t len, char **ret_word, char **ret_name)
{
	const char *space = memchr(line, ' ', len);
	size_t word;

	if (space && space - line == 2 && !memcmp(line, "ct", 2)) /* "ct helper NAME {" */
		space = memchr(space + 1, ' ', len - 3);
	word = space ? (size_t)(space - line) : len;
	free(*ret_word);
	free(*ret_name);
	*ret_word = strndup(line, word);
	*ret_name = NULL;
	if (space && len > word + 3)
		*ret_name = strndup(space + 1, len - word - 3); /* without " {" */
	return *ret_word && *ret_name;
}

static bool read_content(struct reader *r, const char *line, size_t len)
{
	bool ends;

	if (strcmp(r->word, "chain") != 0) {
		join(&r->block, line, len);
		return true;
	}
	ends = cut_handle(line, &len);
	if (!ends && !r->rule.len &&
	    (!strncmp(line, "type ", 5) || !strncmp(line, "comment ", 8))) {
		join(&r->block, line, len);
		return true;
	}
	if (r->rule.len)
		buf_putc(&r->rule, ' ');
	buf_put(&r->rule, line, len);
	return !ends || push_text(r, "rule", r->name, &r->rule);
}

static bool read_line(struct reader *r, const char *line, size_t len)
{
	size_t depth = 0;

	while (len && *line == '\t') {
		depth++;
		line++;
		len--;
	}
	while (len && *line == ' ') { /* a set that goes on */
		line++;
		len--;
	}
	if (!len)
		return true;
	if (depth == 0 && *line == '}')
		return push_text(r, "table", r->table, &r->head);
	if (depth == 0) {
		cut_handle(line, &len);
		if (len < 6 || !open_block(line + 6, len - 6, &r->family, &r->table))
			return false;
		return true;
	}
	if (depth == 1 && *line == '}')
		return push_text(r, r->word, r->name, &r->block);
	if (depth == 1) {
		cut_handle(line, &len);
		if (line[len - 1] == '{')
			return open_block(line, len, &r->word, &r->name);
		join(&r->head, line, len);
		return true;
	}
	return read_content(r, line, len);
}

static bool read_text(struct listing *listing, const char *text, struct untrack_error *err)
{
	__attribute__((cleanup(reader_free))) struct reader r = {.listing = listing};

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (!read_line(&r, text, len))
			return error_set(err, ERROR_SYSTEM,
					 "nft's listing cannot be read at '%.*s'", (int)len, text);
		text += len + (text[len] == '\n');
	}
	return true;
}

struct listing *listing_new(void)
{
	return calloc(1, sizeof(struct listing));
}

bool listing_add(struct listing *listing, const char *json, const char *text,
		 struct untrack_error *err)
{
	return (!json || read_json(listing, json, err)) && (!text || read_text(listing, text, err));
}

struct listing *listing_read(const char *json, const char *text, struct untrack_error *err)
{
	autoclean(listing_free_p) struct listing *listing = listing_new();

	if (!listing) {
		error_memory(err);
		return NULL;
	}
	return listing_add(listing, json, text, err) ? steal_pointer(&listing) : NULL;
}

/* ------------------------------------------------------------------ look-up */

static const struct entry *find(const struct entries *list, uint8_t family, const char *table,
				const char *word, const char *name, size_t index)
{
	struct name_index *names = (struct name_index *)(uintptr_t)&list->names;
	size_t cursor = 0, at;

	while ((at = name_index_next(names, (void *const *)list->heads.v, list->heads.n, name,
				     &cursor)) != SIZE_MAX) {
		const struct entry *entry = list->heads.v[at];

		if (strcmp(entry->word, word) != 0 || strcmp(entry->table, table) != 0 ||
		    strcmp(entry->family, family_name(family)) != 0)
			continue;
		if (entry->place + index >= list->all.n)
			return NULL;
		entry = list->all.v[entry->place + index];
		return entry->index == index && (!index || !strcmp(entry->word, "rule")) ? entry
											 : NULL;
	}
	return NULL;
}

static const struct entry *find_kind(const struct entries *list, uint8_t family, const char *table,
				     const char *kind, const char *name)
{
	static const char *const sets[] = {"set", "map", NULL};
	static const char *const stateful[] = {
		"counter",	  "quota",    "limit",	 "ct helper", "ct timeout",
		"ct expectation", "synproxy", "secmark", "ct",	      NULL};
	const char *const one[] = {kind, NULL};
	const char *const *words = !strcmp(kind, LISTING_SET)	     ? sets
				   : !strcmp(kind, LISTING_STATEFUL) ? stateful
								     : one;

	for (; *words; words++) {
		const struct entry *entry = find(list, family, table, *words, name, 0);

		if (entry)
			return entry;
	}
	return NULL;
}

const json_t *listing_object(const struct listing *listing, uint8_t family, const char *table,
			     const char *kind, const char *name, const char **ret_word)
{
	const struct entry *entry = find_kind(&listing->json, family, table, kind, name);

	if (entry && ret_word)
		*ret_word = entry->word;
	return entry ? entry->json : NULL;
}

const json_t *listing_rule(const struct listing *listing, uint8_t family, const char *table,
			   const char *chain, size_t index)
{
	const struct entry *entry = find(&listing->json, family, table, "rule", chain, index);

	return entry ? entry->json : NULL;
}

const char *listing_object_text(const struct listing *listing, uint8_t family, const char *table,
				const char *kind, const char *name, const char **ret_word)
{
	const struct entry *entry = find_kind(&listing->text, family, table, kind, name);

	if (entry && ret_word)
		*ret_word = entry->word;
	return entry ? entry->text : NULL;
}

/* "…; size 65536; …": a statement of the set, not words of its comment. */
static bool resize_text(struct entry *entry, uint32_t listed, uint32_t size)
{
	autofree char *words = NULL;
	autobuf changed = {0};
	char *at = entry->text;

	if (asprintf(&words, "size %" PRIu32, listed) < 0) {
		words = NULL;
		return false;
	}
	while (at && (at = strstr(at, words)) && at != entry->text && strncmp(at - 2, "; ", 2) != 0)
		at++;
	if (!at)
		return true;
	buf_put(&changed, entry->text, (size_t)(at - entry->text));
	buf_printf(&changed, "size %" PRIu32 "%s", size, at + strlen(words));
	if (changed.failed)
		return false;
	free(entry->text);
	entry->text = buf_steal_text(&changed);
	return true;
}

bool listing_resize(struct listing *listing, uint8_t family, const char *table, const char *set,
		    uint32_t listed, uint32_t size)
{
	/* entries are the listing's own */
	struct entry *text = (struct entry *)(uintptr_t)find_kind(&listing->text, family, table,
								  LISTING_SET, set);
	const struct entry *json = find_kind(&listing->json, family, table, LISTING_SET, set);
	json_t *body = json ? (json_t *)(uintptr_t)json->json : NULL;

	if (body && json_integer_value(json_object_get(body, "size")) == listed &&
	    json_object_set_new(body, "size", json_integer(size)) < 0)
		return false;
	return !text || resize_text(text, listed, size);
}

const char *listing_rule_text(const struct listing *listing, uint8_t family, const char *table,
			      const char *chain, size_t index)
{
	const struct entry *entry = find(&listing->text, family, table, "rule", chain, index);

	return entry ? entry->text : NULL;
}
