/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iptables-restore-translate is believed nothing: for each option that it was given the table of
 * extensions tells what its answer must contain; that is crossed out, and nothing else may be left.
 */
#include "base/cleanup.h"
#include "document/import/translate.h"

#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <string.h>

#define CROSSED '\1'

/* One blank between words, one at each end. */
static bool normalise(const char *text, struct buf *b)
{
	bool blank = false;

	b->len = 0;
	buf_putc(b, ' ');
	for (; *text; text++) {
		if (isspace((unsigned char)*text)) {
			blank = true;
			continue;
		}
		if (blank && b->data[b->len - 1] != ' ')
			buf_putc(b, ' ');
		blank = false;
		buf_putc(b, *text);
	}
	if (b->len && b->data[b->len - 1] != ' ')
		buf_putc(b, ' ');
	return !b->failed;
}

/* Length of the word, the group in braces, or the text in quotes at the place. */
static size_t word_length(const char *at)
{
	if (*at == '{')
		return strcspn(at, "}") + (strchr(at, '}') != NULL);
	if (*at == '"')
		return strcspn(at + 1, "\"") + 2;
	return strcspn(at, " ");
}

/* Does the pattern (with '*' for a word) stand there, with a blank behind? Its length, or 0. */
static size_t pattern_length(const char *at, const char *pattern)
{
	const char *begin = at;

	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			size_t length = word_length(at);

			if (!length || *at == CROSSED)
				return 0;
			at += length;
		} else if (*at++ != *pattern) {
			return 0;
		}
	}
	return *at == ' ' ? (size_t)(at - begin) : 0;
}

/* Crosses it out where it stands. False: it does not. */
static bool cross_out(char *answer, const char *pattern)
{
	for (char *at = answer; *at; at++) {
		size_t length = *at == ' ' ? pattern_length(at + 1, pattern) : 0;

		if (!length)
			continue;
		memset(at + 1, CROSSED, length);
		return true;
	}
	return false;
}

static void put_mark(struct buf *b, const struct use *use, uint64_t value, uint64_t mask)
{
	if (mask == UINT32_MAX)
		buf_printf(b, "%s0x%" PRIx64, not_word(use->negated), value);
	else
		buf_printf(b, "and 0x%" PRIx64 " %s 0x%" PRIx64, mask,
			   use->negated ? "!=" : "==", value);
}

/* "0:1:2:a:B:C" is "00:01:02:0a:0b:0c". */
static void put_mac(struct buf *b, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ":");

		if (length == 1)
			buf_putc(b, '0');
		for (; length; length--)
			buf_putc(b, (char)tolower((unsigned char)*text++));
		if (*text)
			buf_putc(b, *text++);
	}
}

/* A number as the answer has it; a name, which only iptables can look up, is any word. */
static void put_value(struct buf *b, char kind, const struct use *use)
{
	const char *value = use->value[0];
	uint64_t from, to, max;

	switch (kind) {
	case 'P':
	case 'L':
	case 'R':
	case 'B':
		max = kind == 'R' ? UINT32_MAX : kind == 'B' ? 255 : 65535;
		if (read_range(value, ':', max, &from, &to))
			put_range(b, from, to);
		else
			buf_putc(b, '*');
		break;
	case 'd':
	case 'h':
	case 'H':
		if (read_number(value, UINT64_MAX, &from))
			buf_printf(b,
				   kind == 'd'	 ? "%" PRIu64
				   : kind == 'h' ? "0x%" PRIx64
						 : "0x%02" PRIx64,
				   from);
		else
			buf_putc(b, '*');
		break;
	case 'M':
		if (read_mark(value, &from, &to))
			put_mark(b, use, from, to);
		else
			buf_putc(b, '\2'); /* matches nothing: another alternative must */
		break;
	case 'l':
		put_mac(b, value);
		break;
	case 'v':
		buf_puts(b, value);
		break;
	}
}

