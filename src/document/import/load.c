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

/* Every shape that names the definition goes with it. */
static bool refuse_users(struct translation *t, const char *name, const char *why)
{
	autofree char *at = NULL, *quoted = NULL;
	bool found = false;

	if (asprintf(&at, "@%s ", name) < 0 || asprintf(&quoted, "\"%s\"", name) < 0)
		return false;
	array_for_each (shape, &t->shapes) {
		autofree char *all = NULL;

		if (!shape_lives(shape) ||
		    asprintf(&all, "%s %s %s ", shape->text.text, shape->target,
			     shape->late_target ? shape->late_target : "") < 0 ||
		    (!strstr(all, at) && !strstr(all, quoted)))
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

	json_array_foreach(expr, i, statement) if (json_object_get(statement, "counter")) return i;
	return SIZE_MAX;
}

static bool take_rule(struct translation *t, struct shape *shape, json_t *rule, bool late)
{
	json_t *expr = json_object_get(rule, "expr"), *statement;
	size_t counter = counter_index(expr), size = json_array_size(expr), i;
	char *matches;

	json_array_foreach(expr, i, statement) mend_time(statement);
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
	array_for_each (chain, &t->table->chains)
		if (!strcmp((*chain)->safe, name))
			return false;
	return true;
}

static bool take_listing(struct translation *t, json_t *root, bool late)
{
	json_t *array = json_object_get(root, "nftables"), *object, *body;
	autofree char *current = NULL;
	const char *kind, *chain;
	size_t i, position = 0;

	json_array_foreach(array, i, object)
	{
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

/* ---- does the JSON mean the same ---- */

/* Numbers of rules and of anonymous sets, and which of two equal ways a protocol is read, do not
 * matter. */
static void put_line(struct buf *b, const char *line, size_t length)
{
	static const char *const same[][2] = {
		{"payload load 1b @ network header + 9 =>", "meta load l4proto =>"},
	};
	const char *end = line + length;

	while (line < end) {
		size_t skip = 0;

		for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			if (!strncmp(line, same[i][0], strlen(same[i][0]))) {
				buf_puts(b, same[i][1]);
				skip = strlen(same[i][0]);
			}
		if (!skip && (!strncmp(line, "__set", 5) || !strncmp(line, "__map", 5))) {
			buf_puts(b, "__set");
			skip = 5 + strspn(line + 5, "0123456789");
		}
		if (!skip)
			buf_putc(b, *line++);
		line += skip;
	}
	buf_putc(b, '\n');
}

/* A rule's heading, "ip untrack_raw PREROUTING 4 3", without the numbers. */
static bool is_heading(const struct translation *t, const char *line, size_t length,
		       size_t *ret_length)
{
	autofree char *copy = strndup(line, length), *begin = NULL;
	char *end;

	if (!copy || asprintf(&begin, "%s " IMPORT_TABLE " ", ip_word(t->family)) < 0 ||
	    strncmp(copy, begin, strlen(begin)) || copy[strlen(begin)] == '@')
		return false;
	end = strchr(copy + strlen(begin), ' ');
	*ret_length = end ? (size_t)(end - copy) : length;
	return true;
}

static int compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* A set's elements have no order. */
static bool put_elements(const char **listing, struct buf *b)
{
	ARRAY(char *) lines = {0};
	bool ok = true;

	while (ok && !strncmp(*listing, "\telement ", 9)) {
		size_t length = strcspn(*listing, "\n");
		char *line = strndup(*listing, length);

		ok = line && array_push(&lines, line);
		*listing += length;
		*listing += **listing == '\n';
	}
	if (lines.n)
		qsort(lines.v, lines.n, sizeof(*lines.v), compare_lines);
	array_for_each (line, &lines) {
		put_line(b, *line, strlen(*line));
		free(*line);
	}
	array_free(&lines);
	return ok;
}

/* A match on a TCP option looks at TCP packets only (nft_exthdr.c), said or not. */
static const char *skip_implied(const char *listing)
{
	static const char tcp[] =
		"  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000006 ]\n";
	static const char ip_tcp[] = "  [ payload load 1b @ network header + 9 => reg 1 ]\n  [ cmp "
				     "eq reg 1 0x00000006 ]\n";
	const char *end, *option;

	if (strncmp(listing, tcp, strlen(tcp)) && strncmp(listing, ip_tcp, strlen(ip_tcp)))
		return listing;
	option = strstr(listing, "[ exthdr load tcpopt ");
	for (end = listing; !strncmp(end, "  [", 3); end += *end == '\n')
		end += strcspn(end, "\n");
	if (!option || option > end)
		return listing;
	return strchr(strchr(listing, '\n') + 1, '\n') + 1;
}

static bool put_bytecode(const struct translation *t, const char *listing, struct buf *b)
{
	while (*listing && strncmp(listing, "table ", 6)) {
		size_t length, heading;

		if (!put_elements(&listing, b))
			return false;
		listing = skip_implied(listing);
		length = strcspn(listing, "\n");
		if (is_heading(t, listing, length, &heading))
			put_line(b, listing, heading);
		else if (length)
			put_line(b, listing, length);
		listing += length;
		listing += *listing == '\n';
	}
	return true;
}

static bool list_bytecode(const struct translation *t, const struct netns *ns, struct buf *b,
			  struct untrack_error *err)
{
	autofree char *listing = NULL, *command = NULL;

	if (asprintf(&command, "list table %s " IMPORT_TABLE, ip_word(t->family)) < 0) {
		command = NULL;
		return error_memory(err);
	}
	if (!nft_run(ns, command, NFT_BYTECODE | NFT_UTC, &listing, err))
		return false;
	return (put_bytecode(t, listing, b) && !b->failed) || error_memory(err);
}

/* The shape of the rule in which two listings differ; for the message. */
static void note_difference(struct translation *t, const struct buf *was, const struct buf *is)
{
	size_t n = 0, i = 0, headings = 0;

	while (i < was->len && i < is->len && was->data[i] == is->data[i])
		i++;
	for (const char *at = buf_text(was); at && at < buf_text(was) + i; at = strchr(at, '\n')) {
		size_t unused;

		at += *at == '\n';
		headings += is_heading(t, at, strcspn(at, "\n"), &unused);
	}
	array_for_each (shape, &t->shapes)
		if (shape_lives(shape) && ++n == headings)
			t->text_place = shape->place;
	t->text_only = true;
}

static bool check_json(struct translation *t, struct untrack_error *err)
{
	autobuf json = {0}, was = {0}, is = {0};
	autoerror refusal = ERROR_INIT;
	autonetns other = NETNS_OWN;

	buf_puts(&json, "{\"nftables\": [\n");
	translation_put_head_json(t, &json);
	for (int late = 0; late < 2; late++)
		array_for_each (shape, &t->shapes) {
			struct rule_values values = {.spec = shape->spec, .counter = true};

			if (shape_lives(shape) && (!late || shape->late != LATE_NONE))
				shape_put_json(t, shape, late, &values, &json);
		}
	buf_puts(&json, "\n]}\n");
	if (!buf_ok(&json, err) || !netns_scratch(&other, err) ||
	    !list_bytecode(t, &t->ns, &was, err))
		return false;
	if (!nft_run(&other, buf_text(&json), 0, NULL, &refusal)) {
		t->text_only = true;
		return true;
	}
	if (!list_bytecode(t, &other, &is, err))
		return false;
	if (was.len != is.len || memcmp(was.data, is.data, was.len))
		note_difference(t, &was, &is);
	return true;
}

bool translation_load(struct translation *t, struct untrack_error *err)
{
	if (!load_text(t, err) || !read_back(t, err))
		return false;
	array_for_each (definition, &t->definitions)
		t->text_only |= definition->text_only;
	return t->text_only || check_json(t, err);
}
