/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/stage.h"

#include "api/target.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "diff/diff.h"
#include "document/nft.h"
#include "kernel/legacy.h"
#include "model/tracking.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct plan, plan_free)

void stage_free(struct stage *stage)
{
	netns_close(&stage->ns);
	replica_free(&stage->replica);
	ruleset_free(stage->inside);
	if (stage->listing)
		listing_free(stage->listing);
}

/*
 * Loaded first, so that the kernel calls its chains after others of the same priority, the last
 * step of tracking (nf_confirm) among them. What leaves over lo comes in again.
 */
static const char last_table[] =
	"table inet " STAGE_LAST " {\n"
	"chain input { type filter hook input priority 2147483647\ndrop\n}\n"
	"chain postrouting { type filter hook postrouting priority 2147483647\n"
	"oifname \"lo\" accept\ndrop\n}\n}\n";

/* Loaded last: ahead of others of the same priority. */
static const char first_table[] =
	"table inet " STAGE_FIRST " {\n"
	"chain prerouting { type filter hook prerouting priority -2147483648\n"
	"meta nftrace set 1\n}\n"
	"chain output { type filter hook output priority -2147483648\n"
	"meta nftrace set 1\n}\n}\n";

/* Chains at the ingress of devices are ahead of prerouting. */
static bool has_ingress(const struct ruleset *ruleset)
{
	array_for_each(table, &ruleset->tables) {
		array_for_each(chain, &(*table)->chains) {
			struct chain_hook hook;

			if (chain_hook(*chain, &hook) &&
			    !strcmp(hook_name((*table)->family, hook.hook), "ingress"))
				return true;
		}
	}
	return false;
}

static bool trace_ingress(const struct stage *stage, struct untrack_error *err)
{
	autobuf text = {0};

	buf_puts(&text, "table netdev " STAGE_FIRST
			" { chain ingress { type filter hook ingress devices = {");
	array_for_each(device, &stage->replica.devices) {
		if (strcmp(device->name, "lo") != 0)
			buf_printf(&text, " \"%s\",", device->name);
	}
	buf_puts(&text, " } priority -2147483648\nmeta nftrace set 1\n}\n}\n");
	return buf_ok(&text, err) && nft_run(&stage->ns, buf_text(&text), 0, NULL, err);
}

/* The order is that of stage_states in trace_way.c. */
#define STATE_RULES                                                                                \
	"ct state untracked continue\nct state invalid continue\nct state established continue\n"  \
	"ct state related continue\nct state new continue\n"
static const char state_table[] =
	"table inet " STAGE_STATE " {\n"
	"chain prerouting { type filter hook prerouting priority -199\n" STATE_RULES "}\n"
	"chain output { type filter hook output priority -199\n" STATE_RULES "}\n}\n";

/* --- tables ----------------------------------------------------------------------------------- */

/* A copy that nobody owns. */
static struct table *disown(const struct table *table)
{
	const uint32_t owner = NFT_TABLE_F_OWNER | 4; /* and NFT_TABLE_F_PERSIST */
	autoclean(table_free_p) struct table *copy = table_copy(table);
	struct buf attrs = {0};

	if (!copy)
		return NULL;
	attr_for_each(attr, buf_span(&table->attrs)) {
		if (attr.type == NFTA_TABLE_FLAGS)
			attr_put_be32(&attrs, attr.type, attr_be32(attr.body) & ~owner);
		else if (attr.type != NFTA_TABLE_OWNER)
			attr_put(&attrs, attr.type, attr.body.data, attr.body.len);
	}
	buf_free(&copy->attrs);
	copy->attrs = attrs;
	return attrs.failed ? NULL : steal_pointer(&copy);
}

static bool commit_table(const struct netns *ns, const struct table *table,
			 struct untrack_error *err)
{
	autoclean(kernel_close_p) struct kernel *kernel = kernel_open(ns, err);
	autoclean(plan_free_p) struct plan *plan = plan_new(0);
	autoclean(table_free_p) struct table *copy = disown(table);

	if (!kernel)
		return false;
	if (!plan || !copy)
		return error_memory(err);
	return diff_tables(NULL, copy, plan, err) &&
	       kernel_commit(kernel, plan, 0, false, err) == COMMIT_DONE;
}

static bool load_table(const struct staging *staging, const struct netns *ns,
		       const struct table *table, texts *warnings, struct untrack_error *err)
{
	autoerror why = ERROR_INIT;
	bool loaded;

	array_for_each(set, &table->sets) {
		if (!(*set)->elements_read &&
		    !warn(warnings, err, "set %s of %s %s has very many elements: here it is empty",
			  (*set)->name, family_name(table->family), table->name))
			return false;
	}
	loaded = table_has_xt(table)
			 ? xtables_copy(&staging->untrack->ns, ns, table->family, table->name, &why)
			 : commit_table(ns, table, &why);
	return loaded ||
	       warn(warnings, err, "table %s %s is not played: %s", family_name(table->family),
		    table->name, why.message ? why.message : "out of memory");
}

