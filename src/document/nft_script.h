/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "document/document.h"

/* Refuses commands in nft text that declare nothing: in an empty ruleset nft would carry out most of
 * them, to no effect. What an included file says is left to nft. JSON passes. */
bool nft_script_check(const struct source *source, struct untrack_error *err);
