/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and ports, in the document or in a file of their own. */
#include "base/cleanup.h"
#include "base/inet_list.h"
#include "base/text.h"
#include "document/document.h"
#include "document/lift_keys.h"
#include "document/source.h"
#include "document/policy_parts.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define EXPECTED_PORT "an integer from 1 to 65535 or \"from-to\""
#define EXPECTED_ADDRESS "an IPv4 or IPv6 address or prefix"

/* Where an entry stands: in the document, or in a file that it names. */
struct place {
	const struct node *node;
	const char *file; /* NULL: in the document */
	unsigned line, column;
};

typedef bool entry_reader(const struct place *place, const char *text, void *list,
			  struct untrack_error *err);

struct list {
	const char *expected; /* of an entry */
	entry_reader *read;
	void *target;
	/* Reads a line that has nothing but a plain entry and moves behind its end. False for any other. */
	bool (*read_plain)(char **line, const char *end, void *target);
};

static bool refuse(const struct place *place, struct untrack_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool refuse(const struct place *place, struct untrack_error *err, const char *format, ...)
{
	autofree char *message = NULL, *path = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	if (!message)
		return error_memory(err);
	if (!place->file)
		return node_refuse(place->node, err, "%s", message);
	path = node_path(place->node);
	return error_at(err, ERROR_DOCUMENT, place->file, place->line, place->column, path, "%s",
			message);
}

static bool read_address(const struct place *place, const char *text, void *list,
			 struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX], meant[INET_TEXT_MAX];
	struct inet_range range;

	switch (inet_parse(text, &range)) {
	case INET_OK:
		return inet_list_push(list, &range) || error_memory(err);
	case INET_HOST_BITS:
		return refuse(place, err,
			      "bits are set behind the prefix, got '%s'; expected a prefix without "
			      "host bits; did you mean '%s'?",
			      text, inet_format(&range, meant));
	case INET_BAD_PREFIX_LENGTH:
		return refuse(place, err, "bad prefix length, got '%s'; expected 0 to %d",
			      text_show(text, strlen(text), shown), strchr(text, ':') ? 128 : 32);
	case INET_NOT_AN_ADDRESS:
		break;
	}
	return refuse(place, err, "not an address, got '%s'; expected " EXPECTED_ADDRESS,
		      text_show(text, strlen(text), shown));
}

/* An IPv4 address, or a prefix without host bits: what millions of lines are. */
static bool read_plain_address(char **line, const char *end, void *list)
{
	struct inet_list *to = list;
	struct inet4_range range;
	unsigned length = 32;
	const char *at = *line;
	uint32_t key, host;

	if (!lift_atom(&at, end, LIFT_IPV4, (uint8_t *)&key))
		return false;
	if (*at == '/') {
		at++;
		if (!lift_number(&at, end, 32, &length))
			return false;
	}
	host = length < 32 ? UINT32_MAX >> length : 0;
	range = (struct inet4_range){ntohl(key), ntohl(key) | host};
	if (*at != '\n' || (range.first & host) || !array_push(&to->v4, range))
		return false;
	*line += at + 1 - *line;
	return true;
}

/* Digits, not more than make sense; -1 if there are none. *at moves behind them. */
static long take_number(const char **at)
{
	long value = 0;

	if (!isdigit((unsigned char)**at))
		return -1;
	for (; isdigit((unsigned char)**at); (*at)++)
		value = value > 65535 ? value : value * 10 + (**at - '0');
	return value;
}

static bool push_ports(const struct place *place, const char *text, long from, long to,
		       port_ranges *list, struct untrack_error *err)
{
	struct port_range range = {(uint16_t)from, (uint16_t)to};

	if (from < 1 || from > 65535 || to < 1 || to > 65535)
		return refuse(place, err, "port out of range, got '%s'; expected " EXPECTED_PORT,
			      text);
	if (from > to)
		return refuse(place, err,
			      "port range from high to low, got '%s'; expected \"from-to\", the "
			      "lower port first; did you mean \"%ld-%ld\"?",
			      text, to, from);
	return array_push(list, range) || error_memory(err);
}

/* "from-to"; a single port as text only in a file. */
static bool read_port_text(const struct place *place, const char *text, void *list,
			   struct untrack_error *err)
{
	const char *at = text;
	char shown[TEXT_SHOWN_MAX];
	long from = take_number(&at), to = from;
	bool single = !*at;

	if (*at == '-') {
		at++;
		to = take_number(&at);
	}
	text_show(text, strlen(text), shown);
	if (from < 0 || to < 0 || *at)
		return refuse(place, err, "not a port, got '%s'; expected " EXPECTED_PORT, shown);
	if (single && !place->file && from >= 1 && from <= 65535)
		return refuse(place, err,
			      "a single port in quotes, got '\"%s\"'; expected " EXPECTED_PORT
			      "; did you mean %ld?",
			      shown, from);
	return push_ports(place, shown, from, to, list, err);
}

