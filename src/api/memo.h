/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libnftables made of plain rules of a document is remembered, so that of a long ruleset only what
 * changed is compiled again. A rule is known by its text, its chain, and all of the document that is no
 * plain rule, compared byte for byte; by the libraries and files it was compiled with; and for one boot.
 */
#pragma once

#include "api/context.h"
#include "document/nft_unsaid.h"
#include "kernel/mirror.h"

struct memo {
	char *title;
	struct buf note; /* to be saved; empty: what was remembered will do */
	bool used;	 /* some rules were not compiled, but remembered */
};

void memo_free(struct memo *memo);

/* The document's ruleset, as compiling it whole would make it. NULL, with no error set, where that
 * cannot be told: then it must be compiled whole. */
struct ruleset *memo_compile(struct store *store, const struct document *document,
			     const unsaid_list *unsaid, const interfaces *devices,
			     struct memo *ret_memo);

/* Under the store's lock. It is only an aid: it may fail in silence. */
void memo_save(struct store *store, const struct memo *memo);
