/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libnftables JSON taken apart into commands of which the plain rules are lines (nft_lines.h), before
 * any of it is parsed: of very many rules alike one stands for all. What is left (`judged`, a text for
 * each source) has the first of the rules that differ in plain numbers and addresses alone, and all
 * else as it stands. It is JSON, and keeps to the schema, exactly if the whole does: the others have
 * the same keys and types in the same order, and in what differs nothing can be wrong. What it is
 * refused for is told of the whole.
 */
#pragma once

#include "document/nft_lines.h"

/* Borrows the document's texts. False, without an error, if it is not of a form that can be taken apart
 * for certain, or has too few rules for that to be worthwhile. */
bool json_lines_read(const struct document *document, struct nft_lines *ret_lines);

/* nft_lines_reduce() for JSON. */
struct document *json_lines_reduce(const struct nft_lines *lines, const bool *left_out,
				   bool samples);
