/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts listings of tables together to one libnftables-JSON document. */
#pragma once

#include "base/error.h"
#include "model/ruleset.h"

struct show;

struct show *show_new(struct untrack_error *err);
/* json: `nft -j list table` of that table. Its comment, which 1.0.6 leaves out, is put in. */
bool show_add(struct show *show, const char *json, const struct table *table,
	      struct untrack_error *err);
/* New text, NULL without memory: indented for people, or in one line. */
char *show_text(const struct show *show, bool indented);
void show_free(struct show *show);
