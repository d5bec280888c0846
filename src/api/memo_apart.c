/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/memo_apart.h"

#include "api/adopt.h"
#include "api/documents.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

enum {
	WORTHWHILE = 256, /* rules; fewer are compiled as fast with the others */
	GROUP = 300,	  /* rules at a time */
	SPARE = 256
		<< 10 /* bytes that may be compiled again and again, beside twice the document */
};

DEFINE_AUTOCLEAN(struct document, document_free)

void apart_free(struct apart *apart)
{
	array_for_each(group, &apart->groups) {
		ruleset_free(*group);
	}
	array_free(&apart->groups);
	free(apart->rules);
}

static bool has_sets(const struct nft_lines *lines, size_t line)
{
	return lines->shapes.all.v[lines->lines.v[line].shape].sets;
}

size_t apart_count(const struct nft_lines *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->lines.n; i++)
		count += has_sets(lines, i);
	return count;
}

/* All but the plain rules is compiled with each group. */
bool apart_is_worthwhile(const struct nft_lines *lines, size_t count)
{
	return count >= WORTHWHILE && count / GROUP * lines->rest.len <= 2 * lines->length + SPARE;
}

static struct ruleset *compile(const struct nft_lines *lines, const bool *left_out,
			       const unsaid_list *unsaid, const interfaces *devices,
			       struct untrack_error *err)
{
	autoclean(document_free_p) struct document *reduced =
		nft_lines_reduce(lines, left_out, false);

	return reduced ? compile_in_scratch(reduced, unsaid, devices, err) : NULL;
}

/* The rules between the fences of a run, behind the first of which `at` is. */
static bool find_run(struct apart *apart, const struct nft_lines *lines, const bool *left_out,
		     size_t number, const struct table *table, const struct chain *chain,
		     size_t *at)
{
	const struct rule_run *run = &lines->runs.v[number];
	size_t fence;
	bool is_end;

	for (size_t i = run->first; i < run->first + run->count; i++) {
		if (left_out[i])
			continue;
		if (*at == chain->rules.n ||
		    nft_lines_fence(rule_comment(chain->rules.v[*at]), &fence, &is_end))
			return false;
		apart->rules[i] =
			(struct apart_rule){table, chain->rules.v[(*at)++], apart->groups.n - 1};
		apart->count++;
	}
	return *at < chain->rules.n &&
	       nft_lines_fence(rule_comment(chain->rules.v[(*at)++]), &fence, &is_end) && is_end &&
	       fence == number;
}

static bool find_rules(struct apart *apart, const struct nft_lines *lines, const bool *left_out,
		       const struct table *table, const struct chain *chain)
{
	for (size_t at = 0; at < chain->rules.n;) {
		size_t number;
		bool is_end;

		if (!nft_lines_fence(rule_comment(chain->rules.v[at++]), &number, &is_end))
			continue;
		if (is_end || number >= lines->runs.n ||
		    !nft_lines_is_run(lines, number, table, chain) ||
		    !find_run(apart, lines, left_out, number, table, chain, &at))
			return false;
	}
	return true;
}

/* Lines from there on; *ret_end: behind the last. */
static bool compile_group(struct apart *apart, const struct nft_lines *lines, size_t begin,
			  const unsaid_list *unsaid, const interfaces *devices, size_t *ret_end,
			  struct untrack_error *err)
{
	autofree bool *left_out = malloc(lines->lines.n + 1);
	struct ruleset *ruleset;
	size_t count = 0, i;

	if (!left_out)
		return false;
	memset(left_out, true, lines->lines.n);
	for (i = begin; i < lines->lines.n && count < GROUP; i++) {
		left_out[i] = !has_sets(lines, i);
		count += !left_out[i];
	}
	*ret_end = i;
	ruleset = count ? compile(lines, left_out, unsaid, devices, err) : NULL;
	if (!ruleset || !array_push(&apart->groups, ruleset)) {
		ruleset_free(ruleset);
		return !count;
	}
	array_for_each(table, &ruleset->tables) {
		array_for_each(chain, &(*table)->chains) {
			if (!find_rules(apart, lines, left_out, *table, *chain))
				return false;
		}
	}
	return true;
}

bool apart_compile(const struct nft_lines *lines, const unsaid_list *unsaid,
		   const interfaces *devices, struct apart *ret_apart, struct untrack_error *err)
{
	struct apart apart = {.rules = calloc(lines->lines.n + 1, sizeof(*apart.rules))};
	bool ok = apart.rules;

	for (size_t i = 0; ok && i < lines->lines.n;)
		ok = compile_group(&apart, lines, i, unsaid, devices, &i, err);
	if (ok)
		*ret_apart = apart;
	else
		apart_free(&apart);
	return ok;
}

struct rule *apart_take(const struct apart *apart, size_t line, struct table *table,
			const char *chain)
{
	const struct apart_rule *found = &apart->rules[line];
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "__set%zu:", found->group);
	return table_take_sets_of_rule(table, found->table, found->rule, prefix)
		       ? rule_copy_renamed(table->name, chain, found->table, found->rule, prefix)
		       : NULL;
}
