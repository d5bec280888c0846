/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines as words. Web pages make dashes of `--`, and bend quotes; that is understood, and told. */
#pragma once

#include "document/import/rules.h"

enum {
	TYPOGRAPHY_DASH = 1,
	TYPOGRAPHY_QUOTE = 2,
	TYPOGRAPHY_SPACE = 4,
};

/* Splits a line as iptables-restore does, or (shell) as a shell does. *ret_typography is a set of
 * TYPOGRAPHY_* that were found. False with the reason, without one if memory ran out. */
bool words_split(const char *line, size_t length, bool shell, struct words *ret_words,
		 unsigned *ret_typography, const char **ret_why);
