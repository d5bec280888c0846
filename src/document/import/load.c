/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of the shapes is loaded in the scratch namespace: nf_tables judges it there. It is read
 * back as JSON, which is the document; and since libnftables 1.0.6 loses things in JSON, and lists
 * some matches as what they are not, the JSON is loaded in a second namespace and what the kernel
 * holds there is compared, instruction by instruction.
 */
#include "base/cleanup.h"
#include "document/import/translate.h"
#include "document/nft.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct script {
	struct buf text;
	ARRAY(size_t) shapes; /* of each line behind the head */
	unsigned head;
};

static void script_free(struct script *script)
{
	buf_free(&script->text);
	array_free(&script->shapes);
}

static bool put_script(const struct translation *t, struct script *script)
{
	translation_put_head(t, &script->text);
	for (size_t i = 0; i < script->text.len; i++)
		script->head += script->text.data[i] == '\n';
	for (int late = 0; late < 2; late++)
		for (size_t i = 0; i < t->shapes.n; i++) {
			const struct shape *shape = &t->shapes.v[i];
			struct rule_values values = {.spec = shape->spec, .counter = true};

			if (!shape_lives(shape) || (late && shape->late == LATE_NONE))
				continue;
			shape_put_text(t, shape, late, &values, &script->text);
			if (!array_push(&script->shapes, i))
				return false;
		}
	return !script->text.failed;
}

/* Does it name the set or the object? -1 without memory. */
static int uses_definition(const struct shape *shape, const char *name)
{
	autofree char *at = NULL, *quoted = NULL, *all = NULL;

	if (!shape_lives(shape))
		return 0;
	if (asprintf(&at, "@%s ", name) < 0 || asprintf(&quoted, "\"%s\"", name) < 0 ||
	    asprintf(&all, "%s %s %s ", shape->text.text, shape->target,
		     shape->late_target ? shape->late_target : "") < 0)
		return -1;
	return strstr(all, at) || strstr(all, quoted);
}

/* Every shape that names the definition goes with it. */
static bool refuse_users(struct translation *t, const char *name, const char *why)
{
	bool found = false;

	array_for_each(shape, &t->shapes) {
		if (uses_definition(shape, name) <= 0)
			continue;
		shape_refuse(shape, "nf_tables refuses '%s': %s", name, why);
		found = true;
	}
	return found;
}

static void drop_definition(struct translation *t, size_t index)
{
	struct definition *definition = &t->definitions.v[index];

	free(definition->name);
	free(definition->text);
	free(definition->origin);
	t->definitions.n--;
	memmove(definition, definition + 1, (t->definitions.n - index) * sizeof(*definition));
}

/* What only refused rules needed is not made. */
static bool drop_unused(struct translation *t)
{
	for (size_t i = t->definitions.n; i-- > 0;) {
		int used = 0;

		for (size_t j = 0; !used && j < t->shapes.n; j++)
			used = uses_definition(&t->shapes.v[j], t->definitions.v[i].name);
		if (used < 0)
			return false;
		if (!used)
			drop_definition(t, i);
	}
	return true;
}

/* Who is to blame for what nft said; false: nobody in particular. */
static bool blame(struct translation *t, const struct script *script,
		  const struct untrack_error *refusal)
{
	size_t first = script->head - t->definitions.n;
	autofree char *why = NULL;

	if (!refusal->line || !refusal->message)
		return false;
	why = strndup(refusal->message, strcspn(refusal->message, "\n"));
	if (!why)
		return false;
	if (refusal->line > script->head && refusal->line <= script->head + script->shapes.n) {
		struct shape *shape =
			&t->shapes.v[script->shapes.v[refusal->line - script->head - 1]];

		shape_refuse(shape, "nf_tables refuses it: %s", why);
		return true;
	}
	if (refusal->line <= first || refusal->line > script->head)
		return false;
	if (!refuse_users(t, t->definitions.v[refusal->line - first - 1].name, why))
		return false;
	drop_definition(t, refusal->line - first - 1);
	return true;
}

static bool load_text(struct translation *t, struct untrack_error *err)
{
	for (;;) {
		autoclean(script_free) struct script script = {0};
		autoerror refusal = ERROR_INIT;

		if (!put_script(t, &script))
			return error_memory(err);
		if (nft_run(&t->ns, buf_text(&script.text), NFT_UTC, NULL, &refusal))
			return true;
		if (!blame(t, &script, &refusal)) {
			error_move(err, &refusal);
			return false;
		}
	}
}

/* ---- reading back ---- */

/* Times of day and dates are listed as words in some clock; as numbers they are seconds in UTC for
 * whoever loads them. */
static json_t *time_number(const char *text)
{
	struct tm tm = {0};
	unsigned h, m, s = 0;

	if (strchr(text, '-')) {
		if (sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			   &tm.tm_hour, &tm.tm_min, &tm.tm_sec) < 5)
			return NULL;
		tm.tm_year -= 1900;
		tm.tm_mon--;
		return json_integer(timegm(&tm));
	}
	return sscanf(text, "%u:%u:%u", &h, &m, &s) >= 2 ? json_integer(h * 3600 + m * 60 + s)
							 : NULL;
}

static void mend_time(json_t *statement)
{
	json_t *match = json_object_get(statement, "match");
	const char *key = json_string_value(
		json_object_get(json_object_get(json_object_get(match, "left"), "meta"), "key"));
	json_t *range = json_object_get(json_object_get(match, "right"), "range");

	if (!key || (strcmp(key, "hour") && strcmp(key, "time")))
		return;
	for (size_t i = 0; i < json_array_size(range); i++) {
		const char *text = json_string_value(json_array_get(range, i));
		json_t *number = text ? time_number(text) : NULL;

		if (number)
			json_array_set_new(range, i, number);
	}
}

