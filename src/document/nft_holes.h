/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which words of a line of nft text are values (nft_values.h): an address or prefix behind
 * `ip saddr`, `ip daddr` and the same of ip6; a port behind `sport` or `dport`; the numbers of
 * `counter packets … bytes …`; a comment at the end. There must be nothing around them that could be
 * taken for a part of an expression.
 */
#pragma once

#include "document/nft_values.h"

void nft_holes_find(const char *line, const char *end, struct holes *ret_holes);
