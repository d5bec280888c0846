/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_shapes.h"

#include "base/cleanup.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Marks of values in a key. Text that holds such characters itself is not taken apart. */
enum mark { MARK_IPV4 = 1, MARK_IPV6 = 2, MARK_PORT = 3, MARK_COMMENT = 4, MARKS };

enum { COMMENT_LONGEST = 120, SHORTEST = 5 /* of the words in front of values */ };

void text_shapes_free(struct text_shapes *shapes)
{
	array_for_each(key, &shapes->keys) {
		free(*key);
	}
	array_free(&shapes->keys);
	array_free(&shapes->all);
	array_free(&shapes->table);
	array_free(&shapes->values);
	buf_free(&shapes->key);
}

/* ------------------------------------------------------------------ values */

/* A decimal number without leading zeros. */
static bool read_number(const char *at, size_t length, unsigned most, unsigned *ret_number)
{
	unsigned number = 0;

	if (!length || length > 5 || (length > 1 && *at == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		number = number * 10 + (unsigned)(at[i] - '0');
	}
	*ret_number = number;
	return number <= most;
}

/* Are the bits beyond the prefix zero? */
static bool is_masked(const struct shape_value *value)
{
	for (unsigned bit = value->prefix; bit < value->size * 8u; bit++)
		if (value->bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

/* The address of a word, and how long it is in text: the rest is a prefix length, and part of the
 * shape. */
static size_t read_address(struct word word, bool ipv6, struct shape_value *ret_value)
{
	struct shape_value value = {.kind = VALUE_ADDRESS, .size = ipv6 ? 16 : 4};
	const char *slash = memchr(word.start, '/', word.length);
	size_t length = slash ? (size_t)(slash - word.start) : word.length;
	unsigned prefix = value.size * 8u;
	char text[INET6_ADDRSTRLEN];

	if (length >= sizeof(text) || (ipv6 && memchr(word.start, '.', length)))
		return 0;
	memcpy(text, word.start, length);
	text[length] = '\0';
	if (slash &&
	    (!read_number(slash + 1, word.length - length - 1, prefix, &prefix) || !prefix))
		return 0;
	value.prefix = (uint8_t)prefix;
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, text, value.bytes) != 1 || !is_masked(&value))
		return 0;
	*ret_value = value;
	return length;
}

static bool read_port(struct word word, struct shape_value *ret_value)
{
	unsigned port;

	if (!read_number(word.start, word.length, UINT16_MAX, &port))
		return false;
	*ret_value = (struct shape_value){
		.kind = VALUE_PORT, .size = 2, .bytes = {(uint8_t)(port >> 8), (uint8_t)port}};
	return true;
}

static bool read_comment(struct word word, struct shape_value *ret_value)
{
	if (word.length < 3 || word.length - 2 > COMMENT_LONGEST || *word.start != '"' ||
	    word.start[word.length - 1] != '"')
		return false;
	*ret_value = (struct shape_value){
		.kind = VALUE_COMMENT, .comment = word.start + 1, .length = word.length - 2};
	return true;
}

/* ------------------------------------------------------------------ lines */

/* May a value end here, as no expression goes on? */
static bool begins_statement(struct word word)
{
	static const char *const words[] = {
		"accept", "drop",    "return",	"continue", "reject",  "tcp", "udp",   "ip",
		"ip6",	  "meta",    "ct",	"counter",  "comment", "log", "limit", "jump",
		"goto",	  "notrack", "iifname", "oifname",  "sctp",    "th"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (word_is(word, words[i]))
			return true;
	return !word.length;
}

/* The last words in front of a value, without an operator. */
struct before {
	struct word last, earlier;
};

/* The value that a word is, if it is one. Its length in text, or 0. */
static size_t read_value(struct before before, struct word word, struct word next,
			 enum mark *ret_mark, struct shape_value *ret_value)
{
	bool port = word_is(before.last, "sport") || word_is(before.last, "dport");
	bool address = word_is(before.last, "saddr") || word_is(before.last, "daddr");
	bool ipv6 = word_is(before.earlier, "ip6");

	if (word_is(before.last, "comment")) {
		*ret_mark = MARK_COMMENT;
		return !next.length && read_comment(word, ret_value) ? word.length : 0;
	}
	if ((!port && !address) || !begins_statement(next))
		return 0;
	if (port && (word_is(before.earlier, "tcp") || word_is(before.earlier, "udp") ||
		     word_is(before.earlier, "sctp") || word_is(before.earlier, "th"))) {
		*ret_mark = MARK_PORT;
		return read_port(word, ret_value) ? word.length : 0;
	}
	if (port || (!ipv6 && !word_is(before.earlier, "ip")))
		return 0;
	*ret_mark = ipv6 ? MARK_IPV6 : MARK_IPV4;
	return read_address(word, ipv6, ret_value);
}

/* Writes the key, and the values. */
static bool mask(struct text_shapes *shapes, const char *line, const char *end)
{
	struct before before = {{line, 0}, {line, 0}};
	const char *at = line, *copied = line;
	struct word word = word_next(&at, end), next;
	size_t values = 0;

	for (shapes->key.len = 0; word.length; word = next) {
		struct shape_value value;
		enum mark which;
		size_t length;

		next = word_next(&at, end);
		if (word_is_operator(word))
			continue;
		length = values < SHAPE_VALUES && before.last.length >= SHORTEST
				 ? read_value(before, word, next, &which, &value)
				 : 0;
		if (length) {
			buf_put(&shapes->key, copied, (size_t)(word.start - copied));
			buf_putc(&shapes->key, (char)which);
			copied = word.start + length;
			values++;
			if (!array_push(&shapes->values, value))
				return false;
		}
		before = (struct before){word, before.last};
	}
	buf_put(&shapes->key, copied, (size_t)(end - copied));
	return !shapes->key.failed;
}

static size_t hash(struct span key, size_t place)
{
	return hash_place(hash_bytes(HASH_BEGIN + place, key.data, key.len));
}

static uint32_t *slot(struct text_shapes *shapes, struct span key, size_t place)
{
	size_t size = shapes->table.n - 1, at = hash(key, place) & size;

	for (;; at = (at + 1) & size) {
		uint32_t index = shapes->table.v[at];

		if (!index || (shapes->all.v[index - 1].place == place &&
			       span_equal(shapes->all.v[index - 1].key, key)))
			return &shapes->table.v[at];
	}
}

static bool make_room(struct text_shapes *shapes)
{
	size_t size = shapes->table.n ? shapes->table.n * 2 : 256;

	if (shapes->all.n < shapes->table.n / 2)
		return true;
	array_free(&shapes->table);
	if (!array_reserve(&shapes->table, size))
		return false;
	shapes->table.n = size;
	memset(shapes->table.v, 0, size * sizeof(*shapes->table.v));
	for (size_t i = 0; i < shapes->all.n; i++)
		*slot(shapes, shapes->all.v[i].key, shapes->all.v[i].place) = (uint32_t)i + 1;
	return true;
}

size_t text_shapes_add(struct text_shapes *shapes, const char *line, const char *end, size_t place)
{
	struct text_shape made = {.place = place};
	uint32_t *found;
	char *key;

	if (!mask(shapes, line, end) || !make_room(shapes))
		return SIZE_MAX;
	made.key = buf_span(&shapes->key);
	found = slot(shapes, made.key, place);
	if (*found)
		return *found - 1;
	key = malloc(made.key.len + 1);
	if (!key || !array_push(&shapes->keys, key)) {
		free(key);
		return SIZE_MAX;
	}
	memcpy(key, made.key.data, made.key.len);
	made.key.data = (const uint8_t *)key;
	made.plain = is_plain_rule(line, end);
	if (!array_push(&shapes->all, made))
		return SIZE_MAX;
	*found = (uint32_t)shapes->all.n;
	return shapes->all.n - 1;
}

/* ------------------------------------------------------------------ samples */

/* Two samples with bytes of their own in each place, and the extremes. */
static uint8_t sample_byte(size_t sample, size_t value, size_t byte)
{
	switch (sample) {
	case 0:
		return (uint8_t)(0x31 + 29 * value + 7 * byte);
	case 1:
		return (uint8_t)(0xa2 + 17 * value + 11 * byte);
	case 2:
		return 0;
	default:
		return 0xff;
	}
}

static void put_sample(struct buf *text, const struct shape_value *value, enum mark which)
{
	char address[INET6_ADDRSTRLEN];

	if (which == MARK_COMMENT)
		buf_printf(text, "\"%.*s\"", (int)value->length, value->comment);
	else if (which == MARK_PORT)
		buf_printf(text, "%u", (unsigned)(value->bytes[0] << 8 | value->bytes[1]));
	else
		buf_puts(text, inet_ntop(which == MARK_IPV6 ? AF_INET6 : AF_INET, value->bytes,
					 address, sizeof(address)));
}

/* rest: what follows the mark in the key */
static struct shape_value make_sample(size_t sample, size_t number, enum mark which,
				      struct span rest)
{
	static const char *const comments[SHAPE_SAMPLES] = {"first sample", "another sample",
							    "a third one", "4"};
	static const uint8_t sizes[MARKS] = {[MARK_IPV4] = 4, [MARK_IPV6] = 16, [MARK_PORT] = 2};
	struct shape_value value = {.kind = which == MARK_COMMENT ? VALUE_COMMENT
					    : which == MARK_PORT  ? VALUE_PORT
								  : VALUE_ADDRESS,
				    .size = sizes[which]};
	unsigned prefix = value.size * 8u, digits = 1;

	if (which == MARK_COMMENT) {
		value.comment = comments[sample];
		value.length = strlen(comments[sample]);
	}

	if (value.kind == VALUE_ADDRESS && rest.len && *rest.data == '/') {
		prefix = 0;
		for (; digits < rest.len && rest.data[digits] >= '0' && rest.data[digits] <= '9';
		     digits++)
			prefix = prefix * 10 + rest.data[digits] - '0';
	}
	value.prefix = value.kind == VALUE_ADDRESS ? (uint8_t)prefix : 0;
	for (unsigned bit = 0; bit < value.size * 8u && (bit < prefix || value.kind == VALUE_PORT);
	     bit++)
		value.bytes[bit / 8] |= sample_byte(sample, number, bit / 8) & (0x80 >> bit % 8);
	return value;
}

bool text_shape_samples(const struct text_shape *shape, shape_values *ret_values,
			struct buf *ret_text)
{
	for (size_t sample = 0; sample < SHAPE_SAMPLES; sample++) {
		size_t number = 0;

		for (size_t i = 0; i < shape->key.len; i++) {
			uint8_t byte = shape->key.data[i];
			struct span rest = {shape->key.data + i + 1, shape->key.len - i - 1};
			struct shape_value value;

			if (!byte || byte >= MARKS) {
				buf_putc(ret_text, (char)byte);
				continue;
			}
			value = make_sample(sample, number++, byte, rest);
			put_sample(ret_text, &value, byte);
			if (!array_push(ret_values, value))
				return false;
		}
		buf_putc(ret_text, '\n');
	}
	return !ret_text->failed;
}
