/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer over all of import that runs no program: lines, words, options, sets, our own
 * translations. `fuzz-import CORPUS` goes on until it is stopped.
 */
#include "document/import/ipset.h"
#include "document/import/read.h"
#include "document/import/translate.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_sets(const struct import *import, struct ipset_list *list)
{
	array_for_each(line, &import->ipsets) {
		autofree char **words = calloc(line->words.w.n + 1, sizeof(*words));
		autofree char *why = NULL;

		for (size_t i = 0; words && i < line->words.w.n; i++)
			words[i] = line->words.w.v[i].text;
		if (words)
			ipset_line(list, words, line->words.w.n, &why);
	}
}

static void translate(struct import *import, struct raw_table *table, const struct ipset_list *sets)
{
	autoclean(translation_free_p) struct translation *t = calloc(1, sizeof(*t));
	autoerror err = ERROR_INIT;

	if (!t)
		return;
	*t = (struct translation){.import = import,
				  .ipsets = sets,
				  .table = table,
				  .family = table->family,
				  .ns = NETNS_OWN};
	if (translation_begin(t, &err))
		/* a shape is the shape of itself */
		array_for_each(shape, &t->shapes) {
			autoclean(spec_free_p) struct spec *again = shape_spec(shape->spec);
			autobuf words = {0}, same = {0};

			spec_put_words(shape->spec, &words, WORDS_ALL);
			if (again)
				spec_put_words(again, &same, WORDS_ALL);
			if (again && strcmp(buf_text(&words), buf_text(&same)))
				abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_options options = {0};
	autoclean(import_free) struct import import = {.options = &options};
	autoclean(ipset_list_free) struct ipset_list sets = {0};
	struct source source = {.name = (char[]){"fuzz"}};

	buf_put(&source.text, data, size);
	for (int six = 0; six < 2; six++) {
		import.raw[six].family = import.filter[six].family = six ? INET_V6 : INET_V4;
		import.filter[six].filter = true;
	}
	if (import_source(&import, &source)) {
		read_sets(&import, &sets);
		translate(&import, &import.raw[0], &sets);
		translate(&import, &import.raw[1], &sets);
	}
	buf_free(&source.text);
	return 0;
}
