/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of iptables-legacy, which nf_tables does not show: read through iptables-legacy-save,
 * since their own format is private to the kernel and that program.
 */
#pragma once

#include "base/error.h"
#include "base/namespace.h"
#include "model/ruleset.h"

#include <stdbool.h>

struct legacy {
	char *ipv4; /* owned: output of iptables-legacy-save, or NULL: no tables */
	char *ipv6;
	char *unread; /* owned: what is there and cannot be read ("filter, nat"), or NULL */
};
void legacy_free(struct legacy *legacy);
#define autolegacy __attribute__((cleanup(legacy_free))) struct legacy

/* All legacy tables of the namespace. Tables that are there while the program that saves them is
 * not are told in ret_legacy->unread; that is no error. */
bool legacy_read(const struct netns *ns, struct legacy *ret_legacy, struct untrack_error *err);

/* Loads them into a namespace, as legacy tables. */
bool legacy_restore(const struct netns *ns, const struct legacy *legacy, struct untrack_error *err);

/* The same tables as iptables-nft would have them, for what reads rules only. NULL with the error
 * set; an empty ruleset if there are none. */
struct ruleset *legacy_ruleset(const struct legacy *legacy, struct untrack_error *err);

/* Copies a table of iptables-nft (family NFPROTO_IPV4 or _IPV6) whose rules the kernel does not
 * take back as it gives them. */
bool xtables_copy(const struct netns *from, const struct netns *to, uint8_t family,
		  const char *table, struct untrack_error *err);
