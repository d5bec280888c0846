/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets, owners, IPsec, time, and the extension headers of IPv6. */
#include "base/cleanup.h"
#include "document/import/own.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

enum own_answer own_cgroup(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *path = use_find(piece, "path");
	unsigned level = 0;
	const char *at;

	(void)spec;
	if (!path)
		return OWN_TOOL;
	at = path->value[0] + strspn(path->value[0], "/");
	if (!*at || strpbrk(at, "\"\\"))
		return own_refuse(own, path, "expected a path beneath the root of cgroup v2");
	for (const char *slash = at; slash; slash = strchr(slash + 1, '/'))
		level += slash[1] != 0;
	buf_printf(&own->text, "socket cgroupv2 level %u %s\"%s\"", level, not_word(path->negated),
		   at);
	return OWN_TEXT;
}

/* A user's or group's name means what it means on this host, as in iptables. */
static bool read_owner(const char *text, bool group, uint64_t *ret_from, uint64_t *ret_to)
{
	const struct group *gr = group ? getgrnam(text) : NULL;
	const struct passwd *pw = group ? NULL : getpwnam(text);

	if (!gr && !pw)
		return read_range(text, '-', UINT32_MAX - 1, ret_from, ret_to);
	*ret_from = *ret_to = gr ? gr->gr_gid : pw->pw_uid;
	return true;
}

/* owner_mt() matches packets without a socket where an option is negated; nf_tables ends the rule.
 */
enum own_answer own_owner(struct own *own, const struct spec *spec, const struct piece *piece)
{
	(void)spec;
	array_for_each(use, &piece->uses) {
		bool group = use->option->name[0] == 'g';
		uint64_t from, to;

		if (!read_owner(use->value[0], group, &from, &to))
			return own_refuse(own, use, "expected a %s or a range of numbers",
					  group ? "group" : "user");
		buf_printf(&own->text, "meta %s %s", group ? "skgid" : "skuid",
			   not_word(use->negated));
		put_range(&own->text, from, to);
		buf_putc(&own->text, ' ');
		if (use->negated && !own->note.len)
			buf_printf(&own->note,
				   "! --%s: packets without an owner (the kernel's own "
				   "answers) match in iptables and do not match in nf_tables",
				   use->option->name);
	}
	return OWN_TEXT;
}

enum own_answer own_policy(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *dir = use_find(piece, "dir"), *pol = use_find(piece, "pol");

	(void)spec;
	if (!dir || !pol)
		return own_refuse(own, dir, "expected --dir and --pol");
	if (strcmp(dir->value[0], "in"))
		return own_refuse(own, dir,
				  "nf_tables sees the outgoing policy only where a packet "
				  "is routed already");
	if (strcmp(pol->value[0], "none") && strcmp(pol->value[0], "ipsec"))
		return own_refuse(own, pol, "expected none or ipsec");
	buf_puts(&own->text,
		 !strcmp(pol->value[0], "none") ? "meta secpath missing" : "meta secpath exists");
	return OWN_TEXT;
}

/* socket_match() takes a socket in TIME_WAIT for one that is not bound to a wildcard; nf_tables
 * ends the rule there. With --nowildcard it does not ask. */
enum own_answer own_socket(struct own *own, const struct spec *spec, const struct piece *piece)
{
	(void)spec;
	if (!use_find(piece, "nowildcard"))
		return own_refuse(own, NULL,
				  "without --nowildcard nf_tables decides otherwise for "
				  "connections in TIME_WAIT");
	buf_puts(&own->text, use_find(piece, "transparent") ? "socket transparent 1"
							    : "socket transparent 0-1");
	return OWN_TEXT;
}

/* ---- time ---- */

