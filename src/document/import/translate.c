/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, shapes, and our own translations: what is done before any program is asked. */
#include "document/import/translate.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "document/reserved.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void shape_free(struct shape *shape)
{
	if (shape->spec)
		spec_free(shape->spec);
	array_for_each(own, &shape->owns)
		free(own->text);
	array_free(&shape->owns);
	free(shape->note);
	free(shape->refused);
	free(shape->answer);
	free(shape->target);
	free(shape->late_statements);
	free(shape->late_target);
	template_free(&shape->text);
	template_free(&shape->json);
	free(shape->target_json);
	free(shape->late_target_json);
}

void translation_free(struct translation *t)
{
	netns_close(&t->ns);
	array_for_each(shape, &t->shapes)
		shape_free(shape);
	array_free(&t->shapes);
	array_for_each(definition, &t->definitions) {
		free(definition->name);
		free(definition->text);
		free(definition->origin);
	}
	array_free(&t->definitions);
	json_decref(t->objects);
	free(t);
}

void shape_refuse(struct shape *shape, const char *format, ...)
{
	va_list ap;

	if (shape->refused)
		return;
	va_start(ap, format);
	if (vasprintf(&shape->refused, format, ap) < 0)
		shape->refused = NULL;
	va_end(ap);
	if (!shape->refused)
		shape->refused = strdup("out of memory");
}

/* ---- names ---- */
static bool is_taken(const struct raw_table *table, const char *name)
{
	array_for_each(chain, &table->chains)
		if ((*chain)->safe && !strcmp((*chain)->safe, name))
			return true;
	return false;
}

/* nft takes fewer names than iptables, and has more words of its own. */
static bool name_chain(struct translation *t, struct raw_chain *chain)
{
	autofree char *safe = NULL;
	autobuf try = {0};

	if (nft_name_is_valid(chain->name) && !nft_word_is_reserved(chain->name) &&
	    !is_taken(t->table, chain->name)) {
		chain->safe = strdup(chain->name);
		return chain->safe;
	}
	safe = own_name("chain_", chain->name);
	for (unsigned n = 1; safe && (n == 1 || is_taken(t->table, buf_text(&try))); n++) {
		try.len = 0;
		buf_puts(&try, safe);
		if (n > 1)
			buf_printf(&try, "_%u", n);
		if (try.failed)
			return false;
	}
	chain->safe = safe ? buf_steal_text(&try) : NULL;
	if (!chain->safe)
		return false;
	import_warn(t->import, chain->place.file ? &chain->place : NULL,
		    "nft takes no chain named '%s': it becomes '%s'", chain->name, chain->safe);
	return !t->import->no_memory;
}

void put_tool_chain(const struct translation *t, const struct raw_chain *chain, struct buf *b)
{
	size_t i = 0;

	if (chain->builtin) {
		buf_puts(b, chain->name);
		return;
	}
	while (t->table->chains.v[i] != chain)
		i++;
	buf_printf(b, "untrack%zu", i);
}

/* ---- our own translations ---- */
static bool is_own(const struct piece *piece)
{
	return piece->extension && piece->extension->own;
}

static bool translate_piece(struct translation *t, struct shape *shape, const struct piece *piece,
			    size_t match)
{
	struct own own = {.family = t->family,
			  .shape = (size_t)(shape - t->shapes.v),
			  .definitions = &t->definitions,
			  .ipsets = t->ipsets};
	struct own_text mine = {.match = match};
	enum own_answer answer;
	bool ok = true;

	if (!is_own(piece))
		return true;
	answer = piece->extension->own(&own, shape->spec, piece);
	if (answer == OWN_REFUSED)
		shape_refuse(shape, "-%c %s: %s", match == SIZE_MAX ? 'j' : 'm',
			     piece->extension->name, buf_text(&own.reason));
	ok = !own.text.failed && !own.late.failed && !own.note.failed && !own.reason.failed;
	if (ok && answer == OWN_TEXT) {
		mine.text = buf_steal_text(&own.text);
		ok = mine.text && array_push(&shape->owns, mine);
		if (!ok)
			free(mine.text);
	}
	if (ok && own.note.len && !shape->note) {
		shape->note = buf_steal_text(&own.note);
		ok = shape->note;
	}
	if (ok && own.late.len) {
		shape->late_statements = buf_steal_text(&own.late);
		ok = shape->late_statements;
		t->has_late = true;
	}
	own_clear(&own);
	return ok;
}

