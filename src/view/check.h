/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check found. New text, NULL without memory. */
#pragma once

char *view_check_json(void);
char *view_check_text(void);
