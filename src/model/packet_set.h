/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a key in a set, when some of its bytes may be unknown? */
#pragma once

#include "model/ruleset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ternary { NO, YES, MAYBE };

enum { KEY_BYTES = 64 }; /* NFT_DATA_VALUE_MAXLEN */

struct partial_key {
	uint8_t byte[KEY_BYTES];
	bool known[KEY_BYTES];
};

/* YES writes the element found. MAYBE where it depends on unknown bytes, on what packets put into
 * the set, or on elements that were not read. */
enum ternary set_lookup(const struct set *set, const struct partial_key *key,
			struct span *ret_element);
