/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- rules as values ---- */
static void piece_free(struct piece *piece)
{
	array_for_each(use, &piece->uses) {
		free(use->value[0]);
		free(use->value[1]);
	}
	array_free(&piece->uses);
}

void spec_free(struct spec *spec)
{
	free(spec->protocol);
	free(spec->source.text);
	free(spec->destination.text);
	free(spec->in);
	free(spec->out);
	array_for_each(piece, &spec->matches)
		piece_free(piece);
	array_free(&spec->matches);
	piece_free(&spec->target);
	free(spec->jump);
	free(spec->comment);
	free(spec);
}

static bool copy_text(char **text)
{
	if (*text)
		*text = strdup(*text);
	return true;
}

static bool piece_copy(struct piece *to, const struct piece *from)
{
	*to = (struct piece){.extension = from->extension};
	array_for_each(use, &from->uses) {
		struct use copy = {.option = use->option, .negated = use->negated};

		for (unsigned i = 0; i < 2; i++)
			copy.value[i] = use->value[i] ? strdup(use->value[i]) : NULL;
		if ((use->value[0] && !copy.value[0]) || (use->value[1] && !copy.value[1]) ||
		    !array_push(&to->uses, copy)) {
			free(copy.value[0]);
			free(copy.value[1]);
			return false;
		}
	}
	return true;
}

struct spec *spec_copy(const struct spec *spec)
{
	autoclean(spec_free_p) struct spec *copy = malloc(sizeof(*copy));
	struct piece piece;
	bool ok;

	if (!copy)
		return NULL;
	*copy = *spec;
	memset(&copy->matches, 0, sizeof(copy->matches));
	memset(&copy->target, 0, sizeof(copy->target));
	copy_text(&copy->protocol);
	copy_text(&copy->source.text);
	copy_text(&copy->destination.text);
	copy_text(&copy->in);
	copy_text(&copy->out);
	copy_text(&copy->jump);
	copy_text(&copy->comment);
	ok = (!spec->protocol || copy->protocol) && (!spec->source.text || copy->source.text) &&
	     (!spec->destination.text || copy->destination.text) && (!spec->in || copy->in) &&
	     (!spec->out || copy->out) && (!spec->jump || copy->jump) &&
	     (!spec->comment || copy->comment);
	for (size_t i = 0; ok && i < spec->matches.n; i++) {
		ok = piece_copy(&piece, &spec->matches.v[i]);
		if (!array_push(&copy->matches, piece)) {
			piece_free(&piece);
			ok = false;
		}
	}
	return ok && piece_copy(&copy->target, &spec->target) ? steal_pointer(&copy) : NULL;
}

/* ---- tables ---- */
struct raw_chain *table_chain(const struct raw_table *table, const char *name)
{
	array_for_each(chain, &table->chains)
		if (!strcmp((*chain)->name, name))
			return *chain;
	return NULL;
}

void raw_rule_free(struct raw_rule *rule)
{
	if (rule->spec)
		spec_free(rule->spec);
	free(rule);
}

void import_free(struct import *import)
{
	struct raw_table *tables[] = {&import->raw[0], &import->raw[1], &import->filter[0],
				      &import->filter[1]};

	for (size_t i = 0; i < 4; i++) {
		array_for_each(chain, &tables[i]->chains) {
			array_for_each(rule, &(*chain)->rules)
				raw_rule_free(*rule);
			array_free(&(*chain)->rules);
			free((*chain)->name);
			free((*chain)->safe);
			free(*chain);
		}
		array_free(&tables[i]->chains);
	}
	array_for_each(line, &import->sysctls)
		free(line->name);
	array_free(&import->sysctls);
	array_for_each(refusal, &import->refusals)
		free(refusal->text);
	array_free(&import->refusals);
	array_for_each(line, &import->ipsets)
		words_free(&line->words);
	array_free(&import->ipsets);
	array_for_each(warning, &import->warnings)
		free(*warning);
	array_free(&import->warnings);
}

/* ---- what is told ---- */
void import_warn(struct import *import, const struct place *place, const char *format, ...)
{
	autofree char *what = NULL;
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	if (!what ||
	    (place ? asprintf(&text, "%s:%u: %s", place->file, place->line, what)
		   : asprintf(&text, "%s", what)) < 0 ||
	    !array_push(&import->warnings, text)) {
		free(text);
		import->no_memory = true;
	}
}

bool import_refuse(struct import *import, const struct place *place, const char *format, ...)
{
	struct refusal refusal = {.place = *place};
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&refusal.text, format, ap) < 0)
		refusal.text = NULL;
	va_end(ap);
	if (!refusal.text || !array_push(&import->refusals, refusal)) {
		free(refusal.text);
		import->no_memory = true;
	}
	return false;
}
