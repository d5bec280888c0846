/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the forms of status share. */
#pragma once

#include "base/buf.h"
#include "view/status.h"

/* A service's two directions. */
struct service_ways {
	const char *name[2];
	uint64_t packets[2];
	size_t n;
	const char *silent; /* the one that counts nothing although the other does; NULL: none */
};
struct service_ways status_ways(const struct service_counter *service);

/* At the present rate; negative: never, or not known. */
double status_seconds_to_full(const struct status_view *status);

/* "3 min 20 s" */
void put_seconds(struct buf *out, double seconds);
