/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes' bodies, compared as the kernel would take them. */
#pragma once

#include "base/attr.h"

/* An absent body is empty, and an empty one equals a number that is 0: newer kernels dump defaults
 * that older ones leave out. */
struct span find_or_zero(struct span attrs, uint16_t type);
bool plain_equal(struct span a, struct span b);

/* Does every attribute of a agree with b's, as `equal` judges it? */
typedef bool body_equal_fn(const void *arg, uint16_t type, struct span a, struct span b);
bool one_way_equal(struct span a, struct span b, body_equal_fn *equal, const void *arg);

/* Two nests whose attributes are plain, whatever their order. */
bool nests_equal(struct span a, struct span b);
