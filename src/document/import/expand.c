/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule for each pair of addresses of a command. */
#include "base/cleanup.h"
#include "document/import/command.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* An IPv4 mask in dots: its length, or -1 if it is no prefix. */
static int mask_length(const char *text)
{
	struct in_addr mask;
	uint32_t bits;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return -1;
	bits = ~ntohl(mask.s_addr);
	return bits & (bits + 1) ? -1 : __builtin_popcount(~bits);
}

/* "10/8" is "10.0.0.0/8" to iptables (xtables_numeric_to_ipaddr()). Owned; NULL: it is complete. */
static char *complete_net(const char *text)
{
	size_t length = strspn(text, "0123456789."), dots = 0;
	char *full = NULL;

	for (size_t i = 0; i < length; i++)
		dots += text[i] == '.';
	if (!length || dots >= 3 || (text[length] && text[length] != '/') ||
	    asprintf(&full, "%.*s%s%s", (int)length, text, &".0.0.0"[2 * dots], text + length) < 0)
		return NULL;
	return full;
}

/* "10.0.0.0/8", "10.0.0.0/255.0.0.0". What is no plain prefix goes to iptables as it stands; what
 * iptables makes of it is checked in its answer. */
static bool read_address(const char *text, enum inet_family family, struct address *ret)
{
	struct address address = {.given = true, .negated = ret->negated};
	autofree char *full = family == INET_V4 ? complete_net(text) : NULL;
	autofree char *plain = NULL;
	enum inet_parse parsed;
	const char *slash = strchr(text = full ? full : text, '/');
	int length = slash && family == INET_V4 ? mask_length(slash + 1) : -1;
	char canonical[INET_TEXT_MAX];

	if (length >= 0 && asprintf(&plain, "%.*s/%d", (int)(slash - text), text, length) < 0)
		return false;
	parsed = inet_parse(plain ? plain : text, &address.range);
	if ((parsed == INET_OK || parsed == INET_HOST_BITS) && address.range.family == family)
		address.text = strdup(inet_format(&address.range, canonical));
	else {
		address.masked = true;
		address.text = strdup(text);
	}
	*ret = address;
	return address.text != NULL;
}

struct list {
	char *storage;
	ARRAY(char *) items;
};

static bool split_list(const char *text, struct list *list)
{
	char *rest, *item;

	list->storage = text ? strdup(text) : NULL;
	rest = list->storage;
	while (rest && (item = strsep(&rest, ",")))
		if (!array_push(&list->items, item))
			return false;
	return !text || list->items.n;
}

static bool add_pair(const struct command *command, const char *source, const char *destination,
		     struct spec **ret_spec)
{
	autoclean(spec_free_p) struct spec *spec = spec_copy(command->spec);

	if (!spec || (source && !read_address(source, spec->family, &spec->source)) ||
	    (destination && !read_address(destination, spec->family, &spec->destination)))
		return false;
	*ret_spec = steal_pointer(&spec);
	return true;
}

bool command_expand(const struct command *command, struct spec ***ret_specs, size_t *ret_count,
		    char **ret_why)
{
	struct list sources = {0}, destinations = {0};
	struct spec **specs = NULL;
	size_t n = 0, s_count, d_count;
	bool ok = split_list(command->sources, &sources) &&
		  split_list(command->destinations, &destinations);

	*ret_why = NULL;
	s_count = sources.items.n ? sources.items.n : 1;
	d_count = destinations.items.n ? destinations.items.n : 1;
	if (ok && ((s_count > 1 && command->spec->source.negated) ||
		   (d_count > 1 && command->spec->destination.negated))) {
		*ret_why = strdup("'!' does not go with several addresses");
		ok = false;
	}
	specs = ok ? calloc(s_count * d_count, sizeof(*specs)) : NULL;
	ok = ok && specs;
	for (size_t s = 0; ok && s < s_count; s++)
		for (size_t d = 0; ok && d < d_count; d++) {
			ok = add_pair(command, sources.items.n ? sources.items.v[s] : NULL,
				      destinations.items.n ? destinations.items.v[d] : NULL,
				      &specs[n]);
			n += ok;
		}
	free(sources.storage);
	free(destinations.storage);
	array_free(&sources.items);
	array_free(&destinations.items);
	if (!ok) {
		while (n)
			spec_free(specs[--n]);
		free(specs);
		return false;
	}
	*ret_specs = specs;
	*ret_count = n;
	return true;
}
