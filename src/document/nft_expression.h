/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of libnftables JSON in nft text, as far as `typeof` needs them. */
#pragma once

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>

/* The object that a command is about: its word ("chain"), and its body (NULL: none). */
const char *nft_subject(json_t *command, json_t **ret_body);

/* Writes what a set or map is of, behind `typeof`, as the first rule of the document that uses it
 * tells. False if none does, or in words that are not known here. */
bool nft_put_typeof(struct buf *text, const json_t *set, const json_t *nftables);
