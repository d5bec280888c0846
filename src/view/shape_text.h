/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How nft prints rules of one shape (model/rule_shape.h), learnt from how it prints the shape's
 * samples. */
#pragma once

#include "base/buf.h"
#include "model/rule_shape.h"

struct shape_text;

/* texts: of the samples, as listed. NULL if they do not show it, or without memory. */
struct shape_text *shape_text_learn(const struct rule_shape *shape,
				    const char *const texts[SHAPE_SAMPLES]);
void shape_text_free(struct shape_text *text);

/* Writes the rule, which is of that shape. */
void shape_text_put(const struct shape_text *text, const struct rule *rule, struct buf *out);
