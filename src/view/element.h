/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Set elements as libnftables JSON, and that as nft text. */
#pragma once

#include "base/buf.h"
#include "model/ruleset.h"

#include <jansson.h>

/* The array for "elem" of the elements with these indexes (NULL: from first on). New reference; NULL
 * without memory. Types that are not known by name are printed as numbers, which nft takes as well. */
json_t *view_elements(const struct set *set, const uint32_t *indexes, uint32_t first,
		      uint32_t count);

/* Is the element with that index (of indexes, if there are any) an interval's end? */
bool view_element_is_end(const struct set *set, const uint32_t *indexes, uint32_t index);

/* One element of that array in nft's text syntax. */
void view_element_text(struct buf *out, const json_t *element);
