/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and names as the text forms write them. */
#pragma once

#include "base/inet.h"
#include "model/policy.h"

#include <stdint.h>

/* "59 258": digits in threes. Returns out. */
#define COUNT_TEXT_MAX 28
const char *view_count(uint64_t count, char out[COUNT_TEXT_MAX]);
/* "1.2 GiB" */
const char *view_bytes(uint64_t bytes, char out[COUNT_TEXT_MAX]);
/* An address alone. */
const char *view_address(enum inet_family family, const struct inet_address *address,
			 char out[INET_TEXT_MAX]);

/* "server", … */
const char *view_role(enum policy_role role);

double view_percent(uint64_t part, uint64_t whole);
