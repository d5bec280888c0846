/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of xt.c: iptables' extensions one by one. */
#pragma once

#include "lint/decode.h"

struct extension {
	const char *name;
	uint32_t revision;
	struct span info;
	struct span data; /* the whole expression, for its identity */
};

struct extension_decoder {
	const char *name;
	void (*decode)(struct decoding *d, const struct extension *x);
};

/* The binary structure, if it is long enough. */
bool xt_read(const struct extension *x, void *out, size_t size);
/* By the one of that name; false: there is none. */
bool xt_by_name(struct decoding *d, const struct extension_decoder *decoders, size_t n,
		const struct extension *x);

/* xt_match.c, xt_target.c. False: not known here. */
bool xt_match(struct decoding *d, const struct extension *x);
bool xt_target(struct decoding *d, const struct extension *x);
