/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

static void shows(const char *text, size_t length, const char *expected)
{
	char out[TEXT_SHOWN_MAX];

	cr_assert_str_eq(text_show(text, length, out), expected);
}

Test(text, shows_what_came_without_harm)
{
	shows("web", 3, "web");
	shows("", 0, "");
	shows("Zürich €", strlen("Zürich €"), "Zürich €");
	shows("\x1b[31m", 5, "\\x1b[31m");
	shows("a\0b\n\x7f", 5, "a\\x00b\\x0a\\x7f");
	shows("\xc2\x9b", 2, "\\xc2\\x9b");
	shows("\xff\xc3", 2, "\\xff\\xc3");
	shows("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");
}

Test(text, cuts_what_is_long)
{
	char text[1000], out[TEXT_SHOWN_MAX];

	memset(text, 'x', sizeof(text));
	text_show(text, sizeof(text), out);
	cr_assert_eq(strlen(out), 60 + strlen("…"));
	memset(text, 0x1b, sizeof(text));
	text_show(text, sizeof(text), out);
	cr_assert_eq(strlen(out), 60 + strlen("…"));
	for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
		memcpy(text + i, "€", 3);
	text_show(text, 999, out);
	cr_assert_eq(strlen(out), 60 + strlen("…"));
}

static void means(const char *word, const char *meant)
{
	static const char *const words[] = {"server", "client", "forward", "peer", "ports",
					    "peers",  "ip",	"ip6",	   "inet"};
	const char *got = text_suggest(word, words, sizeof(words) / sizeof(*words), sizeof(*words));

	if (meant)
		cr_assert_str_eq(got ? got : "nothing", meant, "%s", word);
	else
		cr_assert_null(got, "%s: %s", word, got);
}

Test(text, tells_what_was_meant)
{
	means("prots", "ports");
	means("Server", "server");
	means("severs", "server");
	means("clinet", "client");
	means("pee", "peer");
	means("forwrad", "forward");
	means("ipv6", "ip6");
	means("INET", "inet");
	means("forw", "forward");
	means("f", NULL);
	means("banana", NULL);
	means("x", NULL);
	means("", NULL);
	means("serverserverserverserverserverserverserverserver", NULL);
}
