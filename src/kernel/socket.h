/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One nfnetlink socket and its requests; what kernel.h and conntrack.h stand on. */
#pragma once

#include "base/attr.h"
#include "base/error.h"
#include "base/namespace.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mnl_socket;

struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence; /* of the last request */
	uint8_t *buffer;   /* for what is received */
};

/* The opaque one of kernel.h. */
struct kernel {
	struct netlink netlink;
};

bool netlink_open(struct netlink *netlink, const struct netns *ns, struct untrack_error *err);
void netlink_close(struct netlink *netlink);
/* Without waiting for what was committed in its namespace (base/later.h). */
void netlink_close_later(struct netlink *netlink);

/* At least that much may lie in the socket's queue, as far as the caller's rights go. */
void netlink_receive_room(struct netlink *netlink, int bytes);
void netlink_send_room(struct netlink *netlink, int bytes);

/* Appends the header of a message; its attributes follow in `b`, then netlink_message_end(). */
size_t netlink_message_begin(struct buf *b, uint16_t type, uint16_t flags, uint8_t family,
			     uint16_t resource, uint32_t sequence);
void netlink_message_end(struct buf *b, size_t begin);

/* Sends the bytes as one sendmsg. 0, or the errno. */
int netlink_send(struct netlink *netlink, struct span bytes);
/* Receives into netlink->buffer. Its length, or -errno; with wait false -EAGAIN when the queue is
 * empty. */
ssize_t netlink_receive(struct netlink *netlink, bool wait);

struct netlink_request {
	uint16_t type;	  /* subsystem and message */
	bool acknowledge; /* the kernel tells when it is done */
	bool dump;	  /* many answers up to NLMSG_DONE; otherwise one */
	uint8_t family;
	struct span attrs;
	bool consistent;     /* every answer must be of that generation … */
	uint32_t generation; /* … by the low 16 bits in its nfgenmsg.res_id */
};

struct netlink_answer {
	uint16_t type; /* the message, without the subsystem */
	uint8_t family;
	struct span attrs;
};

enum netlink_outcome {
	NETLINK_DONE,
	NETLINK_CHANGED, /* what was read changed meanwhile; no error set */
	NETLINK_REFUSED, /* *ret_errno says why; no error set */
	NETLINK_FAILED,	 /* with the error set */
};

/* Calls fn for each answer. When fn returns false the rest is read but not handed on, and the
 * outcome is NETLINK_FAILED if it set an error, NETLINK_DONE otherwise. */
typedef bool netlink_fn(void *arg, const struct netlink_answer *answer, struct untrack_error *err);
enum netlink_outcome netlink_ask(struct netlink *netlink, const struct netlink_request *request,
				 netlink_fn *fn, void *arg, int *ret_errno,
				 struct untrack_error *err);

/* What a refusal of a whole request means, in words. Always false. */
bool netlink_refused(int errno_value, const char *what, struct untrack_error *err);
