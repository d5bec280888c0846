/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/namespace.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

struct netns_entered netns_enter(const struct netns *ns, struct untrack_error *err)
{
	struct netns_entered entered = {.back = -1};
	autoclose int back = -1;

	if (ns->net < 0)
		return entered;
	back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (back < 0 || setns(ns->net, CLONE_NEWNET) < 0) {
		error_errno(err, errno, "cannot enter the network namespace");
		entered.failed = true;
		return entered;
	}
	entered.back = steal_fd(&back);
	return entered;
}

void netns_leave(struct netns_entered *entered)
{
	if (entered->back < 0)
		return;
	setns(entered->back,
	      CLONE_NEWNET); /* we have been there: it cannot fail for lack of right */
	close(steal_fd(&entered->back));
}
