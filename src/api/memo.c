/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/memo.h"

#include "api/documents.h"
#include "api/memo_apart.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "document/nft.h"
#include "document/nft_lines.h"
#include "model/record.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum {
	WORTHWHILE = 200, /* plain rules; fewer are compiled as fast */
	RUNS_MAX = 1000,
	SHAPE_WORTHWHILE = 4 * SHAPE_SAMPLES, /* lines of one shape */
	NEW_MAX = 100, /* so many unknown rules are compiled each time before all is written anew */
};

/* Types of records. */
enum field { FIELD_WORLD = 1, FIELD_REST, FIELD_CHAIN, FIELD_LINE, FIELD_RULE };

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct document, document_free)

void memo_free(struct memo *memo)
{
	free(memo->title);
	buf_free(&memo->note);
}

/* ------------------------------------------------------------------ what rules depend on */

/* What a document is compiled with. */
struct surroundings {
	const unsaid_list *unsaid;
	const interfaces *devices;
};

static void put_file(struct buf *world, const char *path)
{
	struct stat info = {0};

	if (!path || stat(path, &info))
		memset(&info, 0, sizeof(info));
	buf_printf(world, "%s %lld %lld %lld %ld\n", path ? path : "?", (long long)info.st_ino,
		   (long long)info.st_size, (long long)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

/* Beside the document: programs, and files with the numbers of protocols. */
static void describe_world(struct buf *world, const struct surroundings *around)
{
	struct utsname name = {0};

	uname(&name);
	buf_printf(world, "%s\n%s %s\n", UNTRACK_VERSION, name.release, name.version);
	put_file(world, nft_library());
	put_file(world, "/etc/protocols");
	put_file(world, "/etc/nsswitch.conf");
	array_for_each(device, around->devices) {
		buf_printf(world, "%u %s\n", device->index, device->name);
	}
	for (size_t i = 0; around->unsaid && i < around->unsaid->n; i++)
		buf_printf(world, "%s: %s\n", around->unsaid->v[i].title,
			   around->unsaid->v[i].words);
}

/* ------------------------------------------------------------------ what is remembered */

/* A rule of an earlier document. */
struct known {
	struct span chain, line, rule;
};

struct memory {
	struct buf note;
	ARRAY(struct known) rules;
	ARRAY(uint32_t) table;	    /* by hash: index in rules, + 1 */
	const struct known **found; /* for each line of the document; NULL: not known */
	const struct rule **made;   /* for each line: its rule in the ruleset */
	struct rule_shape **shapes; /* for each shape of the document: what was learnt */
	size_t shape_count;
	struct apart apart; /* rules with sets; they are not remembered, and if few not apart */
};

static void memory_free(struct memory *memory)
{
	buf_free(&memory->note);
	array_free(&memory->rules);
	array_free(&memory->table);
	free(memory->found);
	free(memory->made);
	for (size_t i = 0; i < memory->shape_count; i++)
		rule_shape_free(memory->shapes[i]);
	free(memory->shapes);
	apart_free(&memory->apart);
}

static bool is_apart(const struct memory *memory, size_t line)
{
	return memory->apart.count && memory->apart.rules[line].rule;
}

static size_t hash(struct span a, struct span b)
{
	return hash_place(hash_bytes(hash_bytes(HASH_BEGIN, a.data, a.len), b.data, b.len));
}

/* Where a rule is in the table, or would be. */
static uint32_t *slot(struct memory *memory, struct span chain, struct span line)
{
	size_t mask = memory->table.n - 1, at = hash(chain, line) & mask;

	for (;; at = (at + 1) & mask) {
		uint32_t index = memory->table.v[at];

		if (!index || (span_equal(memory->rules.v[index - 1].line, line) &&
			       span_equal(memory->rules.v[index - 1].chain, chain)))
			return &memory->table.v[at];
	}
}

static bool index_rules(struct memory *memory)
{
	size_t size = 64;

	while (size < memory->rules.n * 2)
		size *= 2;
	if (!array_reserve(&memory->table, size))
		return false;
	memory->table.n = size;
	memset(memory->table.v, 0, size * sizeof(*memory->table.v));
	for (size_t i = 0; i < memory->rules.n; i++)
		*slot(memory, memory->rules.v[i].chain, memory->rules.v[i].line) = (uint32_t)i + 1;
	return true;
}

static bool take_note(struct memory *memory, const struct buf *world, const struct nft_lines *lines)
{
	struct span rest = buf_span(&memory->note);
	struct known known = {0};
	struct record record;

	if (!record_next(&rest, &record) || record.type != FIELD_WORLD ||
	    !span_equal(record.body, buf_span(world)) || !record_next(&rest, &record) ||
	    record.type != FIELD_REST || !span_equal(record.body, buf_span(&lines->rest)))
		return false;
	while (record_next(&rest, &record)) {
		if (record.type == FIELD_CHAIN)
			known.chain = record.body;
		else if (record.type == FIELD_LINE)
			known.line = record.body;
		else
			known.rule = record.body;
		if (record.type == FIELD_RULE && !array_push(&memory->rules, known))
			return false;
	}
	return !rest.len && index_rules(memory);
}

static struct span text_span(const char *text, size_t length)
{
	return (struct span){(const uint8_t *)text, length};
}

static const struct text_shape *shape_of(const struct nft_lines *lines, size_t line)
{
	return &lines->shapes.all.v[lines->lines.v[line].shape];
}

/* Fills in what is known. False without memory. */
static bool recall(struct memory *memory, const struct nft_lines *lines, size_t *ret_known)
{
	memory->found = calloc(lines->lines.n + 1, sizeof(*memory->found));
	memory->made = calloc(lines->lines.n + 1, sizeof(*memory->made));
	memory->shapes = calloc(lines->shapes.all.n + 1, sizeof(*memory->shapes));
	*ret_known = 0;
	if (!memory->found || !memory->made || !memory->shapes)
		return false;
	memory->shape_count = lines->shapes.all.n;
	for (size_t i = 0; memory->table.n && i < lines->lines.n; i++) {
		const struct rule_line *line = &lines->lines.v[i];
		const char *chain = lines->runs.v[line->run].chain;
		uint32_t index;

		if (shape_of(lines, i)->used || shape_of(lines, i)->sets)
			continue;
		index = *slot(memory, text_span(chain, strlen(chain)),
			      text_span(line->text, line->length));
		if (index)
			memory->found[i] = &memory->rules.v[index - 1];
		*ret_known += index != 0;
	}
	return true;
}

/* ------------------------------------------------------------------ putting together */

static struct rule *remembered_rule(const struct rule_run *run, struct span known)
{
	struct rule *rule = rule_new();

	if (!rule)
		return NULL;
	buf_reserve_exactly(&rule->attrs, known.len + 2 * (NLA_HDRLEN + NLA_ALIGNTO) +
						  strlen(run->table_name) +
						  strlen(run->chain_name));
	attr_put_text(&rule->attrs, NFTA_RULE_TABLE, run->table_name);
	attr_put_text(&rule->attrs, NFTA_RULE_CHAIN, run->chain_name);
	buf_put(&rule->attrs, known.data, known.len);
	if (!rule->attrs.failed)
		return rule;
	rule_free(rule);
	return NULL;
}

typedef ARRAY(struct rule *) rules;

/* From the samples in front of a run's own rules. False if they show no shape. */
static bool learn_shape(const struct text_shape *shape, struct chain *chain, size_t *at,
			struct rule_shape **ret_learnt)
{
	shape_values values = {0};
	autobuf text = {0};
	bool ok = *at + SHAPE_SAMPLES <= chain->rules.n;

	for (size_t i = 0; ok && i < SHAPE_SAMPLES; i++)
		ok = text_shape_sample(shape, i, &values, &text);
	if (ok)
		*ret_learnt =
			rule_shape_learn(chain->rules.v + *at, values.v, values.n / SHAPE_SAMPLES);
	array_free(&values);
	if (!ok || !*ret_learnt)
		return false;
	*at += SHAPE_SAMPLES;
	return true;
}

static bool learn_shapes(const struct nft_lines *lines, struct memory *memory, size_t run,
			 struct chain *chain, size_t *at)
{
	for (size_t i = 0; i < lines->shapes.all.n; i++) {
		const struct text_shape *shape = &lines->shapes.all.v[i];

		if (shape->used && shape->run == run &&
		    !learn_shape(shape, chain, at, &memory->shapes[i]))
			return false;
	}
	return true;
}

static struct rule *make_rule(const struct nft_lines *lines, const struct memory *memory,
			      size_t line)
{
	const struct rule_shape *shape = memory->shapes[lines->lines.v[line].shape];

	return shape ? rule_shape_make(shape, lines->shapes.values.v + lines->lines.v[line].values)
		     : NULL;
}

/* The rules of one run: those remembered, and in between those that were compiled. `at` is behind its
 * first fence; false if what was compiled is not what was asked for. */
static bool fill_run(const struct nft_lines *lines, struct memory *memory, size_t number,
		     struct table *table, struct chain *chain, size_t *at, rules *ret)
{
	const struct rule_run *run = &lines->runs.v[number];
	size_t fence;
	bool is_end;

	if (!learn_shapes(lines, memory, number, chain, at))
		return false;
	for (size_t i = run->first; i < run->first + run->count; i++) {
		const struct known *known = memory->found[i];
		struct rule *rule = NULL;

		if (shape_of(lines, i)->used) {
			rule = make_rule(lines, memory, i);
		} else if (is_apart(memory, i)) {
			rule = apart_take(&memory->apart, i, table, chain->name);
		} else if (known) {
			rule = remembered_rule(run, known->rule);
		} else if (*at < chain->rules.n &&
			   !nft_lines_fence(rule_comment(chain->rules.v[*at]), &fence, &is_end)) {
			rule = chain->rules.v[*at];
			chain->rules.v[(*at)++] = NULL;
		}
		if (!rule || !array_push(ret, rule)) {
			rule_free(rule);
			return false;
		}
		memory->made[i] = rule;
	}
	return *at < chain->rules.n &&
	       nft_lines_fence(rule_comment(chain->rules.v[(*at)++]), &fence, &is_end) && is_end &&
	       fence == number;
}

static bool fill_chain(const struct nft_lines *lines, struct memory *memory, struct table *table,
		       struct chain *chain, size_t *runs_left)
{
	rules all = {0};
	bool ok = true;

	for (size_t at = 0; ok && at < chain->rules.n;) {
		struct rule *rule = chain->rules.v[at];
		size_t number;
		bool is_end;

		if (!nft_lines_fence(rule_comment(rule), &number, &is_end)) {
			ok = array_push(&all, rule);
			chain->rules.v[at++] = ok ? NULL : rule;
			continue;
		}
		at++;
		ok = !is_end && number < lines->runs.n &&
		     nft_lines_is_run(lines, number, table, chain) &&
		     fill_run(lines, memory, number, table, chain, &at, &all);
		(*runs_left)--;
	}
	array_for_each(rule, &chain->rules) {
		rule_free(*rule);
	}
	array_free(&chain->rules);
	chain->rules.v = all.v;
	chain->rules.n = all.n;
	chain->rules.capacity = all.capacity;
	return ok;
}

static bool fill(const struct nft_lines *lines, struct memory *memory, struct ruleset *ruleset)
{
	size_t runs_left = lines->runs.n;

	array_for_each(table, &ruleset->tables) {
		array_for_each(chain, &(*table)->chains) {
			if (!fill_chain(lines, memory, *table, *chain, &runs_left))
				return false;
		}
	}
	if (!array_reserve(&ruleset->shapes, memory->shape_count))
		return false;
	for (size_t i = 0; i < memory->shape_count; i++)
		if (memory->shapes[i])
			ruleset->shapes.v[ruleset->shapes.n++] = steal_pointer(&memory->shapes[i]);
	return !runs_left;
}

/* ------------------------------------------------------------------ remembering */

static void put_rule(struct buf *note, const struct rule *rule)
{
	size_t begin = record_begin(note, FIELD_RULE);

	attr_for_each(item, buf_span(&rule->attrs)) {
		if (item.type == NFTA_RULE_EXPRESSIONS || item.type == NFTA_RULE_USERDATA)
			attr_put(note, item.type, item.body.data, item.body.len);
	}
	record_end(note, begin);
}

static void write_note(const struct buf *world, const struct nft_lines *lines,
		       const struct memory *memory, struct buf *note)
{
	record_put(note, FIELD_WORLD, world->data, world->len);
	record_put(note, FIELD_REST, lines->rest.data, lines->rest.len);
	for (size_t r = 0; r < lines->runs.n; r++) {
		const struct rule_run *run = &lines->runs.v[r];

		record_put(note, FIELD_CHAIN, run->chain, strlen(run->chain));
		for (size_t i = run->first; i < run->first + run->count; i++) {
			if (shape_of(lines, i)->used || shape_of(lines, i)->sets)
				continue;
			record_put(note, FIELD_LINE, lines->lines.v[i].text,
				   lines->lines.v[i].length);
			put_rule(note, memory->made[i]);
		}
	}
}

/* ------------------------------------------------------------------ compiling */

static struct ruleset *compile(const struct nft_lines *lines, const struct memory *memory,
			       const struct surroundings *around, struct untrack_error *err)
{
	autofree bool *known = calloc(lines->lines.n + 1, sizeof(*known));
	autoclean(document_free_p) struct document *reduced = NULL;

	for (size_t i = 0; known && i < lines->lines.n; i++)
		known[i] = memory->found[i] || shape_of(lines, i)->used || is_apart(memory, i);
	reduced = known ? nft_lines_reduce(lines, known, true) : NULL;
	return reduced ? compile_in_scratch(reduced, around->unsaid, around->devices, err) : NULL;
}

/* Which shapes shall be learnt. How many lines are made by them. */
static size_t use_shapes(struct nft_lines *lines, bool use)
{
	size_t count = 0;

	array_for_each(shape, &lines->shapes.all) {
		shape->used = use && !shape->sets && shape->lines >= SHAPE_WORTHWHILE;
		count += shape->used ? shape->lines : 0;
	}
	return count;
}

/* NULL also where a shape could not be learnt: then without shapes. */
static struct ruleset *compile_lines(struct store *store, struct nft_lines *lines, bool use,
				     const struct surroundings *around, struct memo *memo)
{
	__attribute__((cleanup(memory_free))) struct memory memory = {0};
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	autoerror ignored = ERROR_INIT; /* whoever compiles it whole will meet it too */
	size_t shaped = use_shapes(lines, use), known = 0, sets = apart_count(lines);
	autobuf world = {0};

	if ((use && !shaped) ||
	    (apart_is_worthwhile(lines, sets) &&
	     !apart_compile(lines, around->unsaid, around->devices, &memory.apart, &ignored)))
		return NULL;
	shaped += sets;
	describe_world(&world, around);
	if (shaped < lines->lines.n && (!store_load_note(store, memo->title, &memory.note) ||
					!take_note(&memory, &world, lines)))
		memory.rules.n = memory.table.n = 0;
	if (recall(&memory, lines, &known))
		ruleset = compile(lines, &memory, around, &ignored);
	if (!ruleset || !fill(lines, &memory, ruleset))
		return NULL;
	memo->used = known || shaped;
	if (lines->lines.n - known - shaped > NEW_MAX)
		write_note(&world, lines, &memory, &memo->note);
	return steal_pointer(&ruleset);
}

struct ruleset *memo_compile(struct store *store, const struct document *document,
			     const unsaid_list *unsaid, const interfaces *devices,
			     struct memo *ret_memo)
{
	const struct surroundings around = {unsaid, devices};
	struct ruleset *ruleset = NULL;
	struct memo memo = {0};
	autolines own = {0};
	struct nft_lines *lines = document->rules ? document->rules : &own;

	if ((!document->rules && !nft_lines_read(document, &own)) || lines->lines.n < WORTHWHILE ||
	    lines->runs.n > RUNS_MAX ||
	    asprintf(&memo.title, "compiled %s", lines->runs.v[0].chain) < 0)
		return NULL;
	ruleset = compile_lines(store, lines, true, &around, &memo);
	if (!ruleset)
		ruleset = compile_lines(store, lines, false, &around, &memo);
	if (ruleset)
		*ret_memo = memo;
	else
		memo_free(&memo);
	return ruleset;
}

void memo_save(struct store *store, const struct memo *memo)
{
	autoerror ignored = ERROR_INIT;

	if (memo->note.len && !memo->note.failed)
		store_save_note(store, memo->title, &memo->note, &ignored);
}
