/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots, and the armed rollback, for people and for programs. New text, NULL without memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_item {
	uint32_t id;
	int64_t time; /* seconds since the epoch */
	uint32_t generation;
	const char *document; /* what was applied after it was taken */
	bool armed;	      /* an armed rollback returns to it */
};

char *view_history_json(const struct history_item *items, size_t count);
char *view_history_text(const struct history_item *items, size_t count);
char *view_confirmed_json(uint32_t snapshot);
char *view_confirmed_text(uint32_t snapshot);
