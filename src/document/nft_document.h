/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents that are rulesets: libnftables JSON and nft text, loaded by libnftables. */
#pragma once

#include "base/namespace.h"
#include "document/document.h"
#include "document/nft_unsaid.h"

/*
 * Loads the document into an empty namespace. JSON is put in an order that loads first: `nft -j list
 * ruleset` of 1.0.6 writes verdict maps before the chains that they name. A refusal names the place:
 * file, line and column of text, and of JSON the command (/nftables/7). `unsaid` is what the JSON does
 * not say, or NULL.
 */
bool nft_document_load(const struct document *document, const unsaid_list *unsaid,
		       const struct netns *ns, struct untrack_error *err);

/* Does the word stand in the document, with no character of a name around it? */
bool nft_document_mentions(const struct document *document, const char *word);
