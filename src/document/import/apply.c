/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/apply.h"

#include "base/cleanup.h"
#include "document/import/shape.h"

#include <string.h>

enum table_kind table_kind(const char *name)
{
	if (!strcmp(name, "raw"))
		return TABLE_RAW;
	if (!strcmp(name, "filter"))
		return TABLE_FILTER;
	if (!strcmp(name, "nat") || !strcmp(name, "mangle") || !strcmp(name, "security"))
		return TABLE_OTHER;
	return TABLE_UNKNOWN;
}

static bool no_memory(struct import *import)
{
	import->no_memory = true;
	return false;
}

static bool is_builtin(const struct raw_table *table, const char *name)
{
	if (!strcmp(name, "OUTPUT"))
		return true;
	if (table->filter)
		return !strcmp(name, "INPUT") || !strcmp(name, "FORWARD");
	return !strcmp(name, "PREROUTING");
}

static struct raw_chain *add_chain(struct import *import, struct raw_table *table, const char *name)
{
	struct raw_chain *chain = calloc(1, sizeof(*chain));

	if (!chain || !(chain->name = strdup(name)) || !array_push(&table->chains, chain)) {
		if (chain)
			free(chain->name);
		free(chain);
		no_memory(import);
		return NULL;
	}
	chain->builtin = is_builtin(table, name);
	return chain;
}

struct raw_chain *apply_find_chain(struct import *import, struct raw_table *table, const char *name)
{
	struct raw_chain *chain = table_chain(table, name);

	if (!chain && is_builtin(table, name))
		chain = add_chain(import, table, name);
	return chain;
}

bool apply_new_chain(struct import *import, const struct place *place, struct raw_table *table,
		     const char *name)
{
	struct raw_chain *chain;

	if (table_chain(table, name) || is_builtin(table, name))
		return import_refuse(import, place, "-N %s: the chain is there already", name);
	if (!*name || strlen(name) > 28 || *name == '-' || *name == '!' ||
	    extension_find(name, true, FAMILY_BOTH))
		return import_refuse(import, place, "-N: '%s' is not a name for a chain", name);
	chain = add_chain(import, table, name);
	if (!chain)
		return false;
	chain->place = *place;
	return true;
}

static bool insert_rule(struct import *import, const struct place *place,
			const struct command *command, struct raw_chain *chain, size_t at,
			struct spec *spec)
{
	struct raw_rule *rule = calloc(1, sizeof(*rule));

	if (!rule || !array_push(&chain->rules, rule)) {
		free(rule);
		spec_free(spec);
		return no_memory(import);
	}
	*rule = (struct raw_rule){.place = *place,
				  .spec = spec,
				  .packets = command->packets,
				  .bytes = command->bytes};
	memmove(&chain->rules.v[at + 1], &chain->rules.v[at],
		(chain->rules.n - 1 - at) * sizeof(chain->rules.v[0]));
	chain->rules.v[at] = rule;
	return true;
}

static void delete_rule(struct raw_chain *chain, size_t at)
{
	raw_rule_free(chain->rules.v[at]);
	chain->rules.n--;
	memmove(&chain->rules.v[at], &chain->rules.v[at + 1],
		(chain->rules.n - at) * sizeof(chain->rules.v[0]));
}

/* -D with a rule takes the first that says the same. */
static bool delete_same(struct import *import, const struct place *place, struct raw_chain *chain,
			const struct spec *spec)
{
	autobuf wanted = {0}, text = {0};

	spec_put_words(spec, &wanted, WORDS_ALL);
	for (size_t i = 0; i < chain->rules.n; i++) {
		text.len = 0;
		spec_put_words(chain->rules.v[i]->spec, &text, WORDS_ALL);
		if (wanted.failed || text.failed)
			return no_memory(import);
		if (strcmp(buf_text(&wanted), buf_text(&text)))
			continue;
		delete_rule(chain, i);
		return true;
	}
	return import_refuse(import, place, "-D %s: no line before this one made such a rule",
			     chain->name);
}

static bool change_rules(struct import *import, const struct place *place,
			 const struct command *command, struct raw_chain *chain)
{
	size_t at = command->number ? command->number - 1 : 0, count = 0;
	autofree struct spec **specs = NULL;
	autofree char *why = NULL;
	bool ok = true;

	if (command->number > chain->rules.n + (command->verb == VERB_INSERT))
		return import_refuse(import, place, "-%c %s %zu: the chain has %zu rules",
				     (int)command->verb, chain->name, command->number,
				     chain->rules.n);
	if (command->verb == VERB_DELETE && command->number) {
		delete_rule(chain, at);
		return true;
	}
	if (!command_expand(command, &specs, &count, &why))
		return why ? import_refuse(import, place, "%s", why) : no_memory(import);
	if (command->verb == VERB_REPLACE && count != 1) {
		ok = import_refuse(import, place, "-R %s: expected one rule", chain->name);
	} else if (command->verb == VERB_REPLACE) {
		delete_rule(chain, at);
	}
	for (size_t i = 0; i < count; i++) {
		struct spec *spec = specs[i];

		if (!ok) {
			spec_free(spec);
		} else if (command->verb == VERB_DELETE) {
			ok = delete_same(import, place, chain, spec);
			spec_free(spec);
		} else {
			ok = insert_rule(import, place, command, chain,
					 command->verb == VERB_APPEND ? chain->rules.n : at, spec);
		}
	}
	return ok;
}

