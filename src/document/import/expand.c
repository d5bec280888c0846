/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as values: copies, and one for each pair of addresses of a command. */
#include "base/cleanup.h"
#include "document/import/command.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void piece_free(struct piece *piece)
{
	array_for_each (use, &piece->uses) {
		free(use->value[0]);
		free(use->value[1]);
	}
	array_free(&piece->uses);
}

void spec_free(struct spec *spec)
{
	free(spec->protocol);
	free(spec->source.text);
	free(spec->destination.text);
	free(spec->in);
	free(spec->out);
	array_for_each (piece, &spec->matches)
		piece_free(piece);
	array_free(&spec->matches);
	piece_free(&spec->target);
	free(spec->jump);
	free(spec->comment);
	free(spec);
}

static bool copy_text(char **text)
{
	if (*text)
		*text = strdup(*text);
	return true;
}

static bool piece_copy(struct piece *to, const struct piece *from)
{
	*to = (struct piece){.extension = from->extension};
	array_for_each (use, &from->uses) {
		struct use copy = {.option = use->option, .negated = use->negated};

		for (unsigned i = 0; i < 2; i++)
			copy.value[i] = use->value[i] ? strdup(use->value[i]) : NULL;
		if ((use->value[0] && !copy.value[0]) || (use->value[1] && !copy.value[1]) ||
		    !array_push(&to->uses, copy)) {
			free(copy.value[0]);
			free(copy.value[1]);
			return false;
		}
	}
	return true;
}

struct spec *spec_copy(const struct spec *spec)
{
	autoclean(spec_free_p) struct spec *copy = malloc(sizeof(*copy));
	struct piece piece;
	bool ok;

	if (!copy)
		return NULL;
	*copy = *spec;
	memset(&copy->matches, 0, sizeof(copy->matches));
	memset(&copy->target, 0, sizeof(copy->target));
	copy_text(&copy->protocol);
	copy_text(&copy->source.text);
	copy_text(&copy->destination.text);
	copy_text(&copy->in);
	copy_text(&copy->out);
	copy_text(&copy->jump);
	copy_text(&copy->comment);
	ok = (!spec->protocol || copy->protocol) && (!spec->source.text || copy->source.text) &&
	     (!spec->destination.text || copy->destination.text) && (!spec->in || copy->in) &&
	     (!spec->out || copy->out) && (!spec->jump || copy->jump) &&
	     (!spec->comment || copy->comment);
	for (size_t i = 0; ok && i < spec->matches.n; i++) {
		ok = piece_copy(&piece, &spec->matches.v[i]);
		if (!array_push(&copy->matches, piece)) {
			piece_free(&piece);
			ok = false;
		}
	}
	return ok && piece_copy(&copy->target, &spec->target) ? steal_pointer(&copy) : NULL;
}

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
