/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accept rules in iptables' words, for tables that only iptables may write. */
#pragma once

#include "base/buf.h"
#include "compile/compile.h"

/* Appends a line for each rule, each with a newline and four spaces in front. */
void iptables_lines(struct buf *out, const struct policy *policy,
		    const struct policy_accept_in *entry, struct accept_directions directions);
