/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_words.h"

#include <ctype.h>
#include <string.h>

/* What a word of more than one character may hold. */
static bool belongs(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '-' && c <= ':') || (c >= '@' && c <= 'Z') ||
	       c == '_';
}

struct word word_next(const char **at, const char *end)
{
	struct word word;

	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
		(*at)++;
	word.start = *at;
	if (*at < end && **at == '"') {
		do
			(*at)++;
		while (*at < end && **at != '"');
		*at += *at < end;
	} else if (end - *at > 1 && (*at)[1] == '=' && (**at == '=' || **at == '!')) {
		*at += 2;
	} else if (*at < end && belongs(**at)) {
		while (*at < end && belongs(**at))
			(*at)++;
	} else if (*at < end) {
		(*at)++;
	}
	word.length = (size_t)(*at - word.start);
	return word;
}

bool word_is_identifier(struct word word)
{
	for (size_t i = 0; i < word.length; i++)
		if (!isalnum((unsigned char)word.start[i]) && word.start[i] != '_' &&
		    (!i || !strchr("-./", word.start[i])))
			return false;
	return word.length && (isalpha((unsigned char)*word.start) || *word.start == '_');
}

bool word_is_number(struct word word)
{
	bool colon = memchr(word.start, ':', word.length);
	bool hex = colon || (word.length > 2 && word.start[0] == '0' && word.start[1] == 'x');

	if (!isdigit((unsigned char)*word.start) && !colon)
		return false;
	for (size_t i = hex && !colon ? 2 : 0; i < word.length; i++) {
		unsigned char c = (unsigned char)word.start[i];

		if (!isdigit(c) && !(hex && isxdigit(c)) &&
		    (!strchr(".-/:", c) || (hex && c == '.')))
			return false;
	}
	return true;
}

/* "10/second" */
static bool is_rate(struct word word)
{
	static const char *const units[] = {"/second", "/minute", "/hour", "/day", "/week"};
	size_t digits = 0;

	while (digits < word.length && isdigit((unsigned char)word.start[digits]))
		digits++;
	for (size_t i = 0; digits && i < sizeof(units) / sizeof(*units); i++)
		if (word_is((struct word){word.start + digits, word.length - digits}, units[i]))
			return true;
	return false;
}

static bool is_interface(struct word word)
{
	return word_is(word, "iifname") || word_is(word, "oifname");
}

bool word_is_operator(struct word word)
{
	return word_is(word, "==") || word_is(word, "!=");
}

bool word_is_plain(struct word word)
{
	static const char *const words[] = {
		"ip",	       "ip6",	  "tcp",       "udp",	  "sctp",     "th",	  "meta",
		"ct",	       "saddr",	  "daddr",     "sport",	  "dport",    "protocol", "l4proto",
		"nfproto",     "ipv4",	  "ipv6",      "mark",	  "state",    "new",	  "related",
		"established", "invalid", "untracked", "iifname", "oifname",  "counter",  "packets",
		"bytes",       "accept",  "drop",      "return",  "continue", "notrack",  "reject",
		"log",	       "prefix",  "comment",   "limit",	  "rate",     "over",	  "burst",
		"length",      "ttl",	  "hoplimit",  "nexthdr", "dscp",     "and",	  "or",
		"eq",	       "ne",	  "set",       "ether",	  "status",   "dnat",	  "snat",
		"to",	       ".",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (word_is(word, words[i]))
			return true;
	return word_is_operator(word) || (word.length == 1 && strchr("<>&|,", *word.start));
}

/* Where a word stands in its rule. */
struct context {
	struct word before, earlier;
	bool in_set;	    /* in the braces of an anonymous set */
	bool of_interfaces; /* which are what it is a set of */
};

static bool follows_interface(const struct context *context)
{
	return is_interface(context->before) ||
	       (word_is_operator(context->before) && is_interface(context->earlier));
}

/* Braces of a chain that is part of the rule are not plain, nor are sets of sets. */
static bool is_plain_brace(struct context *context, struct word word)
{
	bool opens = word_is(word, "{");

	if (opens == context->in_set || word_is(context->before, "jump") ||
	    word_is(context->before, "goto"))
		return false;
	context->of_interfaces = opens && follows_interface(context);
	context->in_set = opens;
	return true;
}

static bool is_plain(struct context *context, struct word word)
{
	bool of_interface = context->in_set ? context->of_interfaces : follows_interface(context);
	bool names = word_is(context->before, "jump") || word_is(context->before, "goto") ||
		     of_interface;

	if (word_is(word, "{") || word_is(word, "}"))
		return is_plain_brace(context, word);
	if (*word.start == '"') /* elsewhere it may be a host's name */
		return word_is(context->before, "comment") || word_is(context->before, "prefix") ||
		       of_interface;
	if (*word.start == '@')
		return word_is_identifier((struct word){word.start + 1, word.length - 1});
	return word_is_plain(word) || word_is(word, "jump") || word_is(word, "goto") ||
	       word_is_number(word) || is_rate(word) || (names && word_is_identifier(word));
}

bool is_plain_rule(const char *at, const char *end, bool *ret_sets)
{
	struct word word = word_next(&at, end);
	struct context context = {0};
	bool sets = false;

	if (!word_is_plain(word) || word_is(word, "comment") || word_is(word, "set") ||
	    word.length < 2)
		return false;
	for (; word.length; word = word_next(&at, end)) {
		if (!is_plain(&context, word))
			return false;
		sets |= context.in_set;
		context.earlier = context.before;
		context.before = word;
	}
	*ret_sets = sets;
	return !context.in_set;
}
