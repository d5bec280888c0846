/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the JSON mean the same? What the kernel holds of it is compared with what it holds of the
 * text, instruction by instruction. */
#include "base/cleanup.h"
#include "document/import/translate.h"
#include "document/nft.h"

#include <stdio.h>
#include <string.h>

/* Numbers of rules and of anonymous sets, and which of two equal ways a protocol is read, do not
 * matter. */
static void put_line(struct buf *b, const char *line, size_t length)
{
	static const char *const same[][2] = {
		{"payload load 1b @ network header + 9 =>", "meta load l4proto =>"},
	};
	const char *end = line + length;

	while (line < end) {
		size_t skip = 0;

		for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			if (!strncmp(line, same[i][0], strlen(same[i][0]))) {
				buf_puts(b, same[i][1]);
				skip = strlen(same[i][0]);
			}
		if (!skip && (!strncmp(line, "__set", 5) || !strncmp(line, "__map", 5))) {
			buf_puts(b, "__set");
			skip = 5 + strspn(line + 5, "0123456789");
		}
		if (!skip)
			buf_putc(b, *line++);
		line += skip;
	}
	buf_putc(b, '\n');
}

/* A rule's heading, "ip untrack_raw PREROUTING 4 3", without the numbers. */
static bool is_heading(const struct translation *t, const char *line, size_t length,
		       size_t *ret_length)
{
	autofree char *copy = strndup(line, length), *begin = NULL;
	char *end;

	if (!copy || asprintf(&begin, "%s " IMPORT_TABLE " ", ip_word(t->family)) < 0 ||
	    strncmp(copy, begin, strlen(begin)) || copy[strlen(begin)] == '@')
		return false;
	end = strchr(copy + strlen(begin), ' ');
	*ret_length = end ? (size_t)(end - copy) : length;
	return true;
}

static int compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* A set's elements have no order. */
static bool put_elements(const char **listing, struct buf *b)
{
	ARRAY(char *) lines = {0};
	bool ok = true;

	while (ok && !strncmp(*listing, "\telement ", 9)) {
		size_t length = strcspn(*listing, "\n");
		char *line = strndup(*listing, length);

		ok = line && array_push(&lines, line);
		*listing += length;
		*listing += **listing == '\n';
	}
	if (lines.n)
		qsort(lines.v, lines.n, sizeof(*lines.v), compare_lines);
	array_for_each(line, &lines) {
		put_line(b, *line, strlen(*line));
		free(*line);
	}
	array_free(&lines);
	return ok;
}

/* A match on a TCP option looks at TCP packets only (nft_exthdr.c), said or not. */
static const char *skip_implied(const char *listing)
{
	static const char tcp[] =
		"  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000006 ]\n";
	static const char ip_tcp[] = "  [ payload load 1b @ network header + 9 => reg 1 ]\n  [ cmp "
				     "eq reg 1 0x00000006 ]\n";
	const char *end, *option;

	if (strncmp(listing, tcp, strlen(tcp)) && strncmp(listing, ip_tcp, strlen(ip_tcp)))
		return listing;
	/* "missing" is true of other packets, too */
	option = strstr(listing, "[ exthdr load tcpopt ");
	if (option && strstr(option, " present => ") &&
	    strstr(option, " present => ") < option + strcspn(option, "\n") &&
	    strncmp(option + strcspn(option, "\n"), "\n  [ cmp eq reg 1 0x00000001 ]", 30))
		return listing;
	for (end = listing; !strncmp(end, "  [", 3); end += *end == '\n')
		end += strcspn(end, "\n");
	if (!option || option > end)
		return listing;
	return strchr(strchr(listing, '\n') + 1, '\n') + 1;
}

/* ---- the protocol's place ---- */

struct lines {
	ARRAY(char *) v;
};

static void lines_free(struct lines *lines)
{
	array_for_each(line, &lines->v)
		free(*line);
	array_free(&lines->v);
}

/* Does it only look? */
static bool is_pure(const char *line)
{
	static const char *const pure[] = {"payload load", "cmp ",	"bitwise ", "range ",
					   "lookup ",	   "meta load", "ct load",  "fib ",
					   "exthdr ",	   "socket ",	"rt load",  "byteorder ",
					   "xfrm load"};

	line += strspn(line, " [");
	for (size_t i = 0; i < sizeof(pure) / sizeof(pure[0]); i++)
		if (!strncmp(line, pure[i], strlen(pure[i])) && !strstr(line, "payload write"))
			return true;
	return false;
}

static bool is_protocol(const struct lines *lines, size_t i)
{
	return i + 1 < lines->v.n && !strcmp(lines->v.v[i], "  [ meta load l4proto => reg 1 ]") &&
	       !strncmp(lines->v.v[i + 1], "  [ cmp eq reg 1 ", 17);
}

