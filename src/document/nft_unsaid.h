/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libnftables 1.0.6 lists in JSON and does not read again: ct expectations, synproxies, maps to
 * concatenations and to synproxies, sets of plain integers and strings, chains on devices. They are
 * loaded as nft text. What its JSON leaves out (the devices, and what an integer is of) is told by the
 * object of that name that is there, or by the rules that use a set.
 */
#pragma once

#include "base/array.h"
#include "document/document.h"

#include <jansson.h>

/* Of one object: its `devices = { … }`, or its `typeof …`. */
struct unsaid {
	char *title; /* "chain netdev filter ingress" */
	char *words;
};
typedef ARRAY(struct unsaid) unsaid_list;

void unsaid_free(unsaid_list *list);

/* Looks at the ruleset of this namespace for what the document leaves unsaid. */
bool unsaid_read(const struct document *document, unsaid_list *ret_list, struct untrack_error *err);

/* Does anything in the list name the interface? */
bool unsaid_mentions(const unsaid_list *list, const char *interface);

/* Commands in nft text for an object (its word, "chain", and its body) that the JSON of libnftables
 * cannot load; NULL in *ret_text if it can. `nftables` is the document's list of commands. The elements
 * of sets are not in it. Without a list (NULL) a device that is not said is "lo". False, with the error set, if the object cannot be said at all. */
bool unsaid_text(const char *word, const json_t *body, const json_t *nftables,
		 const unsaid_list *list, char **ret_text, struct untrack_error *err);
