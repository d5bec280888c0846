/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_holes.h"

#include "document/nft_words.h"

enum { SHORTEST = 5 /* of the words in front of values */ };

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
	struct word last, earlier, first;
};

static void add_comment(struct holes *holes, struct word word)
{
	if (word.length > 2 && *word.start == '"' && word.start[word.length - 1] == '"')
		holes_add(holes, MARK_COMMENT, 0, word.start + 1, word.length - 2);
}

/* The rest of the word is a prefix length, and part of the shape. */
static void add_address(struct holes *holes, struct word word, bool ipv6)
{
	enum mark mark = ipv6 ? MARK_IPV6 : MARK_IPV4;
	const char *slash = memchr(word.start, '/', word.length), *end = word.start + word.length;
	uint64_t prefix = ipv6 ? 128 : 32;

	if (slash &&
	    (decimal_read(slash + 1, end, prefix, &prefix) != (size_t)(end - slash - 1) || !prefix))
		return;
	holes_add(holes, mark, (unsigned)prefix, word.start,
		  slash ? (size_t)(slash - word.start) : word.length);
}

/* Packets and bytes of `counter packets … bytes …`. */
static void add_counted(struct holes *holes, struct before before, struct word word,
			struct word next)
{
	bool packets = word_is(before.last, "packets") && word_is(before.earlier, "counter");
	bool bytes = word_is(before.last, "bytes") && word_is(before.first, "packets");

	if ((packets && word_is(next, "bytes")) || (bytes && begins_statement(next)))
		holes_add(holes, MARK_COUNTER, 0, word.start, word.length);
}

/* The word is a hole if it is a value. */
static void try_word(struct holes *holes, struct before before, struct word word, struct word next)
{
	bool port = word_is(before.last, "sport") || word_is(before.last, "dport");
	bool address = word_is(before.last, "saddr") || word_is(before.last, "daddr");
	bool ipv6 = word_is(before.earlier, "ip6");

	if (word_is(before.last, "comment")) {
		if (!next.length)
			add_comment(holes, word);
		return;
	}
	add_counted(holes, before, word, next);
	if ((!port && !address) || !begins_statement(next))
		return;
	if (address && (ipv6 || word_is(before.earlier, "ip")))
		add_address(holes, word, ipv6);
	else if (port && (word_is(before.earlier, "tcp") || word_is(before.earlier, "udp") ||
			  word_is(before.earlier, "sctp") || word_is(before.earlier, "th")))
		holes_add(holes, MARK_PORT, 0, word.start, word.length);
}

void nft_holes_find(const char *line, const char *end, struct holes *ret_holes)
{
	struct before before = {{line, 0}, {line, 0}, {line, 0}};
	const char *at = line;
	struct word word = word_next(&at, end), next;

	*ret_holes = (struct holes){.n = 0};
	for (; word.length; word = next) {
		next = word_next(&at, end);
		if (word_is_operator(word))
			continue;
		if (before.last.length >= SHORTEST)
			try_word(ret_holes, before, word, next);
		before = (struct before){word, before.last, before.earlier};
	}
}
