/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A suggestion as the policy that it is. Owned by the caller; NULL without memory. */
#pragma once

#include "model/suggestion.h"

/* indent 0: on one line. */
char *view_suggestion(const struct suggestion *suggestion, unsigned indent);
/* "tcp 80 (server): 12 nat of 40 entries" */
char *view_refused_service(const struct refused_service *refused);
