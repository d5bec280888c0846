/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files an include line of nft text brings in (nft(8), INCLUDE FILES). */
#pragma once

#include "document/document.h"

/* Adds the files to `files`, in the order in which nft reads them, by the names by which it calls them;
 * and what was looked at to *inclusions. False where that is not certain, or nft would refuse it. */
bool nft_include_find(const char *path, texts *files, struct inclusions *inclusions);
