/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plays a change in a scratch namespace: it must be taken by the kernel and end in what is desired. */
#pragma once

#include "api/target.h"

/* Long lists are left out (their elements would cost more than they tell), and so are all but the
 * first and the last of many rules that differ in values alone. */
bool rehearse(const struct target *target, struct untrack_error *err);
