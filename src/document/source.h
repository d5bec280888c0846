/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files as documents have them: text of bounded size. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "document/document.h"

/* The whole of a file, pipe or device; "-" is standard input. More than `limit` bytes are refused
 * before they are read where the size is known, and as soon as they are seen otherwise; refused too
 * are NUL bytes and a byte order mark. `limit` is what is left of DOCUMENT_MAX; `name` is for
 * messages. */
bool source_read(const char *path, const char *name, size_t limit, struct buf *ret_text,
		 struct untrack_error *err);

void source_free(struct source *source);
void sources_free(source_list *sources);
