/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/policy_read.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/policy_parts.h"
#include "document/reserved.h"

#include <linux/netfilter.h>
#include <string.h>

#define EXPECTED_TABLE "\"family name\" with family inet, ip or ip6, like \"inet untrack\""

bool policy_origin(const struct node *node, struct origin *ret_origin, struct untrack_error *err)
{
	struct json_place place = node_place(node);
	char *path = node_path(node);

	if (!path)
		return error_memory(err);
	*ret_origin = (struct origin){path, place.line, place.column};
	return true;
}

static bool read_version(const struct node *node, void *target, struct untrack_error *err)
{
	json_int_t version;

	(void)target;
	return node_integer(node, "1, the version of the policy's language", 1, 1, &version, err);
}

/* Tables that iptables-nft makes and takes for its own. */
static bool is_iptables(uint8_t family, const char *name)
{
	static const char *const names[] = {"raw", "filter", "nat", "mangle", "security"};

	for (size_t i = 0; family != NFPROTO_INET && i < 5; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool judge_table(const struct node *node, uint8_t family, const char *name,
			struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];

	text_show(name, strlen(name), shown);
	if (!nft_name_is_valid(name))
		return node_refuse(
			node, err,
			"not a table's name, got '%s'; expected a letter, '_' or '.', then "
			"letters, digits, '/', '_', '.' or '-'",
			shown);
	if (nft_word_is_reserved(name))
		return node_refuse(
			node, err,
			"a word of nft's language, got '%s'; expected another name, so that "
			"nft can load what it lists",
			shown);
	if (is_iptables(family, name))
		return node_refuse(
			node, err,
			"belongs to iptables-nft, got '%s'; expected a table of its own, "
			"like \"inet untrack\"",
			json_string_value(node->value));
	return true;
}

static bool read_table(const struct node *node, void *target, struct untrack_error *err)
{
	static const struct {
		const char *word;
		uint8_t family;
	} families[] = {{"inet", NFPROTO_INET}, {"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6}};
	struct policy *policy = target;
	char shown[TEXT_SHOWN_MAX];
	const char *text, *name;
	char *copy;

	if (!node_string(node, EXPECTED_TABLE, &text, err))
		return false;
	text_show(text, strlen(text), shown);
	name = strchr(text, ' ');
	if (!name)
		return node_refuse(node, err,
				   "no family, got '%s'; expected " EXPECTED_TABLE
				   "; did you mean \"inet %s\"?",
				   shown, shown);
	for (size_t i = 0; i < 3; i++) {
		if (strncmp(families[i].word, text, (size_t)(name - text)) ||
		    families[i].word[name - text])
			continue;
		if (!judge_table(node, families[i].family, name + 1, err))
			return false;
		copy = strdup(name + 1);
		if (!copy)
			return error_memory(err);
		free(policy->table);
		policy->table = copy;
		policy->family = families[i].family;
		return true;
	}
	return node_refuse(node, err, "unknown family, got '%s'; expected " EXPECTED_TABLE, shown);
}

static bool read_comment(const struct node *node, void *target, struct untrack_error *err)
{
	autofree char *comment = NULL;

	(void)target;
	return node_free_text(node, &comment, err);
}

/* What depends on the table, which may stand behind the services. */
static bool judge_families(const struct node *root, const struct policy *policy,
			   struct untrack_error *err)
{
	struct node services = node_child(root, "services"),
		    keeps = node_child(root, "keep_tracked");

	for (size_t i = 0; i < policy->services.n; i++) {
		struct node node = node_element(&services, i);

		if (!policy_match_judge_family(&node, &policy->services.v[i].match, policy->family,
					       err))
			return false;
	}
	for (size_t i = 0; i < policy->keep_tracked.n; i++) {
		struct node node = node_element(&keeps, i);

		if (!policy_match_judge_family(&node, &policy->keep_tracked.v[i].match,
					       policy->family, err))
			return false;
	}
	return true;
}

DEFINE_AUTOCLEAN(struct policy, policy_free)

struct policy *policy_read(struct json_document *document, struct untrack_error *err)
{
	static const struct node_field fields[] = {
		{"untrack", true, read_version},
		{"table", false, read_table},
		{"services", false, policy_services},
		{"keep_tracked", false, policy_keep_tracked},
		{"accept_in", false, policy_accept_in},
		{"rules", false, policy_rules},
		{"conntrack", false, policy_conntrack},
		{"expect", false, policy_expect},
		{"comment", false, read_comment},
	};
	autoclean(policy_free_p) struct policy *policy = calloc(1, sizeof(*policy));
	struct node root = node_root(document);

	if (!policy)
		return error_memory(err), NULL;
	policy->family = NFPROTO_INET;
	policy->file = strdup(document->file);
	policy->table = strdup("untrack");
	if (!policy->file || !policy->table)
		return error_memory(err), NULL;
	if (!node_object(&root, "a policy", NODE_FIELDS(fields), policy, err) ||
	    !judge_families(&root, policy, err))
		return NULL;
	policy->list_files = document->files;
	document->files = (texts){0};
	return steal_pointer(&policy);
}
