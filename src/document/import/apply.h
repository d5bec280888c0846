/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an iptables command does to the tables that were read so far. */
#pragma once

#include "document/import/command.h"
#include "document/import/rules.h"

enum table_kind { TABLE_RAW, TABLE_FILTER, TABLE_OTHER, TABLE_UNKNOWN };
enum table_kind table_kind(const char *name);

/* False: refused, and the import holds why; or no memory. */
bool apply_command(struct import *import, const struct place *place, enum table_kind kind,
		   const struct command *command);

/* The chain, made if it is one of the table's own; NULL if there is none. */
struct raw_chain *apply_find_chain(struct import *import, struct raw_table *table,
				   const char *name);
bool apply_new_chain(struct import *import, const struct place *place, struct raw_table *table,
		     const char *name);
