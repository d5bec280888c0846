/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/namespace.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static ino_t here(void)
{
	struct stat st;

	cr_assert_eq(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static bool report(void *arg, struct buf *output, struct untrack_error *err)
{
	struct ifreq request = {.ifr_name = "lo"};
	autoclose int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)arg;
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return error_set(err, ERROR_SYSTEM, "no lo");
	buf_printf(output, "%lu %s", (unsigned long)here(),
		   request.ifr_flags & IFF_UP ? "up" : "down");
	return true;
}

/* The caller stays where he is; the scratch namespace is another one, with lo up. NULL, or what is
 * wrong. */
static const char *check_scratch(struct untrack_error *err)
{
	autonetns ns = NETNS_OWN;
	autobuf output = {0};
	autoclose int fd = -1;
	ino_t before = here();
	struct stat st;
	char expected[64];

	if (!netns_scratch(&ns, err))
		return err->message;
	if (here() != before)
		return "the caller moved";
	if (!netns_run(&ns, report, NULL, &output, err))
		return err->message;
	if (fstat(ns.net, &st) < 0 || st.st_ino == before)
		return "no other namespace";
	snprintf(expected, sizeof(expected), "%lu up", (unsigned long)st.st_ino);
	if (strcmp(buf_text(&output), expected))
		return "work was done elsewhere, or lo is down";
	fd = netns_netlink_socket(&ns, NETLINK_NETFILTER, err);
	if (fd < 0)
		return err->message;
	return here() == before ? NULL : "the caller moved";
}

/* Criterion's processes have threads, which may not enter user namespaces. */
static void check_scratch_in_child(bool (*prepare)(void))
{
	autoerror err = ERROR_INIT;
	const char *wrong;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		wrong = prepare() ? check_scratch(&err) : strerror(errno);
		if (wrong)
			fprintf(stderr, "%s\n", wrong);
		_exit(wrong ? 1 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

static bool become_nobody(void)
{
	return setresuid(65534, 65534, 65534) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

static bool enter_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

Test(netns, scratch_leaves_the_caller_where_he_is)
{
	autoerror err = ERROR_INIT;
	const char *wrong = check_scratch(&err);

	cr_assert_null(wrong, "%s", wrong);
}

Test(netns, scratch_without_privilege)
{
	check_scratch_in_child(become_nobody);
}

/* Root in a user namespace may make network namespaces, but not join the one he came from. */
Test(netns, scratch_in_a_user_namespace)
{
	check_scratch_in_child(enter_user_namespace);
}

static bool refuse(void *arg, struct buf *output, struct untrack_error *err)
{
	(void)arg;
	buf_puts(output, "lost");
	return error_at(err, ERROR_DOCUMENT, "file.nft", 3, 7, "/path", "syntax error, got 'x'");
}

static bool crash(void *arg, struct buf *output, struct untrack_error *err)
{
	(void)arg, (void)output, (void)err;
	raise(SIGSEGV);
	return true;
}

static bool leave(void *arg, struct buf *output, struct untrack_error *err)
{
	(void)arg, (void)output, (void)err;
	_exit(5);
}

static bool much(void *arg, struct buf *output, struct untrack_error *err)
{
	(void)arg, (void)err;
	buf_zero(output, 3000000);
	return true;
}

Test(netns, run_carries_errors_over)
{
	struct netns own = NETNS_OWN;
	autobuf output = {0};
	autoerror err = ERROR_INIT;

	cr_assert_not(netns_run(&own, refuse, NULL, &output, &err));
	cr_assert_eq(err.code, ERROR_DOCUMENT);
	cr_assert_str_eq(err.message, "syntax error, got 'x'");
	cr_assert_str_eq(err.file, "file.nft");
	cr_assert_str_eq(err.path, "/path");
	cr_assert_eq(err.line, 3);
	cr_assert_eq(err.column, 7);
	cr_assert_null(output.data);
}

Test(netns, run_survives_what_it_runs)
{
	struct netns own = NETNS_OWN;
	autobuf output = {0};
	autoerror err = ERROR_INIT;

	signal(SIGSEGV, SIG_DFL);
	cr_assert_not(netns_run(&own, crash, NULL, &output, &err));
	cr_assert_eq(err.code, ERROR_SYSTEM);
	cr_assert_not_null(strstr(err.message, "signal 11"), "%s", err.message);
	error_clear(&err);
	cr_assert_not(netns_run(&own, leave, NULL, &output, &err));
	cr_assert_not_null(strstr(err.message, "exit status 5"), "%s", err.message);
	error_clear(&err);
	cr_assert(netns_run(&own, much, NULL, &output, &err), "%s", err.message);
	cr_assert_eq(output.len, 3000000);
}

Test(netns, identity)
{
	char first[NETNS_IDENTITY_MAX], again[NETNS_IDENTITY_MAX], other[NETNS_IDENTITY_MAX];
	autoerror err = ERROR_INIT;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	cr_assert(netns_identity(first, &err), "%s", err.message);
	cr_assert(netns_identity(again, &err));
	cr_assert_str_eq(first, again);
	cr_assert_eq(strspn(first, "0123456789abcdef-"), strlen(first), "%s", first);
	cr_assert_gt(strlen(first), 37);
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	cr_assert(netns_identity(other, &err));
	cr_assert_str_neq(first, other);
}

Test(netns, open_refuses_what_is_none)
{
	autonetns ns = NETNS_OWN;
	autoerror err = ERROR_INIT;
	char pid[16];

	cr_assert_not(netns_open("no-such-namespace", &ns, &err));
	cr_assert_eq(err.code, ERROR_USAGE);
	error_clear(&err);
	cr_assert_not(netns_open("/proc/self/ns/user", &ns, &err));
	cr_assert_not_null(strstr(err.message, "something else"), "%s", err.message);
	error_clear(&err);
	cr_assert_not(netns_open("", &ns, &err));
	error_clear(&err);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	cr_assert(netns_open(pid, &ns, &err), "%s", err.message);
}
