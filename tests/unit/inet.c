/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/inet.h"

#include <criterion/criterion.h>
#include <string.h>

static void round_trip(const char *text)
{
	struct inet_range range;
	char out[INET_TEXT_MAX];

	cr_assert_eq(inet_parse(text, &range), INET_OK, "%s", text);
	cr_assert_str_eq(inet_format(&range, out), text);
}

Test(inet, prints_what_it_reads)
{
	round_trip("192.0.2.1");
	round_trip("10.0.0.0/8");
	round_trip("0.0.0.0/0");
	round_trip("2001:db8::1");
	round_trip("2001:db8::/64");
	round_trip("::/0");
}

static void refuses(const char *text, enum inet_parse why)
{
	struct inet_range range;

	cr_assert_eq(inet_parse(text, &range), why, "%s", text);
}

Test(inet, refuses_what_is_no_prefix)
{
	refuses("10.0.0.0/33", INET_BAD_PREFIX_LENGTH);
	refuses("10.0.0.0/", INET_BAD_PREFIX_LENGTH);
	refuses("10.0.0.0/08", INET_BAD_PREFIX_LENGTH);
	refuses("10.0.0.0/-1", INET_BAD_PREFIX_LENGTH);
	refuses("::/129", INET_BAD_PREFIX_LENGTH);
	refuses("10.0.0", INET_NOT_AN_ADDRESS);
	refuses("10.0.0.256", INET_NOT_AN_ADDRESS);
	refuses("example.org", INET_NOT_AN_ADDRESS);
	refuses("", INET_NOT_AN_ADDRESS);
}

Test(inet, tells_the_prefix_without_host_bits)
{
	struct inet_range range;
	char out[INET_TEXT_MAX];

	cr_assert_eq(inet_parse("10.1.2.3/8", &range), INET_HOST_BITS);
	cr_assert_str_eq(inet_format(&range, out), "10.0.0.0/8");
}

static struct inet_range range_of(const char *text)
{
	struct inet_range range;

	cr_assert_eq(inet_parse(text, &range), INET_OK);
	return range;
}

Test(inet, merges_what_overlaps_or_touches)
{
	struct inet_range ranges[] = {range_of("10.0.1.0/24"),	   range_of("2001:db8::/32"),
				      range_of("10.0.0.0/24"),	   range_of("10.0.0.128/25"),
				      range_of("255.255.255.255"), range_of("2001:db8::1")};
	char out[INET_TEXT_MAX];

	cr_assert_eq(inet_merge(ranges, 6), 3);
	cr_assert_str_eq(inet_format(&ranges[0], out), "10.0.0.0/23");
	cr_assert_str_eq(inet_format(&ranges[1], out), "255.255.255.255");
	cr_assert_str_eq(inet_format(&ranges[2], out), "2001:db8::/32");
}
