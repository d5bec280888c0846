/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says what is wrong with text that jansson refused: its own words have no path, and places only
 * behind what is wrong. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "document/json_scan.h"

#include <jansson.h>

/* Always false. */
bool json_explain(const char *file, struct json_text text, const json_error_t *jansson,
		  struct untrack_error *err);

/* The path of what stands at an offset, as far as the text before it is JSON. Owned by the caller;
 * NULL without memory. */
char *json_path_at(struct json_text text, size_t offset);

/* Appends "/key" with RFC 6901's escapes, and without what drives terminals. */
void json_path_add(struct buf *path, const char *key);
