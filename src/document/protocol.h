/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP protocols by name. (protocols(5), IANA protocol numbers) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_NAME_MAX 24

/* Names as nft writes them, and those of protocols(5). */
bool protocol_parse(const char *name, uint8_t *ret_protocol);
/* "tcp", or "protocol 253" where none of our names fits. Returns out. */
const char *protocol_name(uint8_t protocol, char out[PROTOCOL_NAME_MAX]);
/* A name that was probably meant, or NULL. */
const char *protocol_suggest(const char *name);
