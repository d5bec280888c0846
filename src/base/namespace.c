/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calling thread never leaves its namespace: a thread of its own goes where it must and ends
 * there. Coming back by setns() may be forbidden (a process in a user namespace whose network
 * namespace belongs to the parent's). Joining a user namespace needs a process with one thread, so
 * there a child goes, and hands descriptors back.
 */
#include "base/namespace.h"

#include "base/cleanup.h"
#include "base/thread.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

/* The initial network namespace on kernels that fix its number (linux/nsfs.h: NET_NS_INIT_INO);
 * others number from 0xF0000000 up. */
#define INITIAL_INODE 0xEFFFFFF9U

#define OWN_PATH "/proc/thread-self/ns/net"

void netns_close(struct netns *ns)
{
	if (ns->user >= 0)
		close(ns->user);
	if (ns->net >= 0)
		close(ns->net);
	*ns = NETNS_OWN;
}

/* ------------------------------------------------------------------ opening */

static bool is_number(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isdigit((unsigned char)*text))
			return false;
	return true;
}

/* -1 with errno */
static int open_between(const char *before, const char *name, const char *after)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%s%s%s", before, name, after) < 0) {
		path = NULL;
		errno = ENOMEM;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool netns_open(const char *name, struct netns *ret_ns, struct untrack_error *err)
{
	autoclose int fd = -1;

	if (strchr(name, '/')) {
		fd = open(name, O_RDONLY | O_CLOEXEC);
	} else if (*name) {
		fd = open_between("/run/netns/", name, "");
		if (fd < 0 && errno == ENOENT && is_number(name))
			fd = open_between("/proc/", name, "/ns/net");
	} else {
		errno = ENOENT;
	}
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return error_set(err, ERROR_USAGE,
				 "network namespace, got '%s', which does not exist; expected a "
				 "name of 'ip netns', a path, or a process id",
				 name);
	if (fd < 0)
		return error_errno(err, errno, "network namespace '%s' cannot be opened", name);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return error_set(err, ERROR_USAGE,
				 "network namespace, got '%s', which is something else; expected a "
				 "name of 'ip netns', a path, or a process id",
				 name);
	*ret_ns = (struct netns){.user = -1, .net = steal_fd(&fd)};
	return true;
}

/* ------------------------------------------------------------------ what is done elsewhere */

/* One errand: where to go, what to bring back. Runs in a thread or a child, so it says what failed
 * by errno and a word instead of an error object. */
struct errand {
	struct netns target; /* to join; unused for a scratch namespace */
	bool make;	     /* make a scratch namespace, bring back its descriptors */
	int protocol;	     /* otherwise: bring back a netlink socket */
	int fds[2];	     /* socket, or net and user; -1: none */
	int failed;	     /* errno, 0 for done */
	char step[48];	     /* what failed */
};

static bool failed(struct errand *errand, const char *step)
{
	errand->failed = errno ? errno : EINVAL;
	snprintf(errand->step, sizeof(errand->step), "%s", step);
	return false;
}

static bool loopback_up(void)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return false;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static bool join(const struct netns *ns)
{
	if (ns->user >= 0 && setns(ns->user, CLONE_NEWUSER) < 0)
		return false;
	return ns->net < 0 || setns(ns->net, CLONE_NEWNET) == 0;
}

static bool make_scratch(struct errand *errand)
{
	if (unshare(CLONE_NEWNET) < 0)
		return failed(errand, "unshare(CLONE_NEWNET)");
	if (!loopback_up())
		return failed(errand, "setting lo up");
	errand->fds[0] = open(OWN_PATH, O_RDONLY | O_CLOEXEC);
	return errand->fds[0] >= 0 || failed(errand, "open(" OWN_PATH ")");
}

static bool open_socket(struct errand *errand)
{
	if (!join(&errand->target))
		return failed(errand, "setns()");
	errand->fds[0] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, errand->protocol);
	return errand->fds[0] >= 0 || failed(errand, "socket(AF_NETLINK)");
}

static void *errand_thread(void *arg)
{
	struct errand *errand = arg;

	if (errand->make)
		make_scratch(errand);
	else
		open_socket(errand);
	return NULL;
}

static bool send_thread(struct errand *errand, struct untrack_error *err)
{
	pthread_t thread;
	int refused = thread_start(&thread, errand_thread, errand);

	if (refused)
		return error_errno(err, refused, "a thread cannot be started");
	pthread_join(thread, NULL);
	return true;
}