/* Statements from first on, up to end: "{…}, {…}". */
static char *dump_range(json_t *expr, size_t first, size_t end)
{
	autobuf b = {0};

	for (size_t i = first; i < end; i++) {
		char *text = json_dumps(json_array_get(expr, i), 0);

		if (!text)
			return NULL;
		buf_printf(&b, "%s%s", i > first ? ", " : "", text);
		free(text);
	}
	return buf_steal_text(&b);
}

static size_t counter_index(json_t *expr)
{
	size_t i;
	json_t *statement;

	json_array_foreach(expr, i, statement)
		if (json_object_get(statement, "counter"))
			return i;
	return SIZE_MAX;
}

static bool take_rule(struct translation *t, struct shape *shape, json_t *rule, bool late)
{
	json_t *expr = json_object_get(rule, "expr"), *statement;
	size_t counter = counter_index(expr), size = json_array_size(expr), i;
	char *matches;

	json_array_foreach(expr, i, statement)
		mend_time(statement);
	if (late) {
		autofree char *same = NULL;
		size_t n = 0;

		/* the matches are those of the rule in front of tracking */
		for (const char *at = shape->json.text; at && *at; n++) {
			free(same);
			same = dump_range(expr, 0, n + 1);
			if (!same || n >= size || !strcmp(same, shape->json.text))
				break;
		}
		n += *shape->json.text != 0;
		if (n > size || (*shape->json.text && (!same || strcmp(same, shape->json.text)))) {
			t->text_only = true;
			return true;
		}
		shape->late_target_json = dump_range(expr, n, size);
		return shape->late_target_json;
	}
	if (counter == SIZE_MAX) {
		shape_refuse(shape, "nft does not list it as it was loaded");
		return true;
	}
	matches = dump_range(expr, 0, counter);
	shape->target_json = dump_range(expr, counter + 1, size);
	if (!matches || !shape->target_json) {
		free(matches);
		return false;
	}
	if (!template_make(&shape->json, matches, shape->spec)) {
		t->text_only = true;
		t->text_place = shape->place;
	}
	return true;
}

/* Rules come chain by chain, in each chain in the order in which they were loaded. */
static struct shape *next_shape(struct translation *t, const char *chain, size_t *positions,
				bool late)
{
	for (size_t i = *positions; i < t->shapes.n; i++) {
		struct shape *shape = &t->shapes.v[i];
		size_t length = strlen(shape->chain->safe);

		if (!shape_lives(shape) || (late && shape->late == LATE_NONE))
			continue;
		if (strncmp(chain, shape->chain->safe, length) ||
		    strcmp(chain + length, late ? LATE_ENDING : ""))
			continue;
		*positions = i + 1;
		return shape;
	}
	return NULL;
}

static bool ends_late(const struct translation *t, const char *name)
{
	size_t length = strlen(name), ending = strlen(LATE_ENDING);

	if (!t->has_late || length <= ending || strcmp(name + length - ending, LATE_ENDING))
		return false;
	array_for_each(chain, &t->table->chains)
		if (!strcmp((*chain)->safe, name))
			return false;
	return true;
}

/* What is left of an element's time is no part of what it is. */
static void forget_expiry(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	json_object_del(value, "expires");
	json_object_foreach(value, key, member)
		forget_expiry(member);
	json_array_foreach(value, i, member)
		forget_expiry(member);
}

static bool take_listing(struct translation *t, json_t *root, bool late)
{
	json_t *array = json_object_get(root, "nftables"), *object, *body;
	autofree char *current = NULL;
	const char *kind, *chain;
	size_t i, position = 0;

	json_array_foreach(array, i, object) {
		body = json_object_get(object, "rule");
		chain = json_string_value(json_object_get(body, "chain"));
		if (chain && ends_late(t, chain) == late) {
			struct shape *shape;

			if (!current || strcmp(current, chain)) {
				free(current);
				current = strdup(chain);
				position = 0;
			}
			shape = next_shape(t, chain, &position, late);
			if (!current || !shape || !take_rule(t, shape, body, late))
				return false;
			continue;
		}
		if (late || body)
			continue;
		kind = json_object_iter_key(json_object_iter(object));
		if (!kind || !strcmp(kind, "metainfo") || !strcmp(kind, "table") ||
		    !strcmp(kind, "chain"))
			continue;
		json_object_del(json_object_get(object, kind), "handle");
		forget_expiry(object);
		if (json_array_append(t->objects, object))
			return false;
	}
	return true;
}

static bool read_back(struct translation *t, struct untrack_error *err)
{
	autofree char *listing = NULL, *command = NULL;
	json_t *root;
	bool ok;

	if (asprintf(&command, "list table %s " IMPORT_TABLE, ip_word(t->family)) < 0) {
		command = NULL;
		return error_memory(err);
	}
	if (!nft_run(&t->ns, command, NFT_JSON | NFT_UTC, &listing, err)) {
		error_prefix(err, "the rules were loaded, but nft cannot list them");
		return false;
	}
	root = json_loads(listing, 0, NULL);
	t->objects = json_array();
	ok = root && t->objects && take_listing(t, root, false) &&
	     (!t->has_late || take_listing(t, root, true));
	json_decref(root);
	return ok ||
	       error_set(err, ERROR_SYSTEM, "nft does not list the rules as they were loaded");
}

bool translation_load(struct translation *t, struct untrack_error *err)
{
	if (!drop_unused(t))
		return error_memory(err);
	if (!load_text(t, err) || !read_back(t, err))
		return false;
	array_for_each(definition, &t->definitions)
		t->text_only |= definition->text_only;
	return t->text_only || translation_check_json(t, err);
}