/* "hh:mm[:ss]" as seconds. */
static bool read_clock(const char *text, unsigned *ret_seconds)
{
	unsigned h, m, s = 0;
	int end = 0;

	if (sscanf(text, "%2u:%2u%n", &h, &m, &end) < 2)
		return false;
	if (text[end] && (sscanf(text + end, ":%2u%n", &s, &end) != 1 || end > 3))
		return false;
	*ret_seconds = h * 3600 + m * 60 + s;
	return h < 24 && m < 60 && s < 60;
}

/* "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", in UTC. */
static bool read_date(const char *text, long long *ret_seconds)
{
	struct tm tm = {.tm_mday = 1};
	int fields, month = 1;

	fields = sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &month, &tm.tm_mday,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	if (fields < 1 || tm.tm_year < 1970 || tm.tm_year > 2038 || month < 1 || month > 12)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon = month - 1;
	*ret_seconds = timegm(&tm);
	return *ret_seconds >= 0;
}

static bool put_days(struct own *own, const struct use *use)
{
	static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	autofree char *list = strdup(use->value[0]);
	char *rest = list, *word;
	const char *comma = "";
	unsigned days = 0;
	uint64_t number;

	while (rest && (word = strsep(&rest, ","))) {
		unsigned before = days;

		for (unsigned i = 0; i < 7; i++)
			if (!strncasecmp(word, names[i], 2) && strlen(word) <= 3 &&
			    !strncasecmp(word, names[i], strlen(word)))
				days |= 1u << i;
		if (days == before && read_number(word, 7, &number) && number)
			days |= 1u << (number % 7);
		else if (days == before)
			return false;
	}
	if (use->negated)
		days ^= 0x7f;
	if (!days)
		return false;
	buf_puts(&own->text, "meta day { ");
	for (unsigned i = 0; i < 7; i++) {
		if (!(days & (1u << i)))
			continue;
		buf_printf(&own->text, "%s%u", comma, i);
		comma = ", ";
	}
	buf_puts(&own->text, " } ");
	return true;
}

/* Numbers are seconds since midnight or the epoch in UTC, which is iptables' clock; nft would read
 * words in the clock of whoever runs it. Past midnight: xt_time.c includes both ends. */
enum own_answer own_time(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *start = use_find(piece, "timestart"), *stop = use_find(piece, "timestop");
	const struct use *from = use_find(piece, "datestart"), *to = use_find(piece, "datestop");
	const struct use *days = use_find(piece, "weekdays");
	const struct use *contiguous = use_find(piece, "contiguous");
	long long first = 0, last = INT32_MAX;
	unsigned begin = 0, end = 86399;

	(void)spec;
	if ((start && !read_clock(start->value[0], &begin)) ||
	    (stop && !read_clock(stop->value[0], &end)))
		return own_refuse(own, start ? start : stop, "expected hh:mm[:ss]");
	if ((from && !read_date(from->value[0], &first)) || (to && !read_date(to->value[0], &last)))
		return own_refuse(own, from ? from : to, "expected YYYY[-MM[-DD[Thh[:mm[:ss]]]]]");
	if (contiguous && days && begin > end)
		return own_refuse(own, contiguous, "nf_tables cannot carry a day over midnight");
	if (from || to) {
		if (first > last)
			return own_refuse(own, to, "it ends before it begins");
		buf_printf(&own->text, "meta time %lld-%lld ", first, last);
	}
	if (begin == end) /* time_mt(): not before the one and behind the other is always */
		buf_puts(&own->text, "meta hour 0-86399 ");
	else if (begin > end + 1)
		buf_printf(&own->text, "meta hour != %u-%u ", end + 1, begin - 1);
	else if (begin <= end && (begin || end != 86399))
		buf_printf(&own->text, "meta hour %u-%u ", begin, end);
	if (days && !put_days(own, days))
		return own_refuse(own, days, "expected days of the week");
	if (!start && !stop && !from && !to && !days)
		return own_refuse(own, NULL, "it names no time; leave it out");
	return OWN_TEXT;
}