/* One alternative of what the table says, with the option's value in it. */
static void put_pattern(struct buf *b, const char *says, size_t length, const struct use *use,
			enum inet_family family)
{
	for (const char *at = says; at < says + length; at++) {
		if (*at == '!') {
			buf_puts(b, not_word(use->negated));
		} else if (*at == '%' && at[1] == 'F') {
			buf_puts(b, ip_word(family));
			at++;
		} else if (*at == '%') {
			put_value(b, *++at, use);
		} else {
			buf_putc(b, *at);
		}
	}
}

static bool cross_out_use(char *answer, const struct use *use, enum inet_family family)
{
	for (const char *says = use->option->says; *says;) {
		size_t length = strcspn(says, "|");
		autobuf pattern = {0};

		put_pattern(&pattern, says, length, use, family);
		if (!pattern.failed && cross_out(answer, buf_text(&pattern)))
			return true;
		says += length;
		says += *says == '|';
	}
	return false;
}

static void check_uses(struct translation *t, struct shape *shape, const struct piece *piece,
		       char *answer)
{
	array_for_each(use, &piece->uses)
		if (use->option->how == HOW_TOOL && !cross_out_use(answer, use, t->family))
			shape_refuse(shape,
				     "-%c %s --%s%s%s: iptables-restore-translate leaves it out",
				     piece->extension->target ? 'j' : 'm', piece->extension->name,
				     use->option->name, use->value[0] ? " " : "",
				     use->value[0] ? use->value[0] : "");
}

/* ---- the header ---- */
static void check_address(struct shape *shape, const struct address *address, const char *field,
			  enum inet_family family, char *answer)
{
	autobuf pattern = {0};

	if (!address->given || (!address->masked && !inet_prefix_length(&address->range)))
		return;
	if (address->masked)
		buf_printf(&pattern, "%s %s & * %s *", ip_word(family), field,
			   address->negated ? "!=" : "==");
	else
		buf_printf(&pattern, "%s %s %s%s", ip_word(family), field,
			   not_word(address->negated), address->text);
	if (!pattern.failed && cross_out(answer, buf_text(&pattern)))
		return;
	/* a host by name, which is one address */
	pattern.len = 0;
	buf_printf(&pattern, "%s %s %s*", ip_word(family), field, not_word(address->negated));
	if (!address->masked || pattern.failed || !cross_out(answer, buf_text(&pattern)))
		shape_refuse(shape, "-%c %s: iptables-restore-translate leaves it out",
			     *field == 's' ? 's' : 'd', address->text);
}

static void check_interface(struct shape *shape, const char *name, bool negated, const char *field,
			    char *answer)
{
	size_t length = name ? strlen(name) : 0;
	autobuf pattern = {0};

	if (!name || !strcmp(name, "+"))
		return;
	buf_printf(&pattern, "%s %s\"%.*s%s\"", field, not_word(negated),
		   (int)length - (name[length - 1] == '+'), name,
		   name[length - 1] == '+' ? "*" : "");
	/* the star of a wildcard is a word's star in a pattern, which is as good */
	if (pattern.failed ||
	    (!strstr(answer, buf_text(&pattern)) && !cross_out(answer, buf_text(&pattern)))) {
		shape_refuse(shape, "-%c %s: iptables-restore-translate leaves it out", *field,
			     name);
		return;
	}
	if (name[length - 1] == '+') {
		char *at = strstr(answer, buf_text(&pattern));

		if (at)
			memset(at, CROSSED, pattern.len);
	} else {
		cross_out(answer, buf_text(&pattern));
	}
}

/* Is the protocol said by what follows it, as in `tcp dport 80`? */
static bool is_implied(const char *said, int protocol)
{
	static const struct {
		int protocol;
		const char *words;
	} implied[] = {{6, " tcp sport "},  {6, " tcp dport "}, {17, " udp sport "},
		       {17, " udp dport "}, {33, " dccp "},	{132, " sctp "},
		       {50, " esp "},	    {51, " ah "},	{108, " comp "}};

	for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++)
		if (implied[i].protocol == protocol && strstr(said, implied[i].words))
			return true;
	return false;
}

