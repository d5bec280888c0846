/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys "accept_in", "rules" and "expect". */
#include "base/cleanup.h"
#include "base/text.h"
#include "document/nft_schema.h"
#include "document/packet_text.h"
#include "document/policy_parts.h"

#include <linux/netfilter.h>
#include <string.h>

#define EXPECTED_CHAIN                                                                             \
	"\"family table chain\" with family ip, ip6 or inet, like \"inet filter input\""

/* The next word, cut out of *rest; NULL at the end. */
static char *take_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end = word + strcspn(word, " \t");

	*rest = *end ? end + 1 : end;
	*end = 0;
	return *word ? word : NULL;
}

static bool parse_family(const char *word, uint8_t *ret_family)
{
	static const struct {
		const char *name;
		uint8_t family;
	} families[] = {{"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6}, {"inet", NFPROTO_INET}};

	for (size_t i = 0; i < 3; i++) {
		if (!strcmp(families[i].name, word)) {
			*ret_family = families[i].family;
			return true;
		}
	}
	return false;
}

static bool read_chain(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy_accept_in *in = target;
	char shown[TEXT_SHOWN_MAX], *rest, *family, *table, *chain;
	autofree char *copy = NULL;
	const char *text;

	if (!node_string(node, EXPECTED_CHAIN, &text, err))
		return false;
	rest = copy = strdup(text);
	if (!copy)
		return error_memory(err);
	family = take_word(&rest);
	table = take_word(&rest);
	chain = take_word(&rest);
	text_show(text, strlen(text), shown);
	if (!chain || take_word(&rest))
		return node_refuse(node, err, "not a chain, got '%s'; expected " EXPECTED_CHAIN,
				   shown);
	if (!parse_family(family, &in->family)) {
		static const char *const families[] = {"ip", "ip6", "inet"};
		const char *meant = text_suggest(family, families, 3, sizeof(*families));

		return node_refuse(node, err,
				   "unknown family, got '%s'; expected " EXPECTED_CHAIN "%s%s%s",
				   shown, meant ? "; did you mean '" : "", meant ? meant : "",
				   meant ? "'?" : "");
	}
	in->table = strdup(table);
	in->chain = strdup(chain);
	return (in->table && in->chain) || error_memory(err);
}

static bool read_position(const struct node *node, void *target, struct untrack_error *err)
{
	static const char *const words[] = {
		[POSITION_BEFORE_STATE] = "before-state",
		[POSITION_FIRST] = "first",
		[POSITION_LAST] = "last",
	};
	size_t index;

	if (!node_word(node, "position", words, 3, &index, err))
		return false;
	((struct policy_accept_in *)target)->position = (enum accept_position)index;
	return true;
}

static bool judge_chain(const struct node *node, const struct policy *policy,
			struct untrack_error *err)
{
	const struct policy_accept_in *in = &policy->accept_in.v[policy->accept_in.n - 1];

	array_for_each(other, &policy->accept_in)
		if (other != in && other->family == in->family &&
		    !strcmp(other->table, in->table) && !strcmp(other->chain, in->chain))
			return node_refuse(
				node, err,
				"chain listed twice, got table '%s', chain '%s'; expected "
				"each once, and %s has this one",
				in->table, in->chain, other->origin.path);
	return true;
}

static bool read_accept_in(const struct node *node, void *target, struct untrack_error *err)
{
	static const struct node_field fields[] = {
		{"chain", true, read_chain},
		{"position", false, read_position},
	};
	struct policy *policy = target;
	struct policy_accept_in *in;

	if (!array_push(&policy->accept_in, (struct policy_accept_in){0}))
		return error_memory(err);
	in = &policy->accept_in.v[policy->accept_in.n - 1];
	if (!policy_origin(node, &in->origin, err))
		return false;
	if (json_is_object(node->value)
		    ? !node_object(node, "an accept_in entry", NODE_FIELDS(fields), in, err)
		    : !read_chain(node, in, err))
		return false;
	return judge_chain(node, policy, err);
}

bool policy_accept_in(const struct node *node, void *target, struct untrack_error *err)
{
	return node_list(node, "an array of chains: " EXPECTED_CHAIN, true, read_accept_in, target,
			 err);
}

static bool rule_chain(const struct node *node, void *target, struct untrack_error *err)
{
	static const char *const words[] = {"prerouting", "output"};
	size_t index;

	if (!node_word(node, "chain", words, 2, &index, err))
		return false;
	((struct policy_rule *)target)->output = index == 1;
	return true;
}

static bool judge_statement(const struct node *node, void *target, struct untrack_error *err)
{
	(void)target;
	return nft_schema_statement(node, err);
}

static bool rule_expr(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy_rule *rule = target;

	if (!node_list(node, "an array of statements of libnftables-json(5)", false,
		       judge_statement, NULL, err))
		return false;
	rule->expr = json_dumps(node->value, JSON_COMPACT);
	return rule->expr || error_memory(err);
}

static bool rule_comment(const struct node *node, void *target, struct untrack_error *err)
{
	return node_free_text(node, &((struct policy_rule *)target)->comment, err);
}

static bool read_rule(const struct node *node, void *target, struct untrack_error *err)
{
	static const struct node_field fields[] = {
		{"chain", true, rule_chain},
		{"expr", true, rule_expr},
		{"comment", false, rule_comment},
	};
	struct policy *policy = target;
	struct policy_rule *rule;

	if (!array_push(&policy->rules, (struct policy_rule){0}))
		return error_memory(err);
	rule = &policy->rules.v[policy->rules.n - 1];
	return policy_origin(node, &rule->origin, err) &&
	       node_object(node, "a rule", NODE_FIELDS(fields), rule, err);
}

bool policy_rules(const struct node *node, void *target, struct untrack_error *err)
{
	return node_list(node, "an array of rules", true, read_rule, target, err);
}

static bool expect_packet(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy_expect *expect = target;
	autoerror cause = ERROR_INIT;
	struct packet_text packet;
	const char *text;

	if (!node_string(node, PACKET_TEXT_SYNTAX, &text, err))
		return false;
	if (!packet_text_parse(text, &packet, &cause))
		return node_refuse(node, err, "%s", cause.message);
	expect->packet = strdup(text);
	return expect->packet || error_memory(err);
}

static bool expect_is(const struct node *node, void *target, struct untrack_error *err)
{
	static const char *const words[] = {"tracked", "untracked"};
	size_t index;

	if (!node_word(node, "outcome", words, 2, &index, err))
		return false;
	((struct policy_expect *)target)->untracked = index == 1;
	return true;
}

static bool read_expect(const struct node *node, void *target, struct untrack_error *err)
{
	static const struct node_field fields[] = {
		{"packet", true, expect_packet},
		{"is", true, expect_is},
	};
	struct policy *policy = target;
	struct policy_expect *expect;

	if (!array_push(&policy->expects, (struct policy_expect){0}))
		return error_memory(err);
	expect = &policy->expects.v[policy->expects.n - 1];
	return policy_origin(node, &expect->origin, err) &&
	       node_object(node, "an expect entry", NODE_FIELDS(fields), expect, err);
}

bool policy_expect(const struct node *node, void *target, struct untrack_error *err)
{
	return node_list(node, "an array of packets and what they are expected to be", true,
			 read_expect, target, err);
}