static bool read_entry(const struct node *node, void *target, struct untrack_error *err)
{
	const struct list *list = target;
	struct place place = {.node = node};
	const char *text;

	return node_string(node, list->expected, &text, err) &&
	       list->read(&place, text, list->target, err);
}

static bool read_port(const struct node *node, void *target, struct untrack_error *err)
{
	const struct list *list = target;
	struct place place = {.node = node};
	json_int_t port = json_integer_value(node->value);
	char shown[TEXT_SHOWN_MAX];

	if (!json_is_integer(node->value))
		return read_entry(node, target, err);
	if (port < 1 || port > 65535)
		port = 0;
	return push_ports(&place, port ? "" : node_show(node, shown), (long)port, (long)port,
			  list->target, err);
}

/* The path of a list, seen from the policy. */
static char *resolve(const char *document, const char *path)
{
	const char *slash = strrchr(document, '/');
	char *resolved;

	if (*path == '/' || !slash)
		return strdup(path);
	if (asprintf(&resolved, "%.*s%s", (int)(slash + 1 - document), document, path) < 0)
		return NULL;
	return resolved;
}

/* One line: an entry, a comment behind '#', or nothing. Writes a NUL behind the entry. */
static bool read_line(struct place *place, char *line, const struct list *list, size_t *count,
		      struct untrack_error *err)
{
	char *entry = line + strspn(line, " \t\r"), *end;

	entry[strcspn(entry, "#")] = 0;
	end = entry + strlen(entry);
	while (end > entry && strchr(" \t\r", end[-1]))
		*--end = 0;
	if (!*entry)
		return true;
	place->column = (unsigned)(entry - line) + 1;
	++*count;
	return list->read(place, entry, list->target, err);
}

static bool read_lines(const struct node *node, const char *name, char *text, const char *end,
		       const struct list *list, struct untrack_error *err)
{
	struct place place = {.node = node, .file = name};
	size_t count = 0;

	for (char *line = text, *next; line; line = next) {
		while (list->read_plain && list->read_plain(&line, end, list->target)) {
			place.line++;
			count++;
		}
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		place.line++;
		if (!read_line(&place, line, list, &count, err))
			return false;
	}
	if (!count)
		return node_refuse(node, err,
				   "file '%s': no entry; expected at least one, one a line", name);
	return true;
}

/* A file that cannot be read at all is the fault of the place that names it. */
static bool refuse_file(const struct node *node, const char *name, struct untrack_error *cause,
			struct untrack_error *err)
{
	struct json_place place = node_place(node);
	autofree char *path = node_path(node);

	if (cause->line || !cause->message || !path) {
		error_move(err, cause);
		return false;
	}
	return error_at(err, cause->code, node->document->file, place.line, place.column, path,
			"file '%s': %s", name, cause->message);
}

static bool remember_file(struct json_document *document, const char *name)
{
	char *copy = strdup(name);

	if (copy && array_push(&document->files, copy))
		return true;
	free(copy);
	return false;
}

static bool read_file(const struct node *node, void *target, struct untrack_error *err)
{
	autofree char *name = NULL, *text = NULL;
	autoerror cause = ERROR_INIT;
	autobuf content = {0};
	const char *path;
	size_t length;

	if (!node_string(node, "the path of a file with one entry a line", &path, err))
		return false;
	if (!*path)
		return node_refuse(node, err, "no path, got '\"\"'; expected the path of a file");
	name = resolve(node->document->file, path);
	if (!name)
		return error_memory(err);
	if (!source_read(name, name, DOCUMENT_MAX, &content, &cause))
		return refuse_file(node, name, &cause, err);
	if (!remember_file(node->document, name))
		return error_memory(err);
	length = content.len;
	text = buf_steal_text(&content);
	if (!text)
		return error_memory(err);
	return read_lines(node, name, text, text + length, target, err);
}

static bool read_list(const struct node *node, const char *expected, node_reader *read,
		      struct list *list, struct untrack_error *err)
{
	static const struct node_field fields[] = {{"file", true, read_file}};

	if (json_is_object(node->value))
		return node_object(node, "a list from a file", NODE_FIELDS(fields), list, err);
	return node_list(node, expected, false, read, list, err);
}

bool policy_addresses(const struct node *node, void *target, struct untrack_error *err)
{
	struct list list = {EXPECTED_ADDRESS, read_address, target, read_plain_address};

	return read_list(node, "an array of addresses and prefixes, or {\"file\": \"path\"}",
			 read_entry, &list, err);
}

bool policy_ports(const struct node *node, void *target, struct untrack_error *err)
{
	struct list list = {EXPECTED_PORT, read_port_text, target, NULL};

	return read_list(node, "an array of ports, or {\"file\": \"path\"}", read_port, &list, err);
}
