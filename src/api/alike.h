/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that are alike, of which a rehearsal plays but the first and the last, as it leaves out the elements of
 * long lists. What the others have in the kernel differs in bytes that packets are compared with, which are in
 * it as they were sent (rule_shape.h), so that playing them tells no more; the kernel judges each when it is
 * committed.
 */
#pragma once

#include "model/ruleset.h"

/* For each of the chain's rules, whether it is left out: by the caller already (left_out may be NULL), or as one
 * of many. To be freed; NULL without memory. */
bool *alike_leave_out(const struct table *table, const struct chain *chain, const bool *left_out);