/* The tool leaves -p out where it takes the match for saying it, rightly or not: then it is added.
 */
static void check_protocol(struct translation *t, struct shape *shape, char *answer,
			   const char *whole, struct buf *add)
{
	const struct spec *spec = shape->spec;
	const char *fields[] = {"ip protocol", "meta l4proto"};

	if (!spec->protocol)
		return;
	for (size_t i = 0; i < 2; i++) {
		const struct protoent *entry =
			spec->protocol_number >= 0 ? getprotobynumber(spec->protocol_number) : NULL;
		const char *names[] = {spec->protocol, entry ? entry->p_name : NULL};
		autobuf number = {0};

		for (size_t j = 0; j < 2; j++) {
			autobuf pattern = {0};

			if (!names[j])
				continue;
			buf_printf(&pattern, "%s %s%s", fields[i], not_word(spec->protocol_negated),
				   names[j]);
			if (!pattern.failed && cross_out(answer, buf_text(&pattern)))
				return;
		}
		buf_printf(&number, "%s %s%d", fields[i], not_word(spec->protocol_negated),
			   spec->protocol_number);
		if (!number.failed && cross_out(answer, buf_text(&number)))
			return;
	}
	(void)t;
	if (spec->protocol_number < 0)
		shape_refuse(shape, "-p %s: there is no such protocol", spec->protocol);
	else if (spec->protocol_negated || !is_implied(whole, spec->protocol_number))
		buf_printf(add, "meta l4proto %s%d ", not_word(spec->protocol_negated),
			   spec->protocol_number);
}

static void check_header(struct translation *t, struct shape *shape, char *answer,
			 const char *whole, struct buf *add)
{
	const struct spec *spec = shape->spec;

	check_interface(shape, spec->in, spec->in_negated, "iifname", answer);
	check_interface(shape, spec->out, spec->out_negated, "oifname", answer);
	check_address(shape, &spec->source, "saddr", t->family, answer);
	check_address(shape, &spec->destination, "daddr", t->family, answer);
	if (spec->fragment &&
	    !cross_out(answer, spec->fragment_negated ? "ip frag-off & 0x1fff 0"
						      : "ip frag-off & 0x1fff != 0"))
		shape_refuse(shape, "-f: iptables-restore-translate leaves it out");
	check_protocol(t, shape, answer, whole, add);
}

/* ---- our own in place of the markers ---- */
static bool replace(struct buf *text, const char *marker, const char *with)
{
	autobuf out = {0};
	const char *at = strstr(buf_text(text), marker);

	if (!at || strstr(at + 1, marker))
		return false;
	buf_put(&out, text->data, (size_t)(at - buf_text(text)) + 1);
	buf_puts(&out, with);
	buf_puts(&out, at + strlen(marker) - 1);
	if (out.failed)
		return false;
	buf_free(text);
	*text = out;
	out = (struct buf){0};
	return true;
}

static void put_owns(struct shape *shape, struct buf *text, char *answer)
{
	size_t n = 0;

	array_for_each(own, &shape->owns) {
		char marker[40];
		bool found;

		if (own->match == SIZE_MAX)
			continue;
		snprintf(marker, sizeof(marker), " mark 0x5eed%04zx ", n++);
		found = replace(text, marker, own->text);
		marker[strlen(marker) - 1] = 0;
		if (!found || !cross_out(answer, marker + 1))
			shape_refuse(shape,
				     "iptables-restore-translate answers in an unexpected way");
	}
}

static const char *left_over(char *answer)
{
	char *out = answer;

	for (const char *at = answer; *at; at++)
		if (*at != CROSSED && (*at != ' ' || (out > answer && out[-1] != ' ')))
			*out++ = *at;
	while (out > answer && out[-1] == ' ')
		out--;
	*out = 0;
	return answer;
}

