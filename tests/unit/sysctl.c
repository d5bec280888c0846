/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resizes the host's one connection table, and so runs alone: whoever reads it meanwhile misses
 * entries. */
#include "kernel/sysctl.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

#define BUCKETS "net.netfilter.nf_conntrack_buckets"

static struct untrack_error err;

static void set_up(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
}

Test(sysctl, reads_and_writes, .init = set_up)
{
	static const char name[] = "net.netfilter.nf_conntrack_udp_timeout";
	uint64_t value = 0;

	cr_assert(sysctl_writable(name));
	cr_assert(sysctl_write(name, 47, &err), "%s", err.message);
	cr_assert(sysctl_read(name, &value, &err), "%s", err.message);
	cr_assert_eq(value, 47);
	cr_assert_eq(sysctl_rounded(name, 47), 47);
	cr_assert_not(sysctl_write(name, UINT64_MAX, &err));
	cr_assert_not_null(strstr(err.message, "out of range"), "%s", err.message);
}

Test(sysctl, refuses_what_is_not_there, .init = set_up)
{
	uint64_t value = 5;

	cr_assert_not(sysctl_writable("net.netfilter.no_such"));
	cr_assert_not(sysctl_read("net.netfilter.no_such", &value, &err));
	cr_assert_str_eq(err.message, "sysctl net.netfilter.no_such does not exist in this network "
				      "namespace; is its module loaded?");
	error_clear(&err);
	cr_assert_not(sysctl_read("net...etc", &value, &err));
	cr_assert_eq(err.code, ERROR_USAGE);
	error_clear(&err);
	cr_assert_not(sysctl_write("net.a//..b", 1, &err));
	cr_assert_eq(err.code, ERROR_USAGE);
	error_clear(&err);
	/* Only the initial namespace may resize the table. */
	cr_assert_not(sysctl_writable(BUCKETS));
	cr_assert_not(sysctl_write(BUCKETS, 512, &err));
	cr_assert_eq(err.code, ERROR_PERMISSION, "%s", err.message);
	cr_assert_eq(value, 5);
}

/* Whole pages of list heads: checked against the kernel where the table may be resized. */
Test(sysctl, knows_how_the_kernel_rounds)
{
	uint64_t before = 0, value = 0, sizes[] = {1, 512, 513, 100000};
	bool same = true;

	cr_assert_eq(sysctl_rounded(BUCKETS, 98304), 98304);
	if (!sysctl_writable(BUCKETS) || !sysctl_read(BUCKETS, &before, &err))
		cr_skip_test("not in the initial network namespace");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		same = same && sysctl_write(BUCKETS, sizes[i], &err) &&
		       sysctl_read(BUCKETS, &value, &err) &&
		       value == sysctl_rounded(BUCKETS, sizes[i]);
	cr_assert(sysctl_write(BUCKETS, before, &err));
	cr_assert(same, "%lu", (unsigned long)value);
}
