/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lint wants to know of a host beside its rulesets. */
#pragma once

#include "api/context.h"
#include "api/result.h"
#include "lint/lint.h"

struct judge_host {
	interfaces devices;
	struct ruleset *legacy; /* iptables' legacy tables, or NULL */
	inet_ranges addresses;
	ARRAY(uint16_t) failsafe;
};

void judge_host_free(struct judge_host *host);
#define autojudge_host __attribute__((cleanup(judge_host_free))) struct judge_host

/* Fills the input, which then borrows from *host. */
bool judge_host_read(struct untrack *untrack, struct judge_host *host, struct lint_input *input,
		     texts *warnings, struct untrack_error *err);
