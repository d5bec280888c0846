/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/words.h"

#include <inttypes.h>
#include <stdio.h>

const char *view_count(uint64_t count, char out[COUNT_TEXT_MAX])
{
	char digits[COUNT_TEXT_MAX];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count), at = 0;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out[at++] = ' ';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *view_bytes(uint64_t bytes, char out[COUNT_TEXT_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, COUNT_TEXT_MAX, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

const char *view_address(enum inet_family family, const struct inet_address *address,
			 char out[INET_TEXT_MAX])
{
	return inet_format(&(struct inet_range){family, *address, *address}, out);
}

const char *view_role(enum policy_role role)
{
	static const char *const names[] = {[ROLE_SERVER] = "server",
					    [ROLE_CLIENT] = "client",
					    [ROLE_FORWARD] = "forward",
					    [ROLE_PEER] = "peer"};

	return names[role];
}

double view_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}
