/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lint found: plain data with one owner. */
#pragma once

#include "base/array.h"

#include <stdbool.h>
#include <stdint.h>

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

struct finding {
	const char *code; /* a word of the table of codes, not owned: "no-accept" */
	enum severity severity;
	char *service;	 /* or NULL: no single service's */
	uint8_t family;	 /* of the rule that conflicts: NFPROTO_*; 0 if there is none */
	char *table;	 /* or NULL */
	char *chain;	 /* or NULL */
	uint64_t handle; /* of the rule; 0 if it is the chain's policy, or not loaded yet */
	char *message;	 /* what will happen */
	char *remedy;	 /* what to do */
};

struct findings {
	ARRAY(struct finding) list;
};

const char *severity_name(enum severity severity); /* "error", "warning", "note" */
void findings_free(struct findings *findings);
size_t findings_count(const struct findings *findings, enum severity severity);
#define autofindings __attribute__((cleanup(findings_free))) struct findings
