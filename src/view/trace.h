/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel did with a packet. */
#pragma once

#include "base/array.h"

#include <stdbool.h>
#include <stdint.h>

/* A rule that the packet met, or the policy of a base chain. */
struct trace_line {
	const char *hook; /* "prerouting", constant */
	int32_t priority;
	uint8_t family;
	char *table;
	char *chain;
	uint64_t handle; /* on the host; 0: a policy, or a rule that is not loaded there yet */
	char *rule;	 /* its text, or NULL; of a policy "policy" */
	char *verdict;	 /* "accept", "continue", "jump web", … */
};

/* One packet's way. */
struct trace_way {
	bool untracked;
	const char *state; /* what `ct state` says, constant; NULL: it did not get to tracking */
	bool accepted;
	char *reason; /* why it is dropped, or NULL */
	ARRAY(struct trace_line) lines;
};
void trace_way_free(struct trace_way *way);
#define autoway __attribute__((cleanup(trace_way_free))) struct trace_way

/* New text, NULL without memory. */
char *view_trace_json(const struct trace_way *way, const struct trace_way *reply);
char *view_trace_text(const struct trace_way *way, const struct trace_way *reply);
