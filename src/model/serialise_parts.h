/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a table is made of in a file, for its writer and its reader (model/serialise.h). */
#pragma once

#include <stdint.h>

enum { FORMAT = 1 };

/* Types of records. Numbers stay what they are: files outlive the program that wrote them. */
enum field {
	FIELD_TABLE = 1,
	FIELD_CHAIN = 2,
	FIELD_RULE = 3,
	FIELD_SET = 4,
	FIELD_STATEFUL = 5,
	FIELD_FLOWTABLE = 6,
	FIELD_FORMAT = 16,
	FIELD_FAMILY = 17,
	FIELD_NAME = 18,
	FIELD_ATTRS = 19,
	FIELD_HANDLE = 20,
	FIELD_ORIGIN = 21,
	FIELD_STATE = 22, /* STATE_* */
	FIELD_FLAGS = 23,
	FIELD_TYPE = 24,
	FIELD_ELEMENTS = 25,
	FIELD_PACKED_KIND = 26, /* bytes of a key, and PACKED_RANGES */
	FIELD_PACKED = 27,
	FIELD_PACKED_STORED = 28, /* in place of the keys: their number, and how many there are */
	FIELD_ATTRS_LIKE = 29,	  /* of a rule: where they differ from those of the one before */
};

/* FIELD_ATTRS_LIKE is of these, each with its bytes behind it. */
struct differing {
	uint16_t offset;
	uint16_t length;
};

enum { PACKED_RANGES = 1u << 16 };

/* What an object knows about itself, as bits. */
enum { STATE_READ = 1, STATE_UNKNOWN = 2, STATE_SORTED = 4 };