static void flush(struct raw_table *table, const char *name)
{
	array_for_each(chain, &table->chains)
		while ((!name || !strcmp((*chain)->name, name)) && (*chain)->rules.n)
			delete_rule(*chain, (*chain)->rules.n - 1);
}

static bool is_referred(const struct raw_table *table, const char *name)
{
	array_for_each(chain, &table->chains)
		array_for_each(rule, &(*chain)->rules)
			if ((*rule)->spec->jump && !(*rule)->spec->target.extension &&
			    !strcmp((*rule)->spec->jump, name))
				return true;
	return false;
}

/* -X: a chain of the user's that is empty and not referred to; without a name, all such. */
static bool remove_chains(struct import *import, const struct place *place, struct raw_table *table,
			  const char *name)
{
	bool found = !name;

	for (size_t i = 0; i < table->chains.n;) {
		struct raw_chain *chain = table->chains.v[i];
		bool meant = !chain->builtin && (!name || !strcmp(chain->name, name));

		found |= meant;
		if (meant && (chain->rules.n || is_referred(table, chain->name))) {
			import_refuse(import, place, "-X %s: the chain is in use", chain->name);
			meant = false;
		}
		if (!meant) {
			i++;
			continue;
		}
		array_free(&chain->rules);
		free(chain->name);
		free(chain->safe);
		free(chain);
		table->chains.n--;
		memmove(&table->chains.v[i], &table->chains.v[i + 1],
			(table->chains.n - i) * sizeof(table->chains.v[0]));
	}
	return found ||
	       import_refuse(import, place, "-X %s: there is no such chain of yours", name);
}

static bool rename_chain(struct import *import, const struct place *place, struct raw_table *table,
			 const struct command *command)
{
	struct raw_chain *chain = table_chain(table, command->chain);
	char *name;

	if (!chain || chain->builtin || table_chain(table, command->second))
		return import_refuse(import, place,
				     "-E %s %s: there is no such chain of yours, or there is "
				     "one of the new name",
				     command->chain, command->second);
	array_for_each(other, &table->chains)
		array_for_each(rule, &(*other)->rules) {
			struct spec *spec = (*rule)->spec;

			if (!spec->jump || spec->target.extension ||
			    strcmp(spec->jump, chain->name))
				continue;
			name = strdup(command->second);
			if (!name)
				return no_memory(import);
			free(spec->jump);
			spec->jump = name;
		}
	name = strdup(command->second);
	if (!name)
		return no_memory(import);
	free(chain->name);
	chain->name = name;
	return true;
}

static bool set_policy(struct import *import, const struct place *place, struct raw_table *table,
		       const struct command *command)
{
	struct raw_chain *chain = apply_find_chain(import, table, command->chain);
	bool drop = !strcmp(command->second, "DROP");

	if (import->no_memory)
		return false;
	if (!chain || !chain->builtin || (!drop && strcmp(command->second, "ACCEPT")))
		return import_refuse(import, place,
				     "-P %s %s: expected a chain of the table's own, and ACCEPT "
				     "or DROP",
				     command->chain, command->second);
	chain->drop = drop;
	return true;
}

bool apply_command(struct import *import, const struct place *place, enum table_kind kind,
		   const struct command *command)
{
	struct raw_table *tables = kind == TABLE_RAW ? import->raw : import->filter;
	struct raw_table *table = &tables[command->spec->family == INET_V6];
	struct raw_chain *chain;

	switch (command->verb) {
	case VERB_LOOK:
	case VERB_NONE:
		return true;
	case VERB_NEW:
		return apply_new_chain(import, place, table, command->chain);
	case VERB_FLUSH:
		flush(table, command->chain);
		return true;
	case VERB_REMOVE:
		return remove_chains(import, place, table, command->chain);
	case VERB_RENAME:
		return rename_chain(import, place, table, command);
	case VERB_POLICY:
		return set_policy(import, place, table, command);
	case VERB_APPEND:
	case VERB_DELETE:
	case VERB_INSERT:
	case VERB_REPLACE:
		break;
	}
	chain = apply_find_chain(import, table, command->chain);
	if (import->no_memory)
		return false;
	if (!chain)
		return import_refuse(
			import, place, "-%c %s: there is no such chain in the %s table",
			(int)command->verb, command->chain, table->filter ? "filter" : "raw");
	return change_rules(import, place, command, chain);
}
