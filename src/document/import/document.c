/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The faithful document: rule for rule, as libnftables JSON or as nft text. */
#include "document/import/translate.h"

#include <inttypes.h>
#include <string.h>

static const char *hook_of(const struct raw_chain *chain)
{
	return !strcmp(chain->name, "PREROUTING") ? "prerouting" : "output";
}

static void put_chain(const struct translation *t, const struct raw_chain *chain, bool late,
		      struct buf *b)
{
	buf_printf(b, "add chain %s " IMPORT_TABLE " %s%s", ip_word(t->family), chain->safe,
		   late ? LATE_ENDING : "");
	if (chain->builtin)
		buf_printf(b, " { type filter hook %s priority %d; policy %s; }", hook_of(chain),
			   late ? -199 : -300, chain->drop && !late ? "drop" : "accept");
	buf_putc(b, '\n');
}

void translation_put_head(const struct translation *t, struct buf *b)
{
	buf_printf(b, "add table %s " IMPORT_TABLE "\n", ip_word(t->family));
	array_for_each(chain, &t->table->chains) {
		put_chain(t, *chain, false, b);
		if (chain_has_late(t, *chain))
			put_chain(t, *chain, true, b);
	}
	array_for_each(definition, &t->definitions)
		buf_printf(b, "%s\n", definition->text);
}

static void put_chain_json(const struct translation *t, const struct raw_chain *chain, bool late,
			   struct buf *b)
{
	buf_printf(b,
		   ",\n{\"chain\": {\"family\": \"%s\", \"table\": \"" IMPORT_TABLE
		   "\", \"name\": \"%s%s\"",
		   ip_word(t->family), chain->safe, late ? LATE_ENDING : "");
	if (chain->builtin)
		buf_printf(b,
			   ", \"type\": \"filter\", \"hook\": \"%s\", \"prio\": %d, \"policy\": "
			   "\"%s\"",
			   hook_of(chain), late ? -199 : -300,
			   chain->drop && !late ? "drop" : "accept");
	buf_puts(b, "}}");
}

void translation_put_head_json(const struct translation *t, struct buf *b)
{
	const json_t *object;
	size_t i;

	buf_printf(b, "%s{\"table\": {\"family\": \"%s\", \"name\": \"" IMPORT_TABLE "\"}}",
		   b->len && b->data[b->len - 1] == '}' ? ",\n" : "", ip_word(t->family));
	array_for_each(chain, &t->table->chains) {
		put_chain_json(t, *chain, false, b);
		if (chain_has_late(t, *chain))
			put_chain_json(t, *chain, true, b);
	}
	json_array_foreach(t->objects, i, object) {
		char *text = json_dumps(object, 0);

		if (!text)
			b->failed = true;
		buf_puts(b, ",\n");
		buf_puts(b, text ? text : "");
		free(text);
	}
}

void shape_put_text(const struct translation *t, const struct shape *shape, bool late,
		    const struct rule_values *values, struct buf *b)
{
	const char *target = late ? shape->late_target : shape->target;

	buf_printf(b, "add rule %s " IMPORT_TABLE " %s%s ", ip_word(t->family), shape->chain->safe,
		   late ? LATE_ENDING : "");
	template_put(&shape->text, values->spec, b);
	if (*shape->text.text)
		buf_putc(b, ' ');
	if (!late && (values->counter || (!*shape->text.text && !*target))) {
		buf_puts(b, "counter ");
		if (values->packets || values->bytes)
			buf_printf(b, "packets %" PRIu64 " bytes %" PRIu64 " ", values->packets,
				   values->bytes);
	}
	buf_puts(b, target);
	if (values->comment)
		buf_printf(b, "%scomment \"%s\"", *target ? " " : "", values->comment);
	buf_putc(b, '\n');
}

static void put_string(const char *text, struct buf *b)
{
	json_t *string = json_string(text);
	char *dumped = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	if (!dumped)
		b->failed = true;
	buf_puts(b, dumped ? dumped : "");
	free(dumped);
	json_decref(string);
}

void shape_put_json(const struct translation *t, const struct shape *shape, bool late,
		    const struct rule_values *values, struct buf *b)
{
	const char *target = late ? shape->late_target_json : shape->target_json, *comma = "";

	buf_printf(b,
		   ",\n{\"rule\": {\"family\": \"%s\", \"table\": \"" IMPORT_TABLE
		   "\", \"chain\": \"%s%s\"",
		   ip_word(t->family), shape->chain->safe, late ? LATE_ENDING : "");
	if (values->comment) {
		buf_puts(b, ", \"comment\": ");
		put_string(values->comment, b);
	}
	buf_puts(b, ", \"expr\": [");
	if (*shape->json.text) {
		template_put(&shape->json, values->spec, b);
		comma = ", ";
	}
	if (!late && (values->counter || (!*shape->json.text && !*target))) {
		buf_printf(b, "%s{\"counter\": {\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}}",
			   comma, values->packets, values->bytes);
		comma = ", ";
	}
	if (*target)
		buf_printf(b, "%s%s", comma, target);
	buf_puts(b, "]}}");
}

static void put_rules(const struct translation *t, bool text, bool counters, bool late,
		      struct buf *b)
{
	array_for_each(chain, &t->table->chains)
		array_for_each(place, &(*chain)->rules) {
			const struct raw_rule *rule = *place;
			const struct shape *shape = &t->shapes.v[rule->shape];
			struct rule_values values = {.spec = rule->spec,
						     .comment = rule->spec->comment,
						     .counter = counters};

			if (rule->refused || !shape_lives(shape) ||
			    (late && shape->late == LATE_NONE))
				continue;
			if (counters && !late) {
				values.packets = rule->packets;
				values.bytes = rule->bytes;
			}
			if (text)
				shape_put_text(t, shape, late, &values, b);
			else
				shape_put_json(t, shape, late, &values, b);
		}
}

bool translations_put(struct translation *const *tables, size_t count, bool text, bool counters,
		      struct buf *b)
{
	if (!text)
		buf_puts(b, "{\"nftables\": [\n");
	for (size_t i = 0; i < count; i++) {
		if (text)
			translation_put_head(tables[i], b);
		else
			translation_put_head_json(tables[i], b);
		put_rules(tables[i], text, counters, false, b);
		if (tables[i]->has_late)
			put_rules(tables[i], text, counters, true, b);
	}
	if (!text)
		buf_puts(b, "\n]}\n");
	return !b->failed;
}
