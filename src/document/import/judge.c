/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What iptables itself refuses is refused: the shapes are loaded by iptables-restore in the scratch
 * namespace, by the kernel's own xtables where it has them. Then iptables-restore-translate is
 * asked. Each is one process for all shapes; one that is refused is left out, and the rest asked
 * again.
 */
#include "base/cleanup.h"
#include "document/import/process.h"
#include "document/import/translate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Markers stand where a match or the target is translated by ourselves: a mark is something that
 * the tool translates in one way only. */
#define MATCH_MARKER 0x5eed0000u
#define TARGET_MARKER 0x5eedff00u

struct input {
	struct buf text;
	ARRAY(size_t) lines; /* the shape of each line behind the head */
	unsigned head;	     /* lines before the first rule */
};

static void input_free(struct input *input)
{
	buf_free(&input->text);
	array_free(&input->lines);
}

static void put_chains(const struct translation *t, struct input *input, bool tool)
{
	buf_puts(&input->text, "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
	input->head = 3;
	array_for_each(chain, &t->table->chains) {
		if ((*chain)->builtin)
			continue;
		buf_putc(&input->text, ':');
		if (tool)
			put_tool_chain(t, *chain, &input->text);
		else
			buf_puts(&input->text, (*chain)->name);
		buf_puts(&input->text, " - [0:0]\n");
		input->head++;
	}
}

/* ---- iptables-restore ---- */
static bool put_judged(const struct translation *t, struct input *input, size_t limit)
{
	put_chains(t, input, false);
	for (size_t i = 0; i < t->shapes.n && i < limit; i++) {
		const struct shape *shape = &t->shapes.v[i];

		if (!shape_lives(shape))
			continue;
		buf_puts(&input->text, "-A ");
		put_quoted(&input->text, shape->chain->name);
		spec_put_words(shape->spec, &input->text, WORDS_JUDGE);
		buf_putc(&input->text, '\n');
		if (!array_push(&input->lines, i))
			return false;
	}
	buf_puts(&input->text, "COMMIT\n");
	return !input->text.failed;
}

enum verdict { VERDICT_FAIR, VERDICT_LINE, VERDICT_SOMEWHERE, VERDICT_NO_JUDGE };

/* The line that it complains of: "line 7 failed", "Error occurred at line: 7", "line 7: …". */
static unsigned complaint_line(const char *errors)
{
	unsigned line = 0;
	const char *at = strstr(errors, "Error occurred at line:");

	if (at && sscanf(at, "Error occurred at line: %u", &line) == 1)
		return line;
	for (at = strstr(errors, "line "); at; at = strstr(at + 1, "line "))
		if (sscanf(at, "line %u", &line) == 1)
			return line;
	return 0;
}

/* "iptables-restore v1.8.9 (legacy): the reason", perhaps with warnings about other lines before
 * it. */
static char *complaint_reason(const char *errors)
{
	const char *reason = NULL;
	size_t length;

	for (const char *at = errors; *at; at += at[0] == '\n') {
		const char *colon = strstr(at, "): ");

		length = strcspn(at, "\n");
		if (colon && colon < at + length)
			reason = colon + 3;
		else if (!reason && length && strncasecmp(at, "warn", 4))
			reason = at;
		at += length;
	}
	reason = reason ? reason : errors;
	length = strcspn(reason, "\n");
	while (length && isspace((unsigned char)reason[length - 1]))
		length--;
	return strndup(reason, length);
}

static bool ask_judge(struct translation *t, const char *path, size_t limit,
		      enum verdict *ret_verdict, size_t *ret_shape, char **ret_reason,
		      struct untrack_error *err)
{
	const char *const argv[] = {path, "-w", "5", NULL};
	autoclean(input_free) struct input input = {0};
	autoprocess result = {0};
	unsigned line;

	if (!put_judged(t, &input, limit))
		return error_memory(err);
	if (!process_run(&t->ns, path, argv, &input.text, &result, err))
		return false;
	*ret_verdict = VERDICT_FAIR;
	if (!result.status)
		return true;
	line = complaint_line(buf_text(&result.errors));
	if (line > input.head && line <= input.head + input.lines.n) {
		*ret_verdict = VERDICT_LINE;
		*ret_shape = input.lines.v[line - input.head - 1];
		*ret_reason = complaint_reason(buf_text(&result.errors));
		return *ret_reason || error_memory(err);
	}
	/* COMMIT itself: the kernel refused, and does not say which rule */
	*ret_verdict = line > input.head ? VERDICT_SOMEWHERE : VERDICT_NO_JUDGE;
	return true;
}

/* The first shape with which the kernel refuses: a chain of rules is fair up to there. */
static bool find_culprit(struct translation *t, const char *path, size_t *ret_shape,
			 struct untrack_error *err)
{
	size_t fair = 0, unfair = t->shapes.n, shape;
	enum verdict verdict;

	while (unfair - fair > 1) {
		size_t middle = fair + (unfair - fair) / 2;
		autofree char *reason = NULL;

		if (!ask_judge(t, path, middle, &verdict, &shape, &reason, err))
			return false;
		if (verdict == VERDICT_FAIR)
			fair = middle;
		else
			unfair = middle;
	}
	*ret_shape = unfair - 1;
	return true;
}

static bool is_tracking(const struct shape *shape)
{
	const char *name = shape->spec->jump;

	return name && (!strcmp(name, "CT") || !strcmp(name, "NOTRACK"));
}

/* True with *ret_judged false where this program cannot judge here. */
static bool judge_by(struct translation *t, const char *name, bool *ret_judged,
		     struct untrack_error *err)
{
	autofree char *path = process_find(name);

	*ret_judged = false;
	if (!path)
		return true;
	for (;;) {
		autofree char *reason = NULL;
		enum verdict verdict;
		size_t shape = 0;

		if (!ask_judge(t, path, t->shapes.n, &verdict, &shape, &reason, err))
			return false;
		*ret_judged = verdict != VERDICT_NO_JUDGE;
		if (verdict == VERDICT_FAIR || verdict == VERDICT_NO_JUDGE)
			return true;
		if (verdict == VERDICT_SOMEWHERE && !find_culprit(t, path, &shape, err))
			return false;
		if (!shape_lives(&t->shapes.v[shape]))
			return error_set(err, ERROR_SYSTEM, "%s refuses the empty table", path);
		shape_refuse(&t->shapes.v[shape], "iptables refuses it: %s",
			     reason ? reason
			     : is_tracking(&t->shapes.v[shape])
				     ? "the kernel does not take such a rule here (is there such a "
				       "helper or "
				       "timeout policy?)"
				     : "the kernel does not take such a rule here");
	}
}

bool translation_judge(struct translation *t, struct untrack_error *err)
{
	const char *const six[] = {"ip6tables-legacy-restore", "ip6tables-nft-restore"};
	const char *const four[] = {"iptables-legacy-restore", "iptables-nft-restore"};
	const char *const *names = t->family == INET_V6 ? six : four;
	bool judged = false;

	if (!netns_scratch(&t->ns, err))
		return false;
	for (size_t i = 0; i < 2 && !judged; i++) {
		/* the second finds the namespace as the first left it: without rules */
		if (!judge_by(t, names[i], &judged, err))
			return false;
	}
	return true;
}

/* ---- iptables-restore-translate ---- */
static const struct own_text *own_of(const struct shape *shape, size_t match)
{
	array_for_each(own, &shape->owns)
		if (own->match == match)
			return own;
	return NULL;
}

/* The shape's words with markers for what is our own. Matches without options say nothing more than
 * -p does (the tool forgets -p for some of them). */
static void put_asked(const struct translation *t, const struct shape *shape, struct buf *b)
{
	autoclean(spec_free_p) struct spec *spec = spec_copy(shape->spec);
	size_t kept = 0;

	if (!spec) {
		b->failed = true;
		return;
	}
	/* The header alone, then match by match. */
	free(steal_pointer(&spec->jump));
	for (size_t i = 0; i < spec->matches.n; i++) {
		array_for_each(use, &spec->matches.v[i].uses) {
			free(use->value[0]);
			free(use->value[1]);
		}
		array_free(&spec->matches.v[i].uses);
	}
	spec->matches.n = 0;
	spec_put_words(spec, b, WORDS_SHAPE);
	for (size_t i = 0; i < shape->spec->matches.n; i++) {
		struct spec one = {.family = spec->family, .protocol_number = -1};

		if (!shape->spec->matches.v[i].uses.n && !own_of(shape, i))
			continue;
		if (own_of(shape, i)) {
			buf_printf(b, " -m mark --mark 0x%x", MATCH_MARKER + (unsigned)kept++);
			continue;
		}
		one.matches.v = &shape->spec->matches.v[i];
		one.matches.n = 1;
		spec_put_words(&one, b, WORDS_ALL);
	}
	if (own_of(shape, SIZE_MAX)) {
		buf_printf(b, " -j MARK --set-xmark 0x%x", TARGET_MARKER);
	} else if (shape->spec->target.extension) {
		struct spec one = {.family = spec->family,
				   .protocol_number = -1,
				   .jump = shape->spec->jump,
				   .target = shape->spec->target};

		spec_put_words(&one, b, WORDS_ALL);
	} else if (shape->spec->jump && !strcmp(shape->spec->jump, "QUEUE")) {
		buf_puts(b, " -j NFQUEUE --queue-num 0"); /* the same by its later name */
	} else if (shape->spec->jump) {
		const struct raw_chain *chain = table_chain(t->table, shape->spec->jump);

		buf_printf(b, " -%c ", shape->spec->is_goto ? 'g' : 'j');
		if (chain)
			put_tool_chain(t, chain, b);
		else
			buf_puts(b, shape->spec->jump);
	}
}

static bool put_all_asked(const struct translation *t, struct input *input)
{
	put_chains(t, input, true);
	for (size_t i = 0; i < t->shapes.n; i++) {
		const struct shape *shape = &t->shapes.v[i];

		if (!shape_lives(shape))
			continue;
		buf_puts(&input->text, "-A ");
		put_tool_chain(t, shape->chain, &input->text);
		/* First, so that whatever follows cannot be taken for it. */
		buf_printf(&input->text, " -m comment --comment untrack-%zu", i);
		put_asked(t, shape, &input->text);
		buf_putc(&input->text, '\n');
		if (!array_push(&input->lines, i))
			return false;
	}
	buf_puts(&input->text, "COMMIT\n");
	return !input->text.failed;
}

/* `add rule ip raw CHAIN matches counter target comment "untrack-N"` */
static bool take_answer(struct translation *t, const char *line, size_t length)
{
	static const char begin[] = "add rule ", mark[] = " comment \"untrack-";
	autofree char *copy = strndup(line, length);
	char *comment, *rest, *counter;
	struct shape *shape;
	size_t index;

	if (!copy)
		return false;
	comment = strstr(copy, mark);
	if (strncmp(copy, begin, strlen(begin)) || !comment ||
	    sscanf(comment + strlen(mark), "%zu\"", &index) != 1 || index >= t->shapes.n)
		return true;
	*comment = 0;
	shape = &t->shapes.v[index];
	rest = copy + strlen(begin);
	for (int words = 0; rest && words < 3; words++) { /* family, table, chain */
		rest = strchr(rest, ' ');
		rest = rest ? rest + 1 : NULL;
	}
	counter = rest ? strstr(rest, "counter") : NULL;
	if (!counter || (counter != rest && counter[-1] != ' '))
		return true;
	if (shape->answer) {
		shape_refuse(shape,
			     "iptables makes several rules of it; write its addresses as numbers");
		return true;
	}
	*counter = 0;
	shape->answer = strdup(rest);
	shape->target = strdup(counter + strlen("counter"));
	return shape->answer && shape->target;
}

static bool take_answers(struct translation *t, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (!take_answer(t, text, length))
			return false;
		text += length;
		text += *text == '\n';
	}
	return true;
}

