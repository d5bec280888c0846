/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answered to a message of a batch, in the plan's words. */
#pragma once

#include "kernel/batch.h"

struct refusal {
	int code;	   /* errno */
	uint32_t sequence; /* of the message */
	uint32_t offset;   /* of the attribute in it, from its header; 0: not told */
};

/* Sets the error. Always false. */
bool refusal_explain(const struct refusal *refusal, const struct batch *batch,
		     const struct plan *plan, struct untrack_error *err);

/* Did an element go away by itself before it could be deleted? Then the plan is out of date. */
bool refusal_is_expiry(const struct refusal *refusal, const struct batch *batch,
		       const struct plan *plan);
