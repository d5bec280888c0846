/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chain behind connection tracking, where nf_tables sets helpers, timeouts and events: a copy
 * of the raw chain that holds those CT rules, in order, and what keeps a packet from them: ACCEPT,
 * RETURN, goto, earlier CT rules (the first one counts), and jumps to chains with such rules.
 */
#include "base/cleanup.h"
#include "document/import/translate.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64

static const struct raw_chain *chain_of(const struct translation *t, const struct shape *shape)
{
	return shape->spec->jump && !shape->spec->target.extension
		       ? table_chain(t->table, shape->spec->jump)
		       : NULL;
}

static bool jumps(const struct shape *shape, const char *name)
{
	return shape->spec->jump && !strcmp(shape->spec->jump, name);
}

/* CT rules attach something, unless they are --notrack: an untracked packet gets no entry, so what
 * follows behind tracking does nothing to it. */
static bool attaches(const struct shape *shape)
{
	return jumps(shape, "CT") && shape->target && strcmp(shape->target, "notrack");
}

static bool has_late(const struct translation *t, const struct raw_chain *chain, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return false;
	array_for_each(rule, &chain->rules) {
		const struct shape *shape = &t->shapes.v[(*rule)->shape];
		const struct raw_chain *to = chain_of(t, shape);

		if (!shape_lives(shape))
			continue;
		if (attaches(shape) || jumps(shape, "ACCEPT") || jumps(shape, "QUEUE") ||
		    (to && has_late(t, to, depth + 1)))
			return true;
	}
	return false;
}

bool chain_has_late(const struct translation *t, const struct raw_chain *chain)
{
	return t->has_late && has_late(t, chain, 0);
}

static bool has_target(const struct translation *t, const char *first, const char *second)
{
	array_for_each(shape, &t->shapes)
		if (jumps(shape, first) || jumps(shape, second))
			return true;
	return false;
}

/* A match that would not say the same again behind tracking; NULL: all would. */
static const char *not_again(const struct translation *t, const struct shape *shape)
{
	static const char *const names[] = {"limit",	 "hashlimit", "connlimit", "quota",
					    "statistic", "conntrack", "state",	   "connmark",
					    "connbytes", "connlabel", "helper"};

	array_for_each(piece, &shape->spec->matches) {
		const char *name = piece->extension->name;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(name, names[i]))
				return name;
		if ((!strcmp(name, "mark") && has_target(t, "MARK", "CONNMARK")) ||
		    (!strcmp(name, "set") && has_target(t, "SET", "SET")))
			return name;
	}
	return NULL;
}

static bool set_target(struct shape *shape, const char *statements, const char *verdict,
		       const char *chain)
{
	free(shape->late_target);
	if (asprintf(&shape->late_target, "%s%s%s%s", statements ? statements : "", verdict,
		     chain ? chain : "", chain ? LATE_ENDING : "") >= 0)
		return true;
	shape->late_target = NULL;
	return false;
}

static bool plan_shape(struct translation *t, struct shape *shape)
{
	const struct raw_chain *to = chain_of(t, shape);
	const char *again;
	bool ok = true;

	if (attaches(shape)) {
		shape->late = LATE_SET;
		ok = set_target(shape, shape->late_statements, "accept", NULL);
	} else if (jumps(shape, "ACCEPT") || jumps(shape, "QUEUE") || jumps(shape, "RETURN")) {
		shape->late = LATE_VERDICT;
		ok = set_target(shape, NULL, jumps(shape, "RETURN") ? "return" : "accept", NULL);
	} else if (to && shape->spec->is_goto) {
		shape->late = LATE_VERDICT;
		ok = chain_has_late(t, to) ? set_target(shape, NULL, "goto ", to->safe)
					   : set_target(shape, NULL, "return", NULL);
	} else if (to && chain_has_late(t, to)) {
		shape->late = LATE_JUMP;
		ok = set_target(shape, NULL, "jump ", to->safe);
	}
	again = shape->late == LATE_NONE ? NULL : not_again(t, shape);
	if (again)
		shape_refuse(
			shape,
			"-m %s: helpers, timeouts and events are set behind connection tracking, "
			"where this cannot be asked a second time",
			again);
	return ok;
}

/* In a chain of the table's own, verdicts behind the last rule that matters do not matter. */
static void forget_rest(struct translation *t, const struct raw_chain *chain, bool *matters)
{
	bool needed = !chain->builtin;

	for (size_t i = chain->rules.n; i-- > 0;) {
		size_t index = chain->rules.v[i]->shape;
		const struct shape *shape = &t->shapes.v[index];
		const struct raw_chain *to = chain_of(t, shape);

		needed |= attaches(shape) || (to && chain_has_late(t, to));
		matters[index] |= needed;
	}
}

bool translation_late(struct translation *t, struct untrack_error *err)
{
	autofree bool *matters = NULL;

	t->has_late = false;
	array_for_each(shape, &t->shapes)
		t->has_late |= shape_lives(shape) && shape->late_statements;
	if (!t->has_late)
		return true;
	matters = calloc(t->shapes.n + 1, sizeof(*matters));
	if (!matters)
		return error_memory(err);
	array_for_each(chain, &t->table->chains)
		if (chain_has_late(t, *chain))
			forget_rest(t, *chain, matters);
	for (size_t i = 0; i < t->shapes.n; i++)
		if (matters[i] && shape_lives(&t->shapes.v[i]) && !plan_shape(t, &t->shapes.v[i]))
			return error_memory(err);
	return true;
}
