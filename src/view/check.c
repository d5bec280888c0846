/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/check.h"

#include "base/buf.h"
#include "model/ruleset.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

void expectations_free(expectations *list)
{
	array_for_each(one, list) {
		free(one->found);
	}
	array_free(list);
}

bool view_check_ok(const struct findings *findings, const expectations *expected)
{
	array_for_each(one, expected) {
		if (!one->ok)
			return false;
	}
	return !findings_count(findings, SEVERITY_ERROR);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *finding_json(const struct finding *finding)
{
	json_t *json = json_pack(
		"{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:s, s:s}", "code", finding->code,
		"severity", severity_name(finding->severity), "service", finding->service, "family",
		finding->family ? family_name(finding->family) : NULL, "table", finding->table,
		"chain", finding->chain, "handle",
		finding->handle ? json_integer((json_int_t)finding->handle) : json_null(),
		"message", finding->message, "remedy", finding->remedy);

	return json;
}

static json_t *expectation_json(const struct expectation *one)
{
	return json_pack("{s:s, s:s, s:b, s:s*}", "packet", one->packet, "is",
			 one->untracked ? "untracked" : "tracked", "ok", one->ok, "found",
			 one->found);
}

char *view_check_json(const struct findings *findings, const expectations *expected)
{
	json_t *found = json_array(), *expect = json_array(), *all;
	bool ok = found && expect;
	char *text;

	array_for_each(finding, &findings->list) {
		ok = ok && !json_array_append_new(found, finding_json(finding));
	}
	array_for_each(one, expected) {
		ok = ok && !json_array_append_new(expect, expectation_json(one));
	}
	all = json_pack("{s:b, s:o, s:o}", "ok", view_check_ok(findings, expected), "findings",
			found, "expect", expect);
	text = ok && all ? json_dumps(all, 0) : NULL;
	json_decref(all);
	return text;
}

/* --- text ------------------------------------------------------------------------------------- */

static void put_finding(struct buf *out, const struct finding *finding)
{
	buf_printf(out, "%s: %s: %s\n", severity_name(finding->severity), finding->code,
		   finding->message);
	if (finding->table) {
		buf_printf(out, "  at: %s %s %s", family_name(finding->family), finding->table,
			   finding->chain);
		if (finding->handle)
			buf_printf(out, " handle %llu", (unsigned long long)finding->handle);
		buf_putc(out, '\n');
	}
	buf_printf(out, "  remedy: %s\n", finding->remedy);
}

static void put_expectation(struct buf *out, const struct expectation *one)
{
	const char *word = one->untracked ? "untracked" : "tracked";

	if (one->ok)
		buf_printf(out, "expect: ok: %s is %s\n", one->packet, word);
	else
		buf_printf(out, "expect: failed: %s is not %s: %s\n", one->packet, word,
			   one->found ? one->found : "");
}

char *view_check_text(const struct findings *findings, const expectations *expected)
{
	size_t errors = findings_count(findings, SEVERITY_ERROR);
	struct buf out = {0};

	array_for_each(finding, &findings->list) {
		put_finding(&out, finding);
	}
	array_for_each(one, expected) {
		put_expectation(&out, one);
	}
	if (!findings->list.n && view_check_ok(findings, expected))
		buf_puts(&out, "nothing found: the document can be applied\n");
	else if (findings->list.n)
		buf_printf(&out, "%zu error%s, %zu warning%s, %zu note%s\n", errors,
			   errors == 1 ? "" : "s", findings_count(findings, SEVERITY_WARNING),
			   findings_count(findings, SEVERITY_WARNING) == 1 ? "" : "s",
			   findings_count(findings, SEVERITY_NOTE),
			   findings_count(findings, SEVERITY_NOTE) == 1 ? "" : "s");
	return buf_steal_text(&out);
}