static char *check_matches(struct translation *t, struct shape *shape)
{
	autobuf text = {0}, answer = {0}, add = {0};
	const char *rest;

	if (!normalise(shape->answer, &text) || !normalise(shape->answer, &answer))
		return NULL;
	put_owns(shape, &text, (char *)answer.data);
	check_header(t, shape, (char *)answer.data, buf_text(&text), &add);
	for (size_t i = 0; i < shape->spec->matches.n; i++) {
		bool mine = false;

		array_for_each(own, &shape->owns)
			mine |= own->match == i;
		if (!mine)
			check_uses(t, shape, &shape->spec->matches.v[i], (char *)answer.data);
	}
	rest = left_over((char *)answer.data);
	if (*rest)
		shape_refuse(shape, "iptables-restore-translate says '%s', which the rule does not",
			     rest);
	if (!keep_apart(&text))
		return NULL;
	if (add.len) {
		buf_puts(&add, buf_text(&text) + strspn(buf_text(&text), " "));
		return buf_steal_text(&add);
	}
	return text.failed ? NULL : strdup(buf_text(&text) + strspn(buf_text(&text), " "));
}

/* ---- what is done with the packet ---- */
static char *check_verdict(struct translation *t, struct shape *shape, char *answer)
{
	const struct spec *spec = shape->spec;
	const struct raw_chain *chain = spec->jump ? table_chain(t->table, spec->jump) : NULL;
	autobuf pattern = {0}, text = {0};
	static const char *const verdicts[][2] = {
		{"ACCEPT", "accept"},	  {"DROP", "drop"},	  {"RETURN", "return"},
		{"QUEUE", "queue num 0"}, {"NOTRACK", "notrack"}, {"TRACE", "nftrace set 1"},
	};

	if (!spec->jump)
		return strdup("");
	if (chain && !spec->target.extension) {
		const char *verb = spec->is_goto ? "goto" : "jump";

		buf_printf(&pattern, "%s ", verb);
		put_tool_chain(t, chain, &pattern);
		buf_printf(&text, "%s %s", verb, chain->safe);
		if (!pattern.failed && cross_out(answer, buf_text(&pattern)))
			return buf_steal_text(&text);
	}
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (!strcmp(spec->jump, verdicts[i][0]) && cross_out(answer, verdicts[i][1]))
			return strdup(i == 5 ? "meta nftrace set 1" : verdicts[i][1]);
	return NULL;
}

static char *check_target(struct translation *t, struct shape *shape)
{
	const struct piece *target = &shape->spec->target;
	autobuf text = {0}, answer = {0};
	autofree char *out = NULL;
	bool tool = target->extension && target->extension->options_count;

	if (!normalise(shape->target, &text) || !normalise(shape->target, &answer))
		return NULL;
	array_for_each(own, &shape->owns)
		if (own->match == SIZE_MAX &&
		    cross_out((char *)answer.data, "meta mark set 0x5eedff00"))
			out = strdup(own->text);
	if (!out && tool) {
		check_uses(t, shape, target, (char *)answer.data);
		out = strdup(buf_text(&text) + strspn(buf_text(&text), " "));
	} else if (!out) {
		out = check_verdict(t, shape, (char *)answer.data);
	}
	if (!out || *left_over((char *)answer.data))
		shape_refuse(shape, "-j %s: iptables-restore-translate answers '%s'",
			     shape->spec->jump ? shape->spec->jump : "(none)",
			     *shape->target ? shape->target + strspn(shape->target, " ")
					    : "nothing");
	return steal_pointer(&out);
}

void shape_check(struct translation *t, struct shape *shape)
{
	autofree char *matches = check_matches(t, shape), *target = NULL;

	if (matches && shape_lives(shape))
		target = check_target(t, shape);
	if (!shape_lives(shape))
		return;
	if (!matches || !target) {
		shape_refuse(shape, "out of memory");
		return;
	}
	while (*matches && matches[strlen(matches) - 1] == ' ')
		matches[strlen(matches) - 1] = 0;
	free(shape->target);
	shape->target = steal_pointer(&target);
	if (!template_make(&shape->text, steal_pointer(&matches), shape->spec))
		shape_refuse(shape,
			     "a port or address stands twice in a way that is not understood");
}