static bool write_file(const char *path, const char *text)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A user namespace in which the caller is root; everything in it is his. */
static bool make_user_namespace(struct errand *errand)
{
	char uid_map[32], gid_map[32];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1\n", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1\n", getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return failed(errand, "unshare(CLONE_NEWUSER)");
	if (!write_file("/proc/self/setgroups", "deny") ||
	    !write_file("/proc/self/uid_map", uid_map) ||
	    !write_file("/proc/self/gid_map", gid_map))
		return failed(errand, "mapping the user id");
	errand->fds[1] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	return errand->fds[1] >= 0 || failed(errand, "open(/proc/self/ns/user)");
}

/* The errand and its descriptors as one message (unix(7), SCM_RIGHTS). */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

static bool send_back(int channel, const struct errand *errand)
{
	struct errand copy = *errand;
	struct iovec body = {&copy, sizeof(copy)};
	union control control = {0};
	struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1};
	size_t count = (errand->fds[0] >= 0) + (errand->fds[0] >= 0 && errand->fds[1] >= 0);

	if (count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), errand->fds, count * sizeof(int));
	}
	return sendmsg(channel, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(copy);
}

static bool take_back(int channel, struct errand *errand)
{
	struct iovec body = {errand, sizeof(*errand)};
	union control control;
	struct msghdr message = {.msg_iov = &body,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t len;

	do
		len = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	errand->fds[0] = errand->fds[1] = -1;
	if (len != (ssize_t)sizeof(*errand))
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(errand->fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return true;
}

static pid_t wait_for(pid_t pid, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

/* In a child with one thread, for what needs a user namespace. */
static bool send_child(struct errand *errand, struct untrack_error *err)
{
	int pair[2], status;
	bool back;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, errno, "a socket pair cannot be made");
	pid = fork();
	if (pid == 0) {
		if (!errand->make)
			open_socket(errand);
		else if (make_user_namespace(errand))
			make_scratch(errand);
		_exit(send_back(pair[1], errand) ? 0 : 1);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error_errno(err, errno, "a process cannot be started");
	}
	back = take_back(pair[0], errand);
	close(pair[0]);
	wait_for(pid, &status);
	return back || error_set(err, ERROR_SYSTEM,
				 "the process sent into a network namespace did not answer");
}

bool netns_scratch(struct netns *ret_ns, struct untrack_error *err)
{
	struct errand errand = {.make = true, .fds = {-1, -1}};

	if (!send_thread(&errand, err))
		return false;
	if (errand.failed == EPERM) {
		errand = (struct errand){.make = true, .fds = {-1, -1}};
		if (!send_child(&errand, err))
			return false;
	}
	if (errand.failed) {
		struct netns rest = {.net = errand.fds[0], .user = errand.fds[1]};

		netns_close(&rest);
		return error_errno(err, errand.failed,
				   "a scratch network namespace cannot be made: %s", errand.step);
	}
	*ret_ns = (struct netns){.net = errand.fds[0], .user = errand.fds[1]};
	return true;
}

int netns_netlink_socket(const struct netns *ns, int protocol, struct untrack_error *err)
{
	struct errand errand = {.target = *ns, .protocol = protocol, .fds = {-1, -1}};

	if (ns->user >= 0) {
		if (!send_child(&errand, err))
			return -1;
	} else if (ns->net >= 0) {
		if (!send_thread(&errand, err))
			return -1;
	} else {
		open_socket(&errand);
	}
	if (errand.failed)
		error_errno(err, errand.failed, "netlink in the network namespace: %s",
			    errand.step);
	return errand.fds[0];
}

/* ------------------------------------------------------------------ identity */

static bool is_initial(void)
{
	struct stat st;

	if (stat(OWN_PATH, &st) == 0 && st.st_ino == INITIAL_INODE)
		return true;
	/* Older kernels: this one is registered for the initial namespace alone
	 * (net/core/sysctl_net_core.c: net_core_table), and /proc/sys/net shows the caller's. */
	return access("/proc/sys/net/core/netdev_max_backlog", F_OK) == 0;
}

bool netns_identity(char ret_identity[NETNS_IDENTITY_MAX], struct untrack_error *err)
{
	static const char boot_path[] = "/proc/sys/kernel/random/boot_id";
	autoclose int fd = -1;
	autofclose FILE *file = NULL;
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	char boot[37];

	if (is_initial()) {
		memcpy(ret_identity, "init", sizeof("init"));
		return true;
	}
	file = fopen(boot_path, "re");
	if (!file || !fgets(boot, sizeof(boot), file))
		return error_errno(err, errno, "%s cannot be read", boot_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return error_errno(err, errno, "the network namespace's cookie cannot be read");
	snprintf(ret_identity, NETNS_IDENTITY_MAX, "%s-%" PRIu64, boot, cookie);
	return true;
}
