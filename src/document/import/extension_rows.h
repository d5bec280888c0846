/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the tables of matches.c and targets.c are written. */
#pragma once

#include "document/import/extensions.h"
#include "document/import/own.h"

#define TOOL(name, says)                                                                           \
	{                                                                                          \
		name, 1, HOW_TOOL, says                                                            \
	}
#define FLAG(name, says)                                                                           \
	{                                                                                          \
		name, 0, HOW_TOOL, says                                                            \
	}
#define OWN(name)                                                                                  \
	{                                                                                          \
		name, 1, HOW_OWN, NULL                                                             \
	}
#define OWN_FLAG(name)                                                                             \
	{                                                                                          \
		name, 0, HOW_OWN, NULL                                                             \
	}
#define OWN_TWO(name)                                                                              \
	{                                                                                          \
		name, 2, HOW_OWN, NULL                                                             \
	}
#define NOT(name, why)                                                                             \
	{                                                                                          \
		name, 1, HOW_REFUSED, why                                                          \
	}
#define NOT_FLAG(name, why)                                                                        \
	{                                                                                          \
		name, 0, HOW_REFUSED, why                                                          \
	}
#define NOTHING(name)                                                                              \
	{                                                                                          \
		name, 1, HOW_NOTHING, NULL                                                         \
	}
#define NOTHING_FLAG(name)                                                                         \
	{                                                                                          \
		name, 0, HOW_NOTHING, NULL                                                         \
	}

#define LIST(options) options, sizeof(options) / sizeof((options)[0])
