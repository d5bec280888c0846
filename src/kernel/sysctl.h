/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sysctls by their dotted name, through /proc/sys, of the caller's network namespace. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

bool sysctl_read(const char *name, uint64_t *ret_value, struct untrack_error *err);
bool sysctl_write(const char *name, uint64_t value, struct untrack_error *err);
/* False (no error set) where this namespace may not write it or it does not exist here. */
bool sysctl_writable(const char *name);
/* What reading gives after writing that value: nf_conntrack_buckets is rounded up by the kernel
 * (nf_conntrack_core.c: nf_ct_alloc_hashtable rounds to whole pages of list heads); timeouts are
 * in seconds and come back as written. */
uint64_t sysctl_rounded(const char *name, uint64_t value);
