/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "document/import/lift_pairs.h"

/* Writes the policy: exceptions, services, the rules that were not lifted, the settings and what
 * the filter table accepts. It is read again as a policy, so that it is one. */
bool policy_put(struct import *import, const lift_rules *rules, const lift_services *keeps,
		const lift_services *services, struct buf *document, struct untrack_error *err);
