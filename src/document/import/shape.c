/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/shape.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>

void put_quoted(struct buf *b, const char *text)
{
	bool plain = *text != 0;

	for (const char *c = text; *c; c++)
		plain = plain && (isalnum((unsigned char)*c) || strchr("-_.,:/+=!@%&|<>", *c));
	if (plain) {
		buf_puts(b, text);
		return;
	}
	buf_putc(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *text);
	}
	buf_putc(b, '"');
}

/* ---- words ---- */
static void put_address(struct buf *b, const char *option, const struct address *address,
			bool shape, bool source)
{
	char text[INET_TEXT_MAX];

	if (!address->given)
		return;
	buf_printf(b, "%s %s ", address->negated ? " !" : "", option);
	put_quoted(b, shape && sentinel_address(address, source, text) ? text : address->text);
}

static void put_use(struct buf *b, const struct spec *spec, const struct piece *piece,
		    const struct use *use, bool shape)
{
	autobuf sentinel = {0};

	buf_printf(b, "%s --%s", use->negated ? " !" : "", use->option->name);
	if (shape && sentinel_value(spec, piece, use, &sentinel)) {
		b->failed |= sentinel.failed;
		buf_printf(b, " %s", buf_text(&sentinel));
		return;
	}
	for (unsigned i = 0; i < use->option->args; i++) {
		buf_putc(b, ' ');
		put_quoted(b, use->value[i]);
	}
}

static bool is_named(const struct piece *piece, const char *name)
{
	return piece->extension && !strcmp(piece->extension->name, name);
}

static void put_header(const struct spec *spec, struct buf *b, bool shape)
{
	put_address(b, "-s", &spec->source, shape, true);
	put_address(b, "-d", &spec->destination, shape, false);
	if (spec->in) {
		buf_printf(b, "%s -i ", spec->in_negated ? " !" : "");
		put_quoted(b, shape ? sentinel_interface(spec->in, true) : spec->in);
	}
	if (spec->out) {
		buf_printf(b, "%s -o ", spec->out_negated ? " !" : "");
		put_quoted(b, shape ? sentinel_interface(spec->out, false) : spec->out);
	}
	if (spec->protocol) {
		buf_printf(b, "%s -p ", spec->protocol_negated ? " !" : "");
		put_quoted(b, spec->protocol);
	}
	if (spec->fragment)
		buf_printf(b, "%s -f", spec->fragment_negated ? " !" : "");
}

void spec_put_words(const struct spec *spec, struct buf *b, enum words_how how)
{
	bool shape = how != WORDS_ALL;

	put_header(spec, b, shape);
	array_for_each(piece, &spec->matches) {
		if (is_named(piece, "comment") || (how == WORDS_JUDGE && is_named(piece, "set")))
			continue;
		buf_printf(b, " -m %s", piece->extension->name);
		array_for_each(use, &piece->uses)
			put_use(b, spec, piece, use, shape);
	}
	if (how == WORDS_ALL && spec->comment) {
		buf_puts(b, " -m comment --comment ");
		put_quoted(b, spec->comment);
	}
	if (!spec->jump || (how == WORDS_JUDGE && is_named(&spec->target, "SET")))
		return;
	buf_printf(b, " -%c ", spec->is_goto ? 'g' : 'j');
	put_quoted(b, spec->jump);
	array_for_each(use, &spec->target.uses)
		if (how != WORDS_JUDGE || !is_named(&spec->target, "CT") ||
		    strcmp(use->option->name, "timeout"))
			put_use(b, spec, &spec->target, use, false);
}

/* ---- the shape as a spec of its own ---- */
static bool set_text(char **place, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return false;
	free(*place);
	*place = copy;
	return true;
}

static bool set_address(struct address *address, bool source)
{
	char text[INET_TEXT_MAX];

	if (!sentinel_address(address, source, text))
		return true;
	inet_parse(text, &address->range);
	return set_text(&address->text, text);
}

/* The values are those of the rule that the shape is made of, not of the half-made shape. */
static bool set_uses(struct spec *shape, const struct spec *spec)
{
	for (size_t i = 0; i < shape->matches.n; i++)
		for (size_t j = 0; j < shape->matches.v[i].uses.n; j++) {
			const struct piece *piece = &spec->matches.v[i];
			autobuf text = {0};

			if (!sentinel_value(spec, piece, &piece->uses.v[j], &text))
				continue;
			if (text.failed ||
			    !set_text(&shape->matches.v[i].uses.v[j].value[0], buf_text(&text)))
				return false;
		}
	return true;
}

struct spec *shape_spec(const struct spec *spec)
{
	autoclean(spec_free_p) struct spec *shape = spec_copy(spec);

	if (!shape || !set_address(&shape->source, true) ||
	    !set_address(&shape->destination, false) ||
	    (shape->in && !set_text(&shape->in, sentinel_interface(spec->in, true))) ||
	    (shape->out && !set_text(&shape->out, sentinel_interface(spec->out, false))) ||
	    !set_uses(shape, spec))
		return NULL;
	return steal_pointer(&shape);
}

/* ---- templates ---- */
static bool is_part(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == ':' || c == '_';
}

/* The one place where it stands alone; NULL: none, or several. */
static const char *find_alone(const char *text, const char *sentinel)
{
	const char *found = NULL;
	size_t length = strlen(sentinel);

	for (const char *at = strstr(text, sentinel); at; at = strstr(at + 1, sentinel)) {
		if ((at > text && is_part(at[-1])) || is_part(at[length]))
			continue;
		if (found)
			return NULL;
		found = at;
	}
	return found;
}

static int compare_holes(const void *left, const void *right)
{
	const struct hole *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* Where the sentinel of the slot stands, in the form in which it does. */
static const char *find_slot(const char *text, const struct spec *shape, enum slot slot,
			     struct hole *hole)
{
	for (int hexadecimal = 0; hexadecimal < 2; hexadecimal++) {
		autobuf sentinel = {0};
		const char *at;

		if (!slot_value(shape, slot, hexadecimal, &sentinel) || sentinel.failed)
			return NULL;
		at = find_alone(text, buf_text(&sentinel));
		if (!at)
			continue;
		*hole = (struct hole){(size_t)(at - text), sentinel.len, slot, hexadecimal};
		return at;
	}
	return NULL;
}

bool template_make(struct template *template, char *text, const struct spec *shape)
{
	template->text = text;
	for (int slot = 0; slot < SLOTS; slot++) {
		autobuf value = {0};
		struct hole hole;

		if (!slot_value(shape, (enum slot)slot, false, &value))
			continue;
		if (!find_slot(text, shape, (enum slot)slot, &hole) ||
		    !array_push(&template->holes, hole))
			return false;
	}
	if (template->holes.n)
		qsort(template->holes.v, template->holes.n, sizeof(struct hole), compare_holes);
	return true;
}

void template_put(const struct template *template, const struct spec *spec, struct buf *b)
{
	size_t at = 0;

	array_for_each(hole, &template->holes) {
		buf_put(b, template->text + at, hole->at - at);
		slot_value(spec, hole->slot, hole->hexadecimal, b);
		at = hole->at + hole->length;
	}
	buf_puts(b, template->text + at);
}

void template_free(struct template *template)
{
	free(template->text);
	array_free(&template->holes);
}