static bool translate_own(struct translation *t, struct shape *shape)
{
	struct spec *spec = shape->spec;

	if ((spec->source.given && spec->source.negated &&
	     !inet_prefix_length(&spec->source.range) && !spec->source.masked) ||
	    (spec->destination.given && spec->destination.negated && !spec->destination.masked &&
	     !inet_prefix_length(&spec->destination.range)))
		shape_refuse(shape, "'!' before every address matches no packet");
	if ((spec->in && spec->in_negated && !strcmp(spec->in, "+")) ||
	    (spec->out && spec->out_negated && !strcmp(spec->out, "+")))
		shape_refuse(shape, "'!' before every interface matches no packet");
	for (size_t i = 0; i < spec->matches.n; i++)
		if (shape_lives(shape) && !translate_piece(t, shape, &spec->matches.v[i], i))
			return false;
	return !shape_lives(shape) || translate_piece(t, shape, &spec->target, SIZE_MAX);
}

/* ---- shapes ---- */
struct table_slot {
	uint64_t hash;
	size_t shape; /* index and one; 0: empty */
	char *key;
};

/* Rules with a state of their own (hash tables, counts) are never one shape. */
static bool is_stateful(const struct spec *spec)
{
	array_for_each(piece, &spec->matches)
		if (piece->extension->stateful)
			return true;
	return false;
}

static bool new_shape(struct translation *t, const struct raw_rule *rule, struct raw_chain *chain)
{
	struct shape shape = {.chain = chain, .place = rule->place};

	shape.spec = shape_spec(rule->spec);
	if (!shape.spec || !array_push(&t->shapes, shape)) {
		if (shape.spec)
			spec_free(shape.spec);
		return false;
	}
	return translate_own(t, &t->shapes.v[t->shapes.n - 1]);
}

static bool find_shape(struct translation *t, struct table_slot *slots, size_t mask,
		       struct raw_rule *rule, struct raw_chain *chain, size_t chain_index,
		       size_t serial)
{
	autobuf key = {0};
	uint64_t hash;
	size_t at;

	buf_printf(&key, "%zu ", chain_index);
	if (is_stateful(rule->spec))
		buf_printf(&key, "%zu ", serial);
	spec_put_words(rule->spec, &key, WORDS_SHAPE);
	if (key.failed)
		return false;
	hash = hash_bytes(HASH_BEGIN, key.data, key.len);
	for (at = hash & mask; slots[at].shape; at = (at + 1) & mask)
		if (slots[at].hash == hash && !strcmp(slots[at].key, buf_text(&key))) {
			rule->shape = slots[at].shape - 1;
			return true;
		}
	rule->shape = t->shapes.n;
	slots[at] = (struct table_slot){hash, t->shapes.n + 1, buf_steal_text(&key)};
	return slots[at].key && new_shape(t, rule, chain);
}

static bool make_shapes(struct translation *t)
{
	size_t rules = 0, size = 64, serial = 0;
	struct table_slot *slots;
	bool ok = true;

	array_for_each(chain, &t->table->chains)
		rules += (*chain)->rules.n;
	while (size < rules * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	for (size_t i = 0; slots && ok && i < t->table->chains.n; i++) {
		struct raw_chain *chain = t->table->chains.v[i];

		for (size_t j = 0; ok && j < chain->rules.n; j++)
			ok = find_shape(t, slots, size - 1, chain->rules.v[j], chain, i, serial++);
	}
	for (size_t i = 0; slots && i < size; i++)
		free(slots[i].key);
	ok = ok && slots;
	free(slots);
	return ok;
}

bool translation_begin(struct translation *t, struct untrack_error *err)
{
	array_for_each(chain, &t->table->chains)
		if (!name_chain(t, *chain))
			return error_memory(err);
	if (!make_shapes(t))
		return error_memory(err);
	array_for_each(shape, &t->shapes)
		if (shape->spec->jump && !shape->spec->target.extension &&
		    (shape->spec->is_goto ||
		     (strcmp(shape->spec->jump, "ACCEPT") && strcmp(shape->spec->jump, "DROP") &&
		      strcmp(shape->spec->jump, "RETURN") && strcmp(shape->spec->jump, "QUEUE")))) {
			const struct raw_chain *chain = table_chain(t->table, shape->spec->jump);

			if (!chain)
				shape_refuse(
					shape,
					"-%c %s: there is neither such a target nor such a chain",
					shape->spec->is_goto ? 'g' : 'j', shape->spec->jump);
			else if (chain->builtin)
				shape_refuse(
					shape,
					"-%c %s: a chain of the table's own cannot be jumped to",
					shape->spec->is_goto ? 'g' : 'j', shape->spec->jump);
		}
	return true;
}
