/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/counter.h"

#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>

bool view_is_plain_counter(const struct stateful *object)
{
	struct span comment;

	return object->type == NFT_OBJECT_COUNTER &&
	       !attr_find(buf_span(&object->attrs), NFTA_OBJ_USERDATA, &comment);
}

static uint64_t value(const struct stateful *counter, uint16_t type)
{
	struct span data;

	return attr_find(buf_span(&counter->attrs), NFTA_OBJ_DATA, &data)
		       ? attr_find_be64(data, type)
		       : 0;
}

json_t *view_counter_json(const struct table *table, const struct stateful *counter)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "family", family_name(table->family), "name",
			 counter->name, "table", table->name, "packets",
			 (json_int_t)value(counter, NFTA_COUNTER_PACKETS), "bytes",
			 (json_int_t)value(counter, NFTA_COUNTER_BYTES));
}

void view_counter_text(struct buf *out, const struct stateful *counter)
{
	buf_printf(out, "packets %" PRIu64 " bytes %" PRIu64 ";",
		   value(counter, NFTA_COUNTER_PACKETS), value(counter, NFTA_COUNTER_BYTES));
}