/* ---- IPv6 extension headers ---- */
enum own_answer own_frag(struct own *own, const struct spec *spec, const struct piece *piece)
{
	(void)spec;
	if (!piece->uses.n) {
		buf_puts(&own->text, "exthdr frag exists");
		return OWN_TEXT;
	}
	if (!use_find(piece, "fragres"))
		return OWN_TOOL;
	/* frag_mt6(): the reserved fields must be zero */
	buf_puts(&own->text, "frag reserved 0 frag reserved2 0 ");
	array_for_each(use, &piece->uses) {
		const char *name = use->option->name;
		uint64_t from, to;

		if (!strcmp(name, "fragid")) {
			if (!read_range(use->value[0], ':', UINT32_MAX, &from, &to))
				return own_refuse(own, use, "expected a number or a range");
			buf_printf(&own->text, "frag id %s", not_word(use->negated));
			put_range(&own->text, from, to);
			buf_putc(&own->text, ' ');
		} else if (!strcmp(name, "fragfirst")) {
			buf_puts(&own->text, "frag frag-off 0 ");
		} else if (!strcmp(name, "fragmore")) {
			buf_puts(&own->text, "frag more-fragments 1 ");
		} else if (!strcmp(name, "fraglast")) {
			buf_puts(&own->text, "frag more-fragments 0 ");
		}
	}
	return OWN_TEXT;
}

/* iptables compares the header's length in bytes; the field counts eights after the first. */
enum own_answer own_exthdr(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const char *header = piece->extension->name;
	uint64_t from, to;

	(void)spec;
	if (!piece->uses.n)
		buf_printf(&own->text, "exthdr %s exists", header);
	array_for_each(use, &piece->uses) {
		const char *field = !strcmp(use->option->name, "rt-type")	? "type"
				    : !strcmp(use->option->name, "rt-segsleft") ? "seg-left"
										: "hdrlength";

		if (!read_range(use->value[0], ':', UINT32_MAX, &from, &to))
			return own_refuse(own, use, "expected a number");
		if (*field == 'h') {
			if (from != to || from < 8 || from > 2048 || from % 8)
				return own_refuse(own, use,
						  "no header has that length; expected a "
						  "multiple of 8");
			from = to = from / 8 - 1;
		}
		to = to > 255 ? 255 : to;
		if (from > to)
			return own_refuse(own, use, "expected a number up to 255");
		buf_printf(&own->text, "%s %s %s", header, field, not_word(use->negated));
		put_range(&own->text, from, to);
		buf_putc(&own->text, ' ');
	}
	return OWN_TEXT;
}

enum own_answer own_ipv6header(struct own *own, const struct spec *spec, const struct piece *piece)
{
	static const struct {
		const char *name, *nft;
	} headers[] = {
		{"hop", "hbh"},	  {"hop-by-hop", "hbh"}, {"0", "hbh"},
		{"dst", "dst"},	  {"ipv6-opts", "dst"},	 {"60", "dst"},
		{"route", "rt"},  {"ipv6-route", "rt"},	 {"43", "rt"},
		{"frag", "frag"}, {"ipv6-frag", "frag"}, {"44", "frag"},
	};
	const struct use *use = use_find(piece, "header");
	autofree char *list = use ? strdup(use->value[0]) : NULL;
	char *rest = list, *word;

	(void)spec;
	if (!use_find(piece, "soft"))
		return own_refuse(own, use,
				  "nf_tables cannot say that there are no other headers; "
				  "with --soft it works");
	if (use && use->negated)
		return own_refuse(own, use, "nf_tables cannot say it negated");
	while (rest && (word = strsep(&rest, ","))) {
		size_t i = 0, n = sizeof(headers) / sizeof(headers[0]);

		while (i < n && strcmp(word, headers[i].name))
			i++;
		if (i == n)
			return own_refuse(own, use, "nf_tables cannot tell whether '%s' is there",
					  word);
		buf_printf(&own->text, "exthdr %s exists ", headers[i].nft);
	}
	return OWN_TEXT;
}