static bool load_legacy(const struct staging *staging, struct stage *stage, texts *warnings,
			struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *as_nft = NULL;
	autolegacy legacy = {0};
	autoerror why = ERROR_INIT;
	trackers found = {0};

	if (staging->untrack->is_saved)
		return true;
	if (!legacy_read(&staging->untrack->ns, &legacy, err))
		return false;
	if (legacy.unread &&
	    !warn(warnings, err, "legacy iptables tables are not played: %s", legacy.unread))
		return false;
	if (!legacy.ipv4 && !legacy.ipv6)
		return true;
	if (!legacy_restore(&stage->ns, &legacy, &why))
		return warn(warnings, err, "legacy iptables tables are not played: %s",
			    why.message ? why.message : "out of memory");
	/* Whether they turn tracking on; where that cannot be told they are taken to. */
	as_nft = legacy_ruleset(&legacy, &why);
	stage->tracks =
		stage->tracks || !as_nft || !ruleset_trackers(as_nft, &found, &why) || found.n;
	array_free(&found);
	return true;
}

static bool load_tables(const struct staging *staging, struct stage *stage, texts *warnings,
			struct untrack_error *err)
{
	trackers found = {0};

	if (!nft_run(&stage->ns, last_table, 0, NULL, err) ||
	    !ruleset_trackers(staging->rules, &found, err))
		return false;
	stage->tracks = staging->tracks || found.n;
	array_free(&found);
	array_for_each(table, &staging->rules->tables) {
		if ((*table)->contents_read &&
		    !load_table(staging, &stage->ns, *table, warnings, err))
			return false;
	}
	if (!load_legacy(staging, stage, warnings, err))
		return false;
	/* A ct expression turns tracking on: only where it is on already. */
	if (stage->tracks && !nft_run(&stage->ns, state_table, 0, NULL, err))
		return false;
	return nft_run(&stage->ns, first_table, 0, NULL, err) &&
	       (!has_ingress(staging->rules) || trace_ingress(stage, err));
}

/* --- the stage -------------------------------------------------------------------------------- */

static bool has_device(const struct stage *stage, const char *name)
{
	array_for_each(device, &stage->replica.devices) {
		if (!strcmp(device->name, name))
			return true;
	}
	return !strcmp(name, "lo");
}

static bool add_device(struct stage *stage, const struct interface *wanted,
		       struct untrack_error *err)
{
	return has_device(stage, wanted->name) || array_push(&stage->replica.devices, *wanted) ||
	       error_memory(err);
}

/* Where the question is about this host, an interface that it has not was hardly meant. */
static bool tell_strange(const struct staging *staging, const struct stage *stage, const char *name,
			 texts *warnings, struct untrack_error *err)
{
	const interfaces *devices = &stage->replica.devices;
	autofree const char **names = calloc(devices->n + 1, sizeof(*names));
	const char *meant;

	if (!names)
		return error_memory(err);
	if (staging->routes || staging->untrack->is_saved || has_device(stage, name))
		return true;
	for (size_t i = 0; i < devices->n; i++)
		names[i] = devices->v[i].name;
	meant = text_suggest(name, names, devices->n, sizeof(*names));
	return warn(warnings, err,
		    "there is no interface '%s' here, an empty one takes its place%s%s%s", name,
		    meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static bool take_replica(const struct staging *staging, struct stage *stage, texts *warnings,
			 struct untrack_error *err)
{
	static const struct interface anywhere = {STAGE_DEVICE, STAGE_DEVICE_INDEX};

	if (!staging->untrack->is_saved) {
		autoenter entered = netns_enter(&staging->untrack->ns, err);

		if (entered.failed || !replica_take(&stage->replica, err))
			return false;
	}
	array_for_each(wanted, staging->more) {
		if (!tell_strange(staging, stage, wanted->name, warnings, err) ||
		    !add_device(stage, wanted, err))
			return false;
	}
	return add_device(stage, &anywhere, err) &&
	       (!staging->routes || replica_add_default(&stage->replica, anywhere.index, err));
}

static enum read_depth depth_of(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_RULES;
}

/* Texts are a help to read by; libnftables cannot list every ruleset. */
static void list(struct stage *stage)
{
	autofree char *json = NULL, *text = NULL;
	autoerror ignored = ERROR_INIT;

	if (nft_run(&stage->ns, "list ruleset", NFT_JSON, &json, &ignored) &&
	    nft_run(&stage->ns, "list ruleset", NFT_HANDLES, &text, &ignored))
		stage->listing = listing_read(json, text, &ignored);
}

bool stage_set(const struct staging *staging, struct stage *ret_stage, texts *warnings,
	       struct untrack_error *err)
{
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autostage stage = {.ns = NETNS_OWN, .host = staging->rules};

	if (!take_replica(staging, &stage, warnings, err) || !netns_scratch(&stage.ns, err) ||
	    !replica_build(&stage.ns, &stage.replica, err) ||
	    !load_tables(staging, &stage, warnings, err))
		return false;
	kernel = kernel_open(&stage.ns, err);
	stage.inside = kernel ? kernel_read(kernel, depth_of, NULL, err) : NULL;
	if (!stage.inside)
		return false;
	list(&stage);
	*ret_stage = stage;
	stage = (struct stage){.ns = NETNS_OWN};
	return true;
}
