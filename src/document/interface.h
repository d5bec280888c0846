/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Could an interface be called so: dev_valid_name() of Linux' net/core/dev.c. With may_be_wildcard
 * also one '*' at the end, for any name that begins so; '*' elsewhere is refused either way. */
bool interface_is_valid(const char *name, bool may_be_wildcard);
