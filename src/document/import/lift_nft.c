/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of nf_tables, from a document or from this host, as a policy. */
#include "document/import/import.h"

#include "base/cleanup.h"
#include "document/import/lift.h"
#include "document/import/process.h"
#include "document/nft.h"
#include "document/source.h"

#include <ctype.h>
#include <string.h>

/* Base chains in which notrack works: in front of connection tracking. */
static bool is_early(const json_t *chain, bool *ret_output)
{
	const char *hook = json_string_value(json_object_get(chain, "hook"));
	const json_t *priority = json_object_get(chain, "prio");

	if (!hook || (strcmp(hook, "prerouting") && strcmp(hook, "output")) ||
	    json_integer_value(priority) >= -200)
		return false;
	*ret_output = !strcmp(hook, "output");
	return true;
}

static const json_t *member(const json_t *object, const char *key)
{
	const json_t *inner = json_object_get(json_object_get(object, "add"), key);

	return inner ? inner : json_object_get(object, key);
}

static const json_t *find_chain(const json_t *array, const json_t *rule)
{
	json_t *object;
	size_t i;

	json_array_foreach(array, i, object) {
		const json_t *chain = member(object, "chain");

		if (chain &&
		    json_equal(json_object_get(chain, "family"), json_object_get(rule, "family")) &&
		    json_equal(json_object_get(chain, "table"), json_object_get(rule, "table")) &&
		    json_equal(json_object_get(chain, "name"), json_object_get(rule, "chain")))
			return chain;
	}
	return NULL;
}

static bool same_place(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "family"), json_object_get(b, "family")) &&
	       json_equal(json_object_get(a, "table"), json_object_get(b, "table")) &&
	       json_equal(json_object_get(a, "chain"), json_object_get(b, "chain"));
}

static bool has_notrack(const json_t *array, const json_t *place)
{
	json_t *object, *statement;
	size_t i, j;

	json_array_foreach(array, i, object) {
		const json_t *rule = member(object, "rule");

		if (!rule || !same_place(rule, place))
			continue;
		json_array_foreach(json_object_get(rule, "expr"), j, statement)
			if (json_object_get(statement, "notrack"))
				return true;
	}
	return false;
}

static bool add_nft_rules(lift_rules *rules, const json_t *array, struct untrack_error *err)
{
	const json_t *last = NULL, *chain = NULL;
	bool wanted = false, output = false;
	json_t *object;
	size_t i;

	json_array_foreach(array, i, object) {
		const json_t *body = member(object, "rule");
		const char *family, *comment;
		struct lift_rule rule = {0};

		if (!body)
			continue;
		if (!last || !same_place(last, body)) {
			chain = find_chain(array, body);
			wanted = chain && is_early(chain, &output) && has_notrack(array, body);
		}
		last = body;
		if (!wanted)
			continue;
		family = json_string_value(json_object_get(body, "family"));
		comment = json_string_value(json_object_get(body, "comment"));
		rule.output = output;
		if ((comment && !(rule.comment = strdup(comment))) ||
		    !lift_rule_read(&rule, json_object_get(body, "expr"),
				    family && !strcmp(family, "ip")    ? INET_V4
				    : family && !strcmp(family, "ip6") ? INET_V6
								       : INET_ANY) ||
		    !array_push(rules, rule)) {
			lift_rule_free(&rule);
			return error_memory(err);
		}
	}
	return true;
}

/* Whatever it is, nft reads it, and lists it as JSON. */
static bool list_document(const struct source *source, char **ret_listing,
			  struct untrack_error *err)
{
	autonetns ns = NETNS_OWN;

	if (!netns_scratch(&ns, err))
		return false;
	if (!nft_run(&ns, buf_text(&source->text), NFT_UTC, NULL, err)) {
		if (err && !err->file)
			err->file = strdup(source->name);
		return false;
	}
	return nft_run(&ns, "list ruleset", NFT_JSON | NFT_UTC, ret_listing, err);
}

/* *ret_found false: there is no notrack rule. */
static bool lift_listing(const char *listing, const struct import_options *options, bool *ret_found,
			 struct import_result *ret_result, struct untrack_error *err)
{
	autoclean(import_free) struct import import = {.options = options};
	autoclean(lift_rules_free) lift_rules rules = {0};
	struct import_result result = {0};
	autobuf policy = {0};
	json_t *root = json_loads(listing, 0, NULL);
	bool ok;

