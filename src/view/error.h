/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An error for people and for programs. */
#pragma once

#include "base/error.h"

/* "file:line:col: error: /path: message\nnothing was changed\n"; NULL without memory. */
char *view_error_text(const struct untrack_error *error);
/* {"error": {"code", "message", "file", "line", "column", "path"}} */
char *view_error_json(const struct untrack_error *error);
