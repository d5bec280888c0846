/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pass over the connection table. */
#pragma once

#include "base/cleanup.h"
#include "model/census.h"

DEFINE_AUTOCLEAN(struct census, census_free)

/* Counts the table of the namespace that the thread is in, largest groups first. NULL with the
 * error set. */
struct census *take_census(unsigned by, struct untrack_error *err);
