/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A batch goes out as one sendmsg, and is done when that returns: the answers are in the queue
 * then. Each refused message is answered, and the last step asks for an answer in any case. So success is
 * that answer and no refusal, and cannot be lost: one answer always fits.
 */
#include "kernel/kernel.h"

#include "base/cleanup.h"
#include "kernel/batch.h"
#include "kernel/refusal.h"
#include "kernel/socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>

struct answers {
	uint32_t first, last;	/* sequence numbers of batch-begin and of the last step */
	bool acknowledged;	/* the last step was answered */
	struct refusal refusal; /* the first one; code 0: none */
};

/* The extended part of an error: the attribute that it is about. */
static uint32_t error_offset(const struct nlmsghdr *head, const struct nlmsgerr *error)
{
	const uint8_t *payload = mnl_nlmsg_get_payload(head);
	size_t skip = sizeof(*error), len = mnl_nlmsg_get_payload_len(head);
	uint32_t offset = 0;
	struct span body;

	if (!(head->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (!(head->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (skip <= len &&
	    attr_find((struct span){payload + skip, len - skip}, NLMSGERR_ATTR_OFFS, &body) &&
	    body.len == sizeof(offset))
		memcpy(&offset, body.data, sizeof(offset)); /* in the host's order */
	return offset;
}

static void take_answer(struct answers *answers, const struct nlmsghdr *head)
{
	struct nlmsgerr error;
	uint32_t sequence = head->nlmsg_seq;

	if (head->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(head) < sizeof(error) ||
	    sequence - answers->first > answers->last - answers->first)
		return;
	memcpy(&error, mnl_nlmsg_get_payload(head), sizeof(error));
	if (!error.error)
		answers->acknowledged = answers->acknowledged || sequence == answers->last;
	else if (!answers->refusal.code)
		answers->refusal = (struct refusal){.code = -error.error,
						    .sequence = sequence,
						    .offset = error_offset(head, &error)};
}

/* Later refusals may not fit into the queue (ENOBUFS); the first one tells enough. */
static bool collect(struct netlink *netlink, struct answers *answers, struct untrack_error *err)
{
	for (;;) {
		ssize_t received = netlink_receive(netlink, false);
		const struct nlmsghdr *head = (const void *)netlink->buffer;
		int len = (int)received;

		if (received == -EAGAIN)
			return true;
		if (received < 0 && received != -ENOBUFS)
			return error_errno(err, (int)-received,
					   "the kernel's answer is not readable");
		for (; len > 0 && mnl_nlmsg_ok(head, len); head = mnl_nlmsg_next(head, &len))
			take_answer(answers, head);
	}
}

static bool send_batch(struct netlink *netlink, const struct batch *batch,
		       struct untrack_error *err)
{
	size_t len = batch->bytes.len;
	int why = len < INT_MAX / 2 ? 0 : EMSGSIZE;

	if (!why) {
		netlink_send_room(netlink, (int)len);
		why = netlink_send(netlink, buf_span(&batch->bytes));
	}
	if (why == EMSGSIZE)
		return error_set(err, ERROR_SYSTEM,
				 "the change has %zu KiB, more than this process may send as one "
				 "transaction; run it as root, or raise net.core.wmem_max",
				 len / 1024);
	if (why == ENOBUFS || why == ENOMEM)
		return error_set(err, ERROR_SYSTEM,
				 "the kernel has no memory for a change of %zu KiB", len / 1024);
	return !why || error_errno(err, why, "the change cannot be sent");
}

static enum commit_outcome judge(const struct answers *answers, const struct batch *batch,
				 const struct plan *plan, struct untrack_error *err)
{
	const struct refusal *refusal = &answers->refusal;

	if (refusal->code == ERESTART && refusal->sequence == answers->first)
		return COMMIT_STALE;
	if (refusal->code && refusal_is_expiry(refusal, batch, plan))
		return COMMIT_STALE;
	if (refusal->code) {
		refusal_explain(refusal, batch, plan, err);
		return COMMIT_FAILED;
	}
	if (answers->acknowledged)
		return COMMIT_DONE;
	error_set(err, ERROR_KERNEL, "the kernel did not answer whether the change was made");
	if (err)
		err->changed = true; /* for all we know */
	return COMMIT_FAILED;
}

enum commit_outcome kernel_commit(struct kernel *kernel, const struct plan *plan,
				  uint32_t generation, bool dry_run, struct untrack_error *err)
{
	struct netlink *netlink = &kernel->netlink;
	autoclean(batch_free) struct batch batch = {0};
	struct answers answers;

	if (!batch_build(&batch, plan, generation, dry_run, netlink->sequence + 1, err))
		return COMMIT_FAILED;
	if (!batch.messages.n)
		return COMMIT_DONE;
	answers = (struct answers){.first = batch.sequence,
				   .last = batch.sequence + (uint32_t)batch.messages.n};
	netlink->sequence = answers.last + 1;
	if (!send_batch(netlink, &batch, err) || !collect(netlink, &answers, err))
		return COMMIT_FAILED;
	return judge(&answers, &batch, plan, err);
}
