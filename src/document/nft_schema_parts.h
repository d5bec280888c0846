/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nft_schema.c (values) and nft_commands.c (commands and declarations) share. */
#pragma once

#include "document/json.h"
#include "document/nft_tables.h"

/* Where references are looked up. */
struct scope {
	json_t *declared; /* an object with the keys of nft_declaration_key(); NULL: nothing is
			     looked up */
	const char *family, *table;
};

/* Judges a value by its row in a table. */
bool nft_schema_value(const struct node *node, const struct member *member,
		      const struct scope *scope, struct untrack_error *err);
bool nft_schema_shape(const struct node *node, const struct shape *shape, const struct scope *scope,
		      struct untrack_error *err);
const struct member *nft_schema_find(const struct member *members, size_t count, const char *key);

/* Refuses a name that is not declared. */
bool nft_schema_refers(const struct node *node, enum reference kind, const char *name,
		       const struct scope *scope, struct untrack_error *err);
/* Owned by the caller; NULL without memory. */
char *nft_declaration_key(enum reference kind, const char *family, const char *table,
			  const char *name);
