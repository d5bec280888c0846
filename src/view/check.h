/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check found. New text, NULL without memory. */
#pragma once

#include "base/array.h"
#include "model/finding.h"

#include <stdbool.h>

/* One `expect` line and how it came out. */
struct expectation {
	const char *packet; /* borrowed from the policy */
	bool untracked;	    /* what was expected */
	bool ok;
	char *found; /* in words, where it is not ok; owned */
};
typedef ARRAY(struct expectation) expectations;
void expectations_free(expectations *list);

/* No finding of level error, and all came out as expected. */
bool view_check_ok(const struct findings *findings, const expectations *expected);
char *view_check_json(const struct findings *findings, const expectations *expected);
char *view_check_text(const struct findings *findings, const expectations *expected);
