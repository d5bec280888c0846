/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/own.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void own_clear(struct own *own)
{
	buf_free(&own->text);
	buf_free(&own->late);
	buf_free(&own->note);
	buf_free(&own->reason);
}

const struct use *use_find(const struct piece *piece, const char *name)
{
	array_for_each(use, &piece->uses)
		if (!strcmp(use->option->name, name))
			return use;
	return NULL;
}

enum own_answer own_refuse(struct own *own, const struct use *use, const char *format, ...)
{
	autofree char *why = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&why, format, ap) < 0)
		why = NULL;
	va_end(ap);
	own->reason.len = 0;
	if (use)
		buf_printf(&own->reason, "--%s%s%s: ", use->option->name, use->value[0] ? " " : "",
			   use->value[0] ? use->value[0] : "");
	buf_puts(&own->reason, why ? why : "out of memory");
	return OWN_REFUSED;
}

bool read_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end || value > max)
		return false;
	*ret_value = value;
	return true;
}

bool read_range(const char *text, char separator, uint64_t max, uint64_t *ret_from,
		uint64_t *ret_to)
{
	const char *mid = strchr(text, separator);
	autofree char *first = strndup(text, mid ? (size_t)(mid - text) : strlen(text));
	uint64_t from = 0, to = max;

	if (!first || (*first && !read_number(first, max, &from)) || (!*first && !mid))
		return false;
	if (mid && mid[1] && !read_number(mid + 1, max, &to))
		return false;
	if (!mid)
		to = from;
	if (from > to)
		return false;
	*ret_from = from;
	*ret_to = to;
	return true;
}

static bool read_port(const char *text, const char *protocol, uint64_t *ret_port)
{
	const struct servent *service;

	if (read_number(text, 65535, ret_port))
		return true;
	service = isalpha((unsigned char)*text) ? getservbyname(text, protocol) : NULL;
	if (service)
		*ret_port = ntohs((uint16_t)service->s_port);
	return service;
}

bool read_ports(const char *text, const char *protocol, uint64_t *ret_from, uint64_t *ret_to)
{
	autofree char *first = strdup(text);
	char *last = first ? strchr(first, ':') : NULL;
	uint64_t from = 0, to = 65535;

	if (last)
		*last++ = 0;
	if (!first || ((*first || !last) && !read_port(first, protocol, &from)) ||
	    (last && *last && !read_port(last, protocol, &to)))
		return false;
	if (!last)
		to = from;
	if (from > to)
		return false;
	*ret_from = from;
	*ret_to = to;
	return true;
}

bool read_mark(const char *text, uint64_t *ret_value, uint64_t *ret_mask)
{
	const char *slash = strchr(text, '/');
	autofree char *first = strndup(text, slash ? (size_t)(slash - text) : strlen(text));

	*ret_mask = UINT32_MAX;
	return first && read_number(first, UINT32_MAX, ret_value) &&
	       (!slash || read_number(slash + 1, UINT32_MAX, ret_mask));
}

void put_range(struct buf *b, uint64_t from, uint64_t to)
{
	buf_printf(b, "%" PRIu64, from);
	if (to != from)
		buf_printf(b, "-%" PRIu64, to);
}

bool own_define(struct own *own, const char *name, const char *origin, const char *text,
		bool text_only)
{
	struct definition definition = {.text_only = text_only};

	array_for_each(known, own->definitions) {
		if (strcmp(known->name, name))
			continue;
		if (!strcmp(known->origin, origin))
			return true;
		own_refuse(own, NULL, "'%s' is used twice, with different settings", name);
		return false;
	}
	definition.name = strdup(name);
	definition.text = strdup(text);
	definition.origin = strdup(origin);
	if (definition.name && definition.text && definition.origin &&
	    array_push(own->definitions, definition))
		return true;
	free(definition.name);
	free(definition.text);
	free(definition.origin);
	own_refuse(own, NULL, "out of memory");
	return false;
}

char *own_name(const char *prefix, const char *name)
{
	autobuf b = {0};

	buf_puts(&b, prefix);
	for (; *name; name++)
		buf_putc(&b, isalnum((unsigned char)*name) || *name == '-' ? *name : '_');
	return buf_steal_text(&b);
}

const char *port_word(const struct spec *spec)
{
	if (spec->protocol_negated)
		return NULL;
	switch (spec->protocol_number) {
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 33:
		return "dccp";
	case 132:
		return "sctp";
	case 136:
		return "udplite";
	default:
		return NULL;
	}
}
