/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show: the live state of tables, as a document. */
#include "api/context.h"
#include "api/documents.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "compile/compile.h"
#include "document/nft.h"
#include "view/show.h"

#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct show, show_free)

/* The tables that the document names, or that bear our mark. */
static bool is_wanted(const struct table *table, const struct untrack_document *document,
		      const struct document_maker *made)
{
	const struct policy *policy =
		document ? document->document->policy : NULL; /* read by now */
	const char *comment = table_comment(table);

	if (policy)
		return table->family == policy->family && !strcmp(table->name, policy->table);
	if (document)
		return ruleset_find(made->compiled, table->family, table->name);
	return comment && !strncmp(comment, "untrack ", 8);
}

/* libnftables lists each table, in JSON or in text, in the namespace itself. */
static bool list_table(const struct untrack *untrack, const struct table *table, unsigned flags,
		       char **ret_listing, struct untrack_error *err)
{
	autobuf command = {0};

	buf_printf(&command, "list table %s %s", family_name(table->family), table->name);
	return buf_ok(&command, err) &&
	       nft_run(&untrack->ns, buf_text(&command), flags, ret_listing, err);
}

struct untrack_result *untrack_show(struct untrack *untrack,
				    const struct untrack_document *document, bool as_text,
				    struct untrack_error *error)
{
	struct kernel *kernel = context_kernel(untrack, error);
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;
	autoclean(show_free_p) struct show *show = NULL;
	autodocument_maker made = {0};
	autobuf text = {0};

	autoenter entered = netns_enter(&untrack->ns, error);
	if (entered.failed || (document && (!document_of(document, error) ||
					    !document_maker_init(document->document, NULL,
								 untrack->store, &made, error))))
		return NULL;
	ruleset = kernel ? kernel_read(kernel, read_names, NULL, error) : NULL;
	show = ruleset ? show_new(error) : NULL;
	if (!show)
		return NULL;
	array_for_each(table, &ruleset->tables) {
		autofree char *json = NULL, *listing = NULL;

		if (!is_wanted(*table, document, &made))
			continue;
		if (!list_table(untrack, *table, NFT_JSON, &json, error) ||
		    !list_table(untrack, *table, 0, &listing, error) ||
		    !show_add(show, json, *table, error))
			return NULL;
		buf_puts(&text, listing);
	}
	return result_new(0, show_text(show, false),
			  as_text ? buf_steal_text(&text) : show_text(show, true), error);
}
