/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/ipset.h"

#include "base/cleanup.h"
#include "document/import/own.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool because(char **ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool because(char **ret_why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vasprintf(ret_why, format, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return false;
}

static void ipset_free(struct ipset *set)
{
	free(set->name);
	free(set->type);
	array_for_each(member, &set->members)
		free(member->text);
	array_free(&set->members);
	free(set);
}
DEFINE_AUTOCLEAN(struct ipset, ipset_free)

void ipset_list_free(struct ipset_list *list)
{
	array_for_each(set, &list->sets)
		ipset_free(*set);
	array_free(&list->sets);
	free(list->unread);
}

const struct ipset *ipset_find(const struct ipset_list *list, const char *name)
{
	array_for_each(set, &list->sets)
		if (!strcmp((*set)->name, name))
			return *set;
	return NULL;
}

/* "hash:ip,port,net" */
static bool read_type(struct ipset *set)
{
	static const char *const names[] = {
		[DIM_IP] = "ip",   [DIM_NET] = "net",	[DIM_PORT] = "port",
		[DIM_MAC] = "mac", [DIM_MARK] = "mark", [DIM_IFACE] = "iface"};
	const char *colon = strchr(set->type, ':');
	autofree char *copy = colon ? strdup(colon + 1) : NULL;
	char *rest = copy, *word;

	set->list = !strcmp(set->type, "list:set");
	if (set->list)
		return true;
	while (rest && (word = strsep(&rest, ","))) {
		size_t i = 0;

		while (i < 6 && strcmp(word, names[i]))
			i++;
		if (i == 6 || set->dimensions == 3)
			return false;
		set->dimension[set->dimensions++] = (enum dimension)i;
	}
	return set->dimensions > 0;
}

static bool create(struct ipset_list *list, char *const *words, size_t count, char **ret_why)
{
	autoclean(ipset_free_p) struct ipset *set = calloc(1, sizeof(*set));
	uint64_t value;

	if (!set || !(set->name = strdup(words[1])) || !(set->type = strdup(words[2])))
		return because(ret_why, "out of memory");
	set->family = INET_V4;
	if (!read_type(set))
		return because(ret_why, "the set type '%s' is not known", words[2]);
	for (size_t i = 3; i < count; i++) {
		const char *next = i + 1 < count ? words[i + 1] : "";

		if (!strcmp(words[i], "family"))
			set->family = strcmp(next, "inet6") ? INET_V4 : INET_V6;
		else if (!strcmp(words[i], "netmask") && read_number(next, 128, &value))
			set->netmask = (unsigned)value;
		else if (!strcmp(words[i], "timeout") && read_number(next, UINT32_MAX, &value)) {
			set->has_timeout = true;
			set->timeout = value;
		} else if (!strcmp(words[i], "markmask") || !strcmp(words[i], "bitmask")) {
			return because(ret_why, "nft sets have no '%s'", words[i]);
		}
	}
	if (ipset_find(list, set->name))
		return because(ret_why, "the set '%s' is there already", set->name);
	if (!array_push(&list->sets, set))
		return because(ret_why, "out of memory");
	steal_pointer(&set);
	return true;
}

static bool add(struct ipset_list *list, char *const *words, size_t count, char **ret_why)
{
	struct ipset *set = NULL;
	struct ipset_member member = {0};

	array_for_each(known, &list->sets)
		if (!strcmp((*known)->name, words[1]))
			set = *known;
	if (!set)
		return because(ret_why, "there is no set '%s'", words[1]);
	member.timeout = set->timeout;
	for (size_t i = 3; i < count; i++) {
		if (!strcmp(words[i], "timeout") && i + 1 < count)
			read_number(words[i + 1], UINT32_MAX, &member.timeout);
		member.nomatch |= !strcmp(words[i], "nomatch");
	}
	member.text = strdup(words[2]);
	if (!member.text || !array_push(&set->members, member)) {
		free(member.text);
		return because(ret_why, "out of memory");
	}
	return true;
}

bool ipset_line(struct ipset_list *list, char *const *words, size_t count, char **ret_why)
{
	if (count >= 3 &&
	    (!strcmp(words[0], "create") || !strcmp(words[0], "-N") || !strcmp(words[0], "n")))
		return create(list, words, count, ret_why);
	if (count >= 3 && (!strcmp(words[0], "add") || !strcmp(words[0], "-A")))
		return add(list, words, count, ret_why);
	return because(ret_why, "expected 'create' or 'add', as 'ipset save' writes them");
}