/* One run. *ret_done: nothing was refused by it. */
static bool ask_tool(struct translation *t, const char *path, bool *ret_done,
		     struct untrack_error *err)
{
	const char *const argv[] = {path, "-f", "/dev/stdin", NULL};
	autoclean(input_free) struct input input = {0};
	autoprocess result = {0};
	autofree char *reason = NULL;
	unsigned line;

	if (!put_all_asked(t, &input))
		return error_memory(err);
	if (!process_run(&t->ns, path, argv, &input.text, &result, err))
		return false;
	*ret_done = !result.status;
	if (*ret_done)
		return take_answers(t, buf_text(&result.output)) || error_memory(err);
	line = complaint_line(buf_text(&result.errors));
	reason = complaint_reason(buf_text(&result.errors));
	if (!reason)
		return error_memory(err);
	if (line <= input.head || line > input.head + input.lines.n)
		return error_set(err, ERROR_SYSTEM, "%s failed: %s", path, reason);
	shape_refuse(&t->shapes.v[input.lines.v[line - input.head - 1]], "iptables refuses it: %s",
		     reason);
	return true;
}

bool translation_ask(struct translation *t, struct untrack_error *err)
{
	const char *name =
		t->family == INET_V6 ? "ip6tables-restore-translate" : "iptables-restore-translate";
	autofree char *path = process_find(name);
	bool done = false;

	if (!path)
		return error_set(
			err, ERROR_SYSTEM,
			"%s is not there; install the package 'iptables' (1.8.7 or later), which "
			"has it",
			name);
	while (!done)
		if (!ask_tool(t, path, &done, err))
			return false;
	array_for_each(shape, &t->shapes) {
		if (shape_lives(shape) && !shape->answer)
			shape_refuse(shape, "%s has no translation for it", name);
		if (shape_lives(shape))
			shape_check(t, shape);
	}
	return true;
}
