/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This host's addresses, of the namespace that the calling thread is in. */
#pragma once

#include "base/error.h"
#include "model/policy.h"

/* All that routing delivers here: the local routes (RTN_LOCAL, RTN_ANYCAST) of the table `local`,
 * which whole prefixes may be, sorted and merged. The caller frees the array. */
bool kernel_addresses(inet_ranges *ret_ranges, struct untrack_error *err);

/* The first port that it gives to its own clients (net.ipv4.ip_local_port_range). */
uint16_t kernel_ephemeral_from(void);
