/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place that meets libnftables. It runs in a child process in the namespace, since 1.0.6
 * aborts on some rulesets (netlink_delinearize.c), and that must not take the caller along. */
#pragma once

#include "base/array.h"
#include "base/error.h"
#include "base/namespace.h"

#include <stdbool.h>

enum nft_flags {
	NFT_JSON = 1,	 /* output in JSON (input in JSON is told by its first character) */
	NFT_HANDLES = 2, /* "# handle N" */
	NFT_TERSE = 4,	 /* no set elements */
	NFT_NUMERIC = 8,
	NFT_STATELESS = 16,
	NFT_BYTECODE =
		32,   /* in front of a listing: the kernel's instructions, as nft --debug=netlink */
	NFT_UTC = 64, /* times of day and dates are in UTC, not in the caller's time zone */
};

/* Runs commands (nft text or libnftables JSON; a buffer, not a file) in the namespace. On success
 * *ret_output is what nft printed, owned by the caller (may be NULL as argument). A refusal is
 * ERROR_DOCUMENT with nft's own words, and for nft text the line and column in the commands; it is
 * ERROR_PERMISSION where nft was not permitted to do it. */
bool nft_run(const struct netns *ns, const char *commands, unsigned flags, char **ret_output,
	     struct untrack_error *err);

/* The whole ruleset with handles, as JSON and as text, both owned by the caller. Either may be NULL as
 * argument: it is not wanted. */
bool nft_list(const struct netns *ns, char **ret_json, char **ret_text, struct untrack_error *err);

/* The file of libnftables, or NULL: what it makes of commands may change with it. */
const char *nft_library(void);
