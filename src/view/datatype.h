/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft's data types (src/datatype.c of nftables numbers them; concatenations take 6 bits a field), as
 * far as values in sets need them. */
#pragma once

#include "model/ruleset.h"

#include <jansson.h>

enum { DATATYPE_FIELDS_MAX = 16 };

struct datatype_field {
	uint32_t type;
	size_t length; /* bytes */
};

/* The fields of the set's key (of a map's data). At least 1. */
size_t datatype_fields(const struct set *set, struct datatype_field fields[DATATYPE_FIELDS_MAX]);
size_t datatype_data_fields(const struct set *set, size_t length,
			    struct datatype_field fields[DATATYPE_FIELDS_MAX]);

/* A value, or with last a prefix or range, as libnftables JSON has it. New reference. */
json_t *datatype_value(const struct datatype_field *field, struct span from, struct span last);
/* Bytes as one big-endian number. */
json_t *datatype_number(struct span value);

/* An element's comment, or NULL. */
const char *element_comment(struct span element);
