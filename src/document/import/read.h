/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "document/import/rules.h"

/* Reads one source into the import. What cannot be carried over is in import->refusals. False
 * without memory. */
bool import_source(struct import *import, const struct source *source);

/* Lines of `ipset save`, from the host or from a file. */
bool import_ipset_lines(struct import *import, const char *name, const char *text);

/* A line of sysctl.conf or a sysctl command, "name = value". True if it was one. */
bool import_sysctl(struct import *import, const struct place *place, const char *name,
		   const char *value);
