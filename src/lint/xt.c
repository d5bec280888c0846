/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iptables' extensions inside rules of iptables-nft: expressions "match" and "target" with a name,
 * a revision and a binary structure (linux/netfilter/xt_*.h). What is not known here is opaque.
 */
#include "lint/xt.h"

#include "document/saved.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

bool xt_read(const struct extension *x, void *out, size_t size)
{
	if (x->info.len < size)
		return false;
	memcpy(out, x->info.data, size);
	return true;
}

bool xt_by_name(struct decoding *d, const struct extension_decoder *decoders, size_t n,
		const struct extension *x)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(decoders[i].name, x->name)) {
			/* The tables' words live as long as the program, the message's do not. */
			struct extension named = *x;

			named.name = decoders[i].name;
			decoders[i].decode(d, &named);
			return true;
		}
	}
	return false;
}

void decode_match(struct decoding *d, struct span data)
{
	struct extension x = {.name = attr_find_text(data, NFTA_MATCH_NAME),
			      .revision = attr_find_be32(data, NFTA_MATCH_REV),
			      .data = data};

	d->rule->compat = true;
	attr_find(data, NFTA_MATCH_INFO, &x.info);
	if (!x.name || !xt_match(d, &x))
		decode_opaque(d, "iptables match", OPAQUE_UNSURE, false, data, 0);
}

void decode_target(struct decoding *d, struct span data)
{
	struct extension x = {.name = attr_find_text(data, NFTA_TARGET_NAME),
			      .revision = attr_find_be32(data, NFTA_TARGET_REV),
			      .data = data};

	d->rule->compat = true;
	attr_find(data, NFTA_TARGET_INFO, &x.info);
	/* Other targets log, count or rewrite: they do not decide. */
	if (x.name)
		xt_target(d, &x);
}

void decode_log(struct decoding *d, struct span data)
{
	const char *prefix = attr_find_text(data, NFTA_LOG_PREFIX);
	struct extension x = {.data = data};

	if (!prefix || strncmp(prefix, SAVED_STAND_IN, sizeof(SAVED_STAND_IN) - 1))
		return;
	prefix += sizeof(SAVED_STAND_IN) - 1;
	x.name = strrchr(prefix, ' ') + 1;
	if (!strncmp(prefix, "flow ", 5))
		decode_effect(d, EFFECT_FLOW, "flow add");
	else if (!strncmp(prefix, "xt target ", 10))
		xt_target(d, &x);
	else if (!xt_match(d, &x))
		decode_opaque(d, "iptables match", OPAQUE_UNSURE, false, data, 0);
}
