/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy's `expect`: packets and what shall become of them. */
#pragma once

#include "api/target.h"
#include "view/check.h"

/* Runs them against the ruleset as the target leaves it. devices: of a saved ruleset, or NULL. */
bool run_expectations(struct untrack *untrack, const struct policy *policy,
		      const struct target *target, const interfaces *devices, texts *warnings,
		      expectations *list, struct untrack_error *err);
