/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "document/import/rules.h"

#define MULTI_MAX 15 /* ports of one -m multiport (xt_multiport.h) */

/* Each _TO stands behind its own _FROM or first value. */
enum slot {
	SLOT_SOURCE,
	SLOT_DESTINATION,
	SLOT_IN,
	SLOT_OUT,
	SLOT_SPORT,
	SLOT_SPORT_TO,
	SLOT_DPORT,
	SLOT_DPORT_TO,
	SLOT_MARK,
	SLOT_MAC,
	SLOT_SOURCE_FROM, /* -m iprange */
	SLOT_SOURCE_TO,
	SLOT_DESTINATION_FROM,
	SLOT_DESTINATION_TO,
	SLOT_MULTI, /* the first port of -m multiport; the others follow, in their order */
	SLOTS = SLOT_MULTI + MULTI_MAX
};

/* The rule's own value, as nft and JSON have it without quotes; a mark also in hexadecimal. False:
 * the rule has no such slot. */
bool slot_value(const struct spec *spec, enum slot slot, bool hexadecimal, struct buf *b);

/* What stands in place of an address, with its prefix length. False: it is not plain. */
bool sentinel_address(const struct address *address, bool source, char out[INET_TEXT_MAX]);
/* In place of an interface's name, which is returned if it is not plain. */
const char *sentinel_interface(const char *name, bool in);
/* In place of an option's value. False: it is not plain. */
bool sentinel_value(const struct spec *spec, const struct piece *piece, const struct use *use,
		    struct buf *b);
