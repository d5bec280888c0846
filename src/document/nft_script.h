/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "document/document.h"

/* nft texts with what they include. */
struct script {
	source_list parts; /* in the order in which nft reads them; none: nothing is included */
	struct inclusions inclusions;
	bool uncertain; /* something may be included, but what was not found out */
};
void script_free(struct script *script);

/*
 * Refuses commands in nft text, and in what it includes, that declare nothing: in an empty ruleset nft would
 * carry out most of them, to no effect. JSON passes. *left: bytes that included files may have.
 *
 * What a text includes is added to the script, with the parts of the text around it; nothing, if it includes
 * nothing. It is certain only where nft reads the same when the include line is replaced by the files: the line
 * begins a statement at the outside, in a table, or in a chain, set or map of it, nothing else is in it, and
 * each of the files ends where a statement ends.
 */
bool nft_script_read(const struct source *source, size_t *left, struct script *script,
		     struct untrack_error *err);
