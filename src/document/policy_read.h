/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a policy: every key of untrack-policy(5), judged. */
#pragma once

#include "document/json.h"
#include "model/policy.h"

/* NULL with the error set. Files of lists are read relative to the directory of document->file. */
struct policy *policy_read(struct json_document *document, struct untrack_error *err);
