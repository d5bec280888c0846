/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets other than CT. */
#include "base/cleanup.h"
#include "document/import/own.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* nft's text has no way to write a quote or a backslash inside quotes, and takes '$' for a
 * variable. */
static bool put_prefix(struct own *own, const struct use *use)
{
	for (const char *at = use->value[0]; *at; at++) {
		if (!strchr("\"\\$", *at) && !iscntrl((unsigned char)*at))
			continue;
		own_refuse(own, use,
			   "nft cannot write quotes, '$' and control characters in a prefix");
		return false;
	}
	if (*use->value[0])
		buf_printf(&own->text, " prefix \"%s\"", use->value[0]);
	return true;
}

static bool put_level(struct own *own, const struct use *use)
{
	static const struct {
		const char *name, *nft;
	} levels[] = {
		{"emerg", "emerg"},   {"panic", "emerg"}, {"alert", "alert"},  {"crit", "crit"},
		{"err", "err"},	      {"error", "err"},	  {"warning", "warn"}, {"warn", "warn"},
		{"notice", "notice"}, {"info", "info"},	  {"debug", "debug"},
	};
	static const char *const numbers[] = {"emerg", "alert",	 "crit", "err",
					      "warn",  "notice", "info", "debug"};
	const char *word = NULL;
	uint64_t number;

	if (read_number(use->value[0], 7, &number))
		word = numbers[number];
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcasecmp(use->value[0], levels[i].name))
			word = levels[i].nft;
	if (!word) {
		own_refuse(own, use, "expected a level, 0 to 7 or its name");
		return false;
	}
	if (strcmp(word, "warn"))
		buf_printf(&own->text, " level %s", word);
	return true;
}

enum own_answer own_log(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *prefix = use_find(piece, "log-prefix"),
			 *level = use_find(piece, "log-level");
	bool sequence = use_find(piece, "log-tcp-sequence"),
	     options = use_find(piece, "log-tcp-options");

	(void)spec;
	buf_puts(&own->text, "log");
	if ((prefix && !put_prefix(own, prefix)) || (level && !put_level(own, level)))
		return OWN_REFUSED;
	if (sequence || options)
		buf_printf(&own->text, " flags tcp %s%s%s", sequence ? "sequence" : "",
			   sequence && options ? "," : "", options ? "options" : "");
	if (use_find(piece, "log-ip-options"))
		buf_puts(&own->text, " flags ip options");
	if (use_find(piece, "log-uid"))
		buf_puts(&own->text, " flags skuid");
	if (use_find(piece, "log-macdecode"))
		buf_puts(&own->text, " flags ether");
	return OWN_TEXT;
}

enum own_answer own_nflog(struct own *own, const struct spec *spec, const struct piece *piece)
{
	static const struct {
		const char *option, *nft;
		uint32_t max;
	} numbers[] = {{"nflog-group", "group", 65535},
		       {"nflog-size", "snaplen", UINT32_MAX},
		       {"nflog-threshold", "queue-threshold", 65535}};
	const struct use *prefix = use_find(piece, "nflog-prefix");
	uint64_t value;

	(void)spec;
	buf_puts(&own->text, "log");
	if (prefix && !put_prefix(own, prefix))
		return OWN_REFUSED;
	for (size_t i = 0; i < 3; i++) {
		const struct use *use = use_find(piece, numbers[i].option);

		if (use && !read_number(use->value[0], numbers[i].max, &value))
			return own_refuse(own, use, "expected a number up to %u", numbers[i].max);
		if (use)
			buf_printf(&own->text, " %s %" PRIu64, numbers[i].nft, value);
		else if (!i)
			buf_puts(&own->text, " group 0");
	}
	return OWN_TEXT;
}

enum own_answer own_nfqueue(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *num = use_find(piece, "queue-num"),
			 *balance = use_find(piece, "queue-balance");
	bool bypass = use_find(piece, "queue-bypass"), fanout = use_find(piece, "queue-cpu-fanout");
	uint64_t from = 0, to = 0;

	(void)spec;
	if (num && (!read_number(num->value[0], 65535, &from) || balance))
		return own_refuse(own, num, "expected one number of a queue");
	if (num)
		to = from;
	if (balance && (!read_range(balance->value[0], ':', 65535, &from, &to) || from == to))
		return own_refuse(own, balance, "expected a range of queues");
	buf_puts(&own->text, "queue num ");
	put_range(&own->text, from, to);
	if (bypass || fanout)
		buf_printf(&own->text, " %s%s%s", bypass ? "bypass" : "",
			   bypass && fanout ? "," : "", fanout ? "fanout" : "");
	return OWN_TEXT;
}

/* new = (old & ~mask) ^ value, as xt_mark.c and xt_connmark.c have it. */
static bool put_mark(struct own *own, const struct piece *piece, const char *where)
{
	const struct use *use = piece->uses.v;
	const char *name = use->option->name;
	uint64_t value, mask;

	if (!read_mark(use->value[0], &value, &mask)) {
		own_refuse(own, use, "expected a mark, or a mark and a mask");
		return false;
	}
	if (!strcmp(name, "and-mark")) {
		mask = ~value & UINT32_MAX;
		value = 0;
	} else if (!strcmp(name, "or-mark")) {
		mask = value;
	} else if (!strcmp(name, "xor-mark")) {
		mask = 0;
	} else if (!strcmp(name, "set-mark")) {
		mask |= value; /* --set-mark also clears what it sets */
	}
	mask = ~mask & UINT32_MAX;
	buf_printf(&own->text, "%s mark set ", where);
	if (!mask)
		buf_printf(&own->text, "0x%" PRIx64, value);
	else if (mask == UINT32_MAX)
		buf_printf(&own->text, "%s mark xor 0x%" PRIx64, where, value);
	else if (!value)
		buf_printf(&own->text, "%s mark and 0x%" PRIx64, where, mask);
	else
		buf_printf(&own->text, "%s mark and 0x%" PRIx64 " xor 0x%" PRIx64, where, mask,
			   value);
	return true;
}

enum own_answer own_mark(struct own *own, const struct spec *spec, const struct piece *piece)
{
	(void)spec;
	if (piece->uses.n != 1)
		return own_refuse(own, NULL, "expected one option");
	return put_mark(own, piece, "meta") ? OWN_TEXT : OWN_REFUSED;
}

enum own_answer own_connmark(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *save = use_find(piece, "save-mark");

	(void)spec;
	if (save || use_find(piece, "restore-mark")) {
		if (piece->uses.n > 1)
			return own_refuse(own, NULL,
					  "nft 1.0.6 cannot mask two marks with each other");
		buf_puts(&own->text, save ? "ct mark set meta mark" : "meta mark set ct mark");
		return OWN_TEXT;
	}
	if (piece->uses.n != 1)
		return own_refuse(own, NULL, "expected one option");
	return put_mark(own, piece, "ct") ? OWN_TEXT : OWN_REFUSED;
}