	ok = (root || error_set(err, ERROR_SYSTEM, "nft's JSON cannot be read")) &&
	     add_nft_rules(&rules, json_object_get(root, "nftables"), err);
	json_decref(root);
	*ret_found = rules.n;
	if (!ok || !rules.n)
		return ok;
	if (!lift_policy(&import, &rules, &policy, err))
		return false;
	result.rules_in = result.rules_out = rules.n;
	result.document = buf_steal_text(&policy);
	if (!result.document || import.no_memory) {
		free(result.document);
		return error_memory(err);
	}
	memcpy(&result.warnings, &import.warnings, sizeof(result.warnings));
	memset(&import.warnings, 0, sizeof(import.warnings));
	*ret_result = result;
	return true;
}

static bool no_rules(struct untrack_error *err)
{
	return error_set(err, ERROR_DOCUMENT,
			 "there is no notrack rule in a chain in front of connection "
			 "tracking");
}

bool import_lift(const struct source *source, const struct import_options *options,
		 struct import_result *ret_result, struct untrack_error *err)
{
	autofree char *listing = NULL;
	bool found;

	return list_document(source, &listing, err) &&
	       lift_listing(listing, options, &found, ret_result, err) && (found || no_rules(err));
}

/* ---- this host ---- */

/* iptables' own programs list its tables; nothing is there where they are not, or fail. */
static bool save_tables(source_list *sources, struct untrack_error *err)
{
	static const char *const programs[] = {"iptables-legacy-save", "ip6tables-legacy-save",
					       "iptables-nft-save", "ip6tables-nft-save"};
	const struct netns own = NETNS_OWN;

	for (size_t i = 0; i < 4; i++) {
		autofree char *path = process_find(programs[i]);
		const char *const argv[] = {path, "-t", "raw", NULL};
		struct source source = {0};
		struct buf none = {0};
		autoprocess result = {0};

		if (!path)
			continue;
		if (!process_run(&own, path, argv, &none, &result, err))
			return false;
		if (result.status || !strstr(buf_text(&result.output), "\n-A "))
			continue;
		source.name = strdup(programs[i]);
		buf_puts(&source.text, buf_text(&result.output));
		if (!source.name || source.text.failed || !array_push(sources, source)) {
			free(source.name);
			buf_free(&source.text);
			return error_memory(err);
		}
	}
	return true;
}

/* iptables-nft's table is raw, and its chains' names are in capitals. */
static bool is_iptables(const json_t *rule)
{
	const char *table = json_string_value(json_object_get(rule, "table"));
	const char *chain = json_string_value(json_object_get(rule, "chain"));

	return table && chain && !strcmp(table, "raw") && isupper((unsigned char)*chain);
}

static bool has_other_notrack(const char *listing)
{
	json_t *root = json_loads(listing, 0, NULL), *object, *statement;
	bool found = false;
	size_t i, j;

	json_array_foreach(json_object_get(root, "nftables"), i, object) {
		const json_t *rule = member(object, "rule");

		if (!rule || is_iptables(rule))
			continue;
		json_array_foreach(json_object_get(rule, "expr"), j, statement)
			found |= json_object_get(statement, "notrack") != NULL;
	}
	json_decref(root);
	return found;
}

/* A table of iptables-nft is in nft's listing, too; what iptables wrote as an extension is not read
 * there, so iptables is asked. */
bool import_live(const struct import_options *options, struct import_result *ret_result,
		 struct untrack_error *err)
{
	autoclean(sources_free) source_list sources = {0};
	const struct netns own = NETNS_OWN;
	autofree char *listing = NULL;
	bool found = false;

	if (!nft_run(&own, "list ruleset", NFT_JSON | NFT_UTC, &listing, err) ||
	    !save_tables(&sources, err))
		return false;
	if (!sources.n)
		return lift_listing(listing, options, &found, ret_result, err) &&
		       (found || no_rules(err));
	if (has_other_notrack(listing))
		return error_set(
			err, ERROR_DOCUMENT,
			"notrack rules are in iptables' raw tables and in tables of nft's; import "
			"them one after the other: the output of iptables-save, and of 'nft list "
			"table'");
	return import_read(sources.v, sources.n, options, ret_result, err);
}

/* ---- what a file is ---- */
bool import_is_document(const struct source *source)
{
	static const char *const words[] = {
		"table ",	 "flush ",	  "define ",  "include ", "add table ",
		"add chain ",	 "add rule ",	  "add set ", "add map ", "add element ",
		"create table ", "create chain ", "destroy "};
	const char *at = buf_text(&source->text);

	if (strstr(at, "bin/nft") && !strncmp(at, "#!", 2) &&
	    strstr(at, "bin/nft") < at + strcspn(at, "\n"))
		return true;
	for (;;) {
		at += strspn(at, " \t\r\n");
		if (*at != '#')
			break;
		at += strcspn(at, "\n");
	}
	if (*at == '{')
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return true;
	return false;
}
