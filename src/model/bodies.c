/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/bodies.h"

struct span find_or_zero(struct span attrs, uint16_t type)
{
	struct span body = {NULL, 0};

	attr_find(attrs, type, &body);
	return body;
}

bool plain_equal(struct span a, struct span b)
{
	if (span_equal(a, b))
		return true;
	return (!a.len || !b.len) && span_is_zero(a) && span_is_zero(b);
}

bool one_way_equal(struct span a, struct span b, body_equal_fn *equal, const void *arg)
{
	attr_for_each(item, a) {
		if (!equal(arg, item.type, item.body, find_or_zero(b, item.type)))
			return false;
	}
	return true;
}

static bool all_equal(struct span a, struct span b, body_equal_fn *equal, const void *arg)
{
	return one_way_equal(a, b, equal, arg) && one_way_equal(b, a, equal, arg);
}

static bool plain_field_equal(const void *arg, uint16_t type, struct span a, struct span b)
{
	(void)arg;
	(void)type;
	return plain_equal(a, b);
}

bool nests_equal(struct span a, struct span b)
{
	return all_equal(a, b, plain_field_equal, NULL);
}
