/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/show.h"

#include "base/buf.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct show {
	json_t *list;
};

struct show *show_new(struct untrack_error *err)
{
	struct show *show = calloc(1, sizeof(*show));

	if (show)
		show->list = json_array();
	else
		error_memory(err);
	return show;
}

static void add_table_comment(json_t *item, const struct table *table)
{
	json_t *body = json_object_get(item, "table");
	const char *comment = table_comment(table);

	if (body && comment && !json_object_get(body, "comment"))
		json_object_set_new(body, "comment", json_string(comment));
}

bool show_add(struct show *show, const char *json, const struct table *table,
	      struct untrack_error *err)
{
	json_error_t why;
	json_t *document = json_loads(json, JSON_ALLOW_NUL, &why), *item;
	json_t *list = json_object_get(document, "nftables");
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_object_get(item, "metainfo") && json_array_size(show->list))
			continue;
		add_table_comment(item, table);
		json_array_append(show->list, item);
	}
	json_decref(document);
	return list ? true
		    : error_set(err, ERROR_SYSTEM, "nft's listing is not JSON: %s", why.text);
}

char *show_text(const struct show *show, bool indented)
{
	json_t *all = json_pack("{s:O}", "nftables", show->list);
	char *text = all ? json_dumps(all, indented ? JSON_INDENT(2) : 0) : NULL;
	struct buf line = {0};

	json_decref(all);
	if (!text || !indented)
		return text;
	buf_printf(&line, "%s\n", text);
	free(text);
	return buf_steal_text(&line);
}

void show_free(struct show *show)
{
	if (!show)
		return;
	json_decref(show->list);
	free(show);
}
