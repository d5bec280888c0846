/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named counters, as libnftables lists them: a policy has two for each service, and they are the only
 * objects that there may be thousands of, so they are printed without asking it. */
#pragma once

#include "base/buf.h"
#include "model/ruleset.h"

#include <jansson.h>

/* A counter with nothing to tell but its values. */
bool view_is_plain_counter(const struct stateful *object);
/* What a listing has of it: the body of "counter", and what stands between the braces, in one line. */
json_t *view_counter_json(const struct table *table, const struct stateful *counter);
void view_counter_text(struct buf *out, const struct stateful *counter);