/* nft asks for the protocol where it needs it, or where it was told to: among matches that only
 * look that makes no difference, and asking twice neither. It does where a limit or a count is
 * between. */
static void put_rule(struct lines *lines, struct buf *b)
{
	size_t begin = 0;

	while (begin < lines->v.n) {
		size_t end = begin;
		const char *last = NULL;

		while (end < lines->v.n && is_pure(lines->v.v[end]))
			end++;
		for (size_t i = begin; i < end; i++)
			if (is_protocol(lines, i) && (!last || strcmp(last, lines->v.v[i + 1]))) {
				last = lines->v.v[i + 1];
				buf_printf(b, "%s\n%s\n", lines->v.v[i], last);
			}
		for (size_t i = begin; i < end; i++) {
			if (is_protocol(lines, i))
				i++;
			else
				buf_printf(b, "%s\n", lines->v.v[i]);
		}
		if (end < lines->v.n)
			buf_printf(b, "%s\n", lines->v.v[end]);
		begin = end + 1;
	}
}

/* The instructions of one rule: lines that begin with "  [". */
static bool put_instructions(const char **listing, struct buf *b)
{
	autoclean(lines_free) struct lines lines = {0};

	while (!strncmp(*listing, "  [", 3)) {
		autobuf line = {0};
		const char *from = skip_implied(*listing);
		size_t length = strcspn(from, "\n");
		char *text;

		put_line(&line, from, length);
		if (line.len)
			line.data[--line.len] = 0; /* the newline */
		text = buf_steal_text(&line);
		if (!text || !array_push(&lines.v, text)) {
			free(text);
			return false;
		}
		*listing = from + length;
		*listing += **listing == '\n';
	}
	put_rule(&lines, b);
	return true;
}

static bool put_bytecode(const struct translation *t, const char *listing, struct buf *b)
{
	while (*listing && strncmp(listing, "table ", 6)) {
		size_t length, heading;

		if (!put_elements(&listing, b) || !put_instructions(&listing, b))
			return false;
		length = strcspn(listing, "\n");
		if (is_heading(t, listing, length, &heading))
			put_line(b, listing, heading);
		else if (length)
			put_line(b, listing, length);
		listing += length;
		listing += *listing == '\n';
	}
	return true;
}

static bool list_bytecode(const struct translation *t, const struct netns *ns, struct buf *b,
			  struct untrack_error *err)
{
	autofree char *listing = NULL, *command = NULL;

	if (asprintf(&command, "list table %s " IMPORT_TABLE, ip_word(t->family)) < 0) {
		command = NULL;
		return error_memory(err);
	}
	if (!nft_run(ns, command, NFT_BYTECODE | NFT_UTC, &listing, err))
		return false;
	return (put_bytecode(t, listing, b) && !b->failed) || error_memory(err);
}

/* The shape of the rule in which two listings differ; for the message. */
static void note_difference(struct translation *t, const struct buf *was, const struct buf *is)
{
	size_t n = 0, i = 0, headings = 0;

	while (i < was->len && i < is->len && was->data[i] == is->data[i])
		i++;
	for (const char *at = buf_text(was); at && at < buf_text(was) + i; at = strchr(at, '\n')) {
		size_t unused;

		at += *at == '\n';
		headings += is_heading(t, at, strcspn(at, "\n"), &unused);
	}
	array_for_each(shape, &t->shapes)
		if (shape_lives(shape) && ++n == headings)
			t->text_place = shape->place;
	t->text_only = true;
}

bool translation_check_json(struct translation *t, struct untrack_error *err)
{
	autobuf json = {0}, was = {0}, is = {0};
	autoerror refusal = ERROR_INIT;
	autonetns other = NETNS_OWN;

	buf_puts(&json, "{\"nftables\": [\n");
	translation_put_head_json(t, &json);
	for (int late = 0; late < 2; late++)
		array_for_each(shape, &t->shapes) {
			struct rule_values values = {.spec = shape->spec, .counter = true};

			if (shape_lives(shape) && (!late || shape->late != LATE_NONE))
				shape_put_json(t, shape, late, &values, &json);
		}
	buf_puts(&json, "\n]}\n");
	if (!buf_ok(&json, err) || !netns_scratch(&other, err) ||
	    !list_bytecode(t, &t->ns, &was, err))
		return false;
	if (!nft_run(&other, buf_text(&json), 0, NULL, &refusal)) {
		t->text_only = true;
		return true;
	}
	if (!list_bytecode(t, &other, &is, err))
		return false;
	if (strcmp(buf_text(&was), buf_text(&is)))
		note_difference(t, &was, &is);
	return true;
}
