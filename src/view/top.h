/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sorted census for people and for programs. Both owned by the caller; NULL without memory. */
#pragma once

#include "model/census.h"

/* At most `limit` groups (0: all), then what the rest comes to. */
char *view_top_text(const struct census *census, size_t limit);
/* The object of the contract, with all groups (limit as above). */
char *view_top_json(const struct census *census, size_t limit);
