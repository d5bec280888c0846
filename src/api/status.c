/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: how full the connection table is, what fills it, what keeps packets out of it. */
#include "view/status.h"

#include "api/accept.h"
#include "api/context.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "kernel/conntrack.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

static bool is_ours(const struct table *table)
{
	const char *comment = table_comment(table);

	return comment && !strncmp(comment, "untrack ", 8);
}

/* Rules everywhere, since they may turn tracking on; counters of our own tables, but no elements. */
static enum read_depth depth_of(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_OBJECTS;
}

static void status_free(struct status_view *status)
{
	array_for_each(service, &status->services) {
		free(service->name);
	}
	array_free(&status->services);
	array_free(&status->tracking);
}

static const char *chain_why(const struct chain *chain)
{
	struct chain_hook hook;

	if (chain_hook(chain, &hook) && hook.type && !strcmp(hook.type, "nat"))
		return "nat";
	array_for_each(rule, &chain->rules) {
		const char *why = rule_tracks(*rule);

		if (why)
			return why;
	}
	return NULL;
}

static bool add_tracking(struct status_view *status, const struct table *table)
{
	array_for_each(chain, &table->chains) {
		const char *why = chain_why(*chain);

		if (why && !array_push(&status->tracking,
				       (struct status_tracking){family_name(table->family),
								table->name, (*chain)->name, why}))
			return false;
	}
	return true;
}

/* Counters are named SERVICE_HOOK_SIDE: "web_pre_d", "web_out_s". */
static bool split_counter(const char *counter, size_t *ret_name, size_t *ret_hook)
{
	static const char *const ends[][2] = {{"_pre_d", "_pre_s"}, {"_out_d", "_out_s"}};
	size_t len = strlen(counter);

	for (size_t hook = 0; len > 6 && hook < 2; hook++)
		for (size_t side = 0; side < 2; side++)
			if (!strcmp(counter + len - 6, ends[hook][side])) {
				*ret_name = len - 6;
				*ret_hook = hook;
				return true;
			}
	return false;
}

static struct status_service *service_of(struct status_view *status, const struct table *table,
					 const char *name, size_t len)
{
	struct status_service fresh = {.family = family_name(table->family), .table = table->name};

	array_for_each(one, &status->services) {
		if (one->table == table->name && !strncmp(one->name, name, len) && !one->name[len])
			return one;
	}
	fresh.name = strndup(name, len);
	if (!fresh.name || !array_push(&status->services, fresh)) {
		free(fresh.name);
		return NULL;
	}
	return &status->services.v[status->services.n - 1];
}

static bool add_services(struct status_view *status, const struct table *table)
{
	array_for_each(object, &table->objects) {
		struct status_service *service;
		struct span data = {NULL, 0};
		size_t len, hook;

		if ((*object)->type != NFT_OBJECT_COUNTER ||
		    !split_counter((*object)->name, &len, &hook))
			continue;
		service = service_of(status, table, (*object)->name, len);
		if (!service)
			return false;
		attr_find(buf_span(&(*object)->attrs), NFTA_OBJ_DATA, &data);
		service->packets[hook] += attr_find_be64(data, NFTA_COUNTER_PACKETS);
		service->bytes[hook] += attr_find_be64(data, NFTA_COUNTER_BYTES);
	}
	return true;
}

static bool read_table_state(struct untrack *untrack, struct status_view *status,
			     struct untrack_error *err)
{
	struct conntrack_status table;

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed || !conntrack_status(&table, err))
		return false;
	status->count = table.count;
	status->max = table.max;
	status->buckets = table.buckets;
	status->drop = table.drop;
	status->early_drop = table.early_drop;
	status->insert_failed = table.insert_failed;
	return true;
}

struct untrack_result *untrack_status(struct untrack *untrack, struct untrack_error *error)
{
	__attribute__((cleanup(status_free))) struct status_view status = {0};
	struct kernel *kernel = context_kernel(untrack, error);
	autoclean(ruleset_free_p) struct ruleset *ruleset = NULL;

	if (!kernel || !read_table_state(untrack, &status, error))
		return NULL;
	ruleset = kernel_read(kernel, depth_of, NULL, error);
	if (!ruleset)
		return NULL;
	array_for_each(table, &ruleset->tables) {
		if (!add_tracking(&status, *table) ||
		    (is_ours(*table) && !add_services(&status, *table))) {
			error_memory(error);
			return NULL;
		}
	}
	return result_new(0, view_status_json(&status), view_status_text(&status), error);
}