char *ipset_nft_type(const struct ipset *set, bool *ret_interval, char **ret_why)
{
	autobuf type = {0};

	*ret_interval = set->list;
	for (unsigned i = 0; i < set->dimensions; i++) {
		const char *dot = i ? " . " : "";

		switch (set->dimension[i]) {
		case DIM_NET:
			*ret_interval = true;
			__attribute__((fallthrough));
		case DIM_IP:
			buf_printf(&type, "%s%s", dot,
				   set->family == INET_V6 ? "ipv6_addr" : "ipv4_addr");
			break;
		case DIM_PORT:
			/* bitmap:port has numbers alone */
			buf_printf(&type, "%s%sinet_service", dot,
				   strncmp(set->type, "bitmap", 6) ? "inet_proto . " : "");
			break;
		case DIM_MAC:
			buf_printf(&type, "%sether_addr", dot);
			break;
		case DIM_MARK:
			buf_printf(&type, "%smark", dot);
			break;
		case DIM_IFACE:
			buf_printf(&type, "%sifname", dot);
			break;
		}
	}
	if (set->list)
		because(ret_why, "the members of list:set '%s' differ in type", set->name);
	return type.len ? buf_steal_text(&type) : NULL;
}

/* One part of a member: "1.1.1.1", "tcp:80", "10.0.0.0/8", a MAC address, … */
static bool put_part(const struct ipset *set, unsigned i, const char *part, struct buf *b,
		     char **ret_why)
{
	struct inet_range range;
	const char *colon = strchr(part, ':');
	enum inet_parse parsed;
	char text[INET_TEXT_MAX];
	uint64_t from, to;

	switch (set->dimension[i]) {
	case DIM_IP:
	case DIM_NET:
		parsed = inet_parse(part, &range);
		if (parsed == INET_OK || parsed == INET_HOST_BITS)
			buf_puts(b, inet_format(&range, text));
		else if (strspn(part, "0123456789abcdefABCDEF.:-") == strlen(part))
			buf_puts(b, part);
		else
			return because(ret_why, "'%s' is not an address", part);
		return true;
	case DIM_PORT:
		if (strncmp(set->type, "bitmap", 6)) {
			if (!colon)
				return because(ret_why, "'%s' has no protocol", part);
			if (strncmp(part, "tcp:", 4) && strncmp(part, "udp:", 4) &&
			    strncmp(part, "sctp:", 5) && strncmp(part, "udplite:", 8))
				return because(ret_why, "nft has no port for '%s'", part);
			buf_printf(b, "%.*s . ", (int)(colon - part), part);
			part = colon + 1;
		}
		if (!read_range(part, '-', 65535, &from, &to))
			return because(ret_why, "'%s' is not a port", part);
		put_range(b, from, to);
		return true;
	case DIM_MAC:
	case DIM_MARK:
		if (strspn(part, "0123456789abcdefABCDEFx:") != strlen(part))
			return because(ret_why, "'%s' is not understood", part);
		buf_puts(b, part);
		return true;
	case DIM_IFACE:
		if (strpbrk(part, "\"\\*"))
			return because(ret_why, "'%s' is not understood", part);
		buf_printf(b, "\"%s\"", part);
		return true;
	}
	return false;
}

static bool put_member(const struct ipset *set, const struct ipset_member *member, struct buf *b,
		       char **ret_why)
{
	autofree char *copy = strdup(member->text);
	char *rest = copy;

	if (member->nomatch)
		return because(ret_why,
			       "the set '%s' has exceptions (nomatch), which nft sets have not",
			       set->name);
	for (unsigned i = 0; i < set->dimensions; i++) {
		char *part = rest ? strsep(&rest, ",") : NULL;

		if (!part)
			return because(ret_why, "'%s' has too few parts for %s", member->text,
				       set->type);
		buf_puts(b, i ? " . " : "");
		if (!put_part(set, i, part, b, ret_why))
			return false;
	}
	if (set->has_timeout && member->timeout)
		buf_printf(b, " timeout %" PRIu64 "s", member->timeout);
	return true;
}

bool ipset_put_elements(const struct ipset_list *list, const struct ipset *set, struct buf *b,
			char **ret_why)
{
	array_for_each(member, &set->members) {
		if (set->list) {
			const struct ipset *part = ipset_find(list, member->text);

			if (!part || part->list)
				return because(ret_why, "the set '%s' in '%s' is not there",
					       member->text, set->name);
			if (!ipset_put_elements(list, part, b, ret_why))
				return false;
			continue;
		}
		buf_puts(b, b->len ? ", " : "");
		if (!put_member(set, member, b, ret_why))
			return false;
	}
	return true;
}
