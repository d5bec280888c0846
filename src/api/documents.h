/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a document to what makes its target. */
#pragma once

#include "api/memo.h"
#include "api/target_maker.h"
#include "document/nft_unsaid.h"

/* A maker for a document on this host, with what it needs to own. */
struct document_maker {
	struct target_maker maker;
	struct table *user_rules; /* owned, like the others */
	struct ruleset *compiled;
	interfaces devices;
	unsaid_list unsaid;
	struct memo memo;
};

void document_maker_free(struct document_maker *maker);
#define autodocument_maker __attribute__((cleanup(document_maker_free))) struct document_maker

/* options may be NULL. The store, in which compiled rules are remembered, is NULL where a document is to
 * be read by itself, without a look at this host's ruleset. The document is compiled here, once: a policy's `rules`, or the whole document if
 * it is a ruleset. The maker points into itself: it must not be moved. */
bool document_maker_init(const struct document *document,
			 const struct untrack_apply_options *options, struct store *store,
			 struct document_maker *ret_maker, struct untrack_error *err);

/* Once more, without what was remembered, where something was (made->memo.used) and led to a refusal. */
bool document_maker_compile_whole(struct document_maker *made, const struct document *document,
				  struct untrack_error *err);

/* What libnftables makes of the document in a scratch namespace with these interfaces, read back; lists that were
 * taken out of it are missing. NULL with the error set. */
struct ruleset *compile_in_scratch(const struct document *document, const unsaid_list *unsaid,
				   const interfaces *devices, struct untrack_error *err);
