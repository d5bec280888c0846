/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces: open one, make an empty one, work in one. (namespaces(7), setns(2))
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

/* File descriptors of namespaces. net < 0: the caller's own. user >= 0: the user namespace that owns
 * it and must be joined first (scratch namespaces made without privilege). */
struct netns {
	int user;
	int net;
};
#define NETNS_OWN ((struct netns){-1, -1})

/* NAME of `ip netns`, a PATH (has a slash), or a PID. */
bool netns_open(const char *name, struct netns *ret_ns, struct untrack_error *err);
/* An empty one with lo up, held by its descriptors alone; through a user namespace where the caller
 * may not make one directly. About 4 ms. */
bool netns_scratch(struct netns *ret_ns, struct untrack_error *err);
void netns_close(struct netns *ns);
#define autonetns __attribute__((cleanup(netns_close))) struct netns

/* Runs fn in a child process inside the namespace; the child's bytes come back in ret_output. What
 * the child does to memory is lost, what crashes there does not take the caller along (the error then
 * names the signal). fn returns false with its error set, which is carried over whole. */
typedef bool netns_fn(void *arg, struct buf *output, struct untrack_error *err);
bool netns_run(const struct netns *ns, netns_fn *fn, void *arg, struct buf *ret_output,
	       struct untrack_error *err);

/* A netlink socket opened in the namespace (type SOCK_RAW | SOCK_CLOEXEC), or -1. */
int netns_netlink_socket(const struct netns *ns, int protocol, struct untrack_error *err);

/* "init", or "BOOTID-COOKIE" (SO_NETNS_COOKIE: never used again, unlike inode numbers). For the
 * namespace the calling thread is in. */
#define NETNS_IDENTITY_MAX 64
bool netns_identity(char ret_identity[NETNS_IDENTITY_MAX], struct untrack_error *err);

/* Moves the calling thread into the namespace until the scope ends:
 *   autoenter entered = netns_enter(&ns, err);
 * entered.failed tells that it did not work (the error is set). NETNS_OWN does nothing. */
struct netns_entered {
	int back; /* the thread's own namespace, or -1 */
	bool failed;
};
struct netns_entered netns_enter(const struct netns *ns, struct untrack_error *err);
void netns_leave(struct netns_entered *entered);
#define autoenter __attribute__((cleanup(netns_leave))) struct netns_entered
