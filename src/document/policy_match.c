/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets a service or a keep_tracked entry means. */
#include "base/cleanup.h"
#include "base/text.h"
#include "document/interface.h"
#include "document/policy_parts.h"
#include "document/protocol.h"

#include <netinet/in.h> /* before linux/netfilter.h */
#include <linux/netfilter.h>
#include <string.h>

#define EXPECTED_PROTOCOL                                                                          \
	"tcp, udp, udplite, sctp, dccp, icmp, icmpv6, gre, esp, ah, another name of "              \
	"protocols(5), "                                                                           \
	"or a number from 0 to 255"

enum { V4 = 1, V6 = 2, BOTH = 3 };

static bool refuse_protocol_name(const struct node *node, const char *name,
				 struct untrack_error *err)
{
	const char *meant = protocol_suggest(name);
	char shown[TEXT_SHOWN_MAX], more[64] = "";

	if (*name && strlen(name) <= 3 && !name[strspn(name, "0123456789")])
		snprintf(more, sizeof(more), "; did you mean %s?", name);
	else if (meant)
		snprintf(more, sizeof(more), "; did you mean '%s'?", meant);
	return node_refuse(node, err,
			   "unknown protocol, got '%s'; expected " EXPECTED_PROTOCOL "%s",
			   text_show(name, strlen(name), shown), more);
}

/* Adds one protocol, unless it is there. */
static bool read_protocol(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy_match *match = target;
	json_int_t number = -1;
	uint8_t protocol;

	if (json_is_string(node->value)) {
		const char *name = json_string_value(node->value);

		if (!protocol_parse(name, &protocol))
			return refuse_protocol_name(node, name, err);
		number = protocol;
	} else if (!node_integer(node, EXPECTED_PROTOCOL, 0, 255, &number, err)) {
		return false;
	}
	array_for_each(other, &match->protocols)
		if (*other == number)
			return true;
	return array_push(&match->protocols, (uint8_t)number) || error_memory(err);
}

bool policy_match_protocol(const struct node *node, void *target, struct untrack_error *err)
{
	if (json_is_array(node->value))
		return node_list(node, "a protocol or an array of protocols", false, read_protocol,
				 target, err);
	return read_protocol(node, target, err);
}

bool policy_match_ports(const struct node *node, void *target, struct untrack_error *err)
{
	return policy_ports(node, &((struct policy_match *)target)->ports, err);
}

bool policy_match_addresses(const struct node *node, void *target, struct untrack_error *err)
{
	return policy_addresses(node, &((struct policy_match *)target)->addresses, err);
}

bool policy_match_peers(const struct node *node, void *target, struct untrack_error *err)
{
	return policy_addresses(node, &((struct policy_match *)target)->peers, err);
}

static bool read_interface(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy_match *match = target;
	char shown[TEXT_SHOWN_MAX], *copy;
	const char *name;

	if (!node_string(node, "the name of an interface", &name, err))
		return false;
	if (!strcmp(name, "*"))
		return node_refuse(
			node, err,
			"'*' is every interface; expected names, or no \"interfaces\" at "
			"all for any");
	if (!interface_is_valid(name, true))
		return node_refuse(node, err,
				   "not the name of an interface, got '%s'; expected 1 to 15 bytes "
				   "without '/', ':' or white space, a '*' at the end only",
				   text_show(name, strlen(name), shown));
	array_for_each(other, &match->interfaces)
		if (!strcmp(*other, name))
			return node_refuse(node, err,
					   "interface listed twice, got '%s'; expected each once",
					   name);
	copy = strdup(name);
	if (copy && array_push(&match->interfaces, copy))
		return true;
	free(copy);
	return error_memory(err);
}

bool policy_match_interfaces(const struct node *node, void *target, struct untrack_error *err)
{
	return node_list(node, "an array of interface names", false, read_interface, target, err);
}

/* All protocols have ports, or none has. */
bool policy_match_judge(const struct node *node, const struct policy_match *match, bool is_service,
			struct untrack_error *err)
{
	const uint8_t *with = NULL, *without = NULL;
	char a[PROTOCOL_NAME_MAX], b[PROTOCOL_NAME_MAX];
	struct node ports = node_child(node, "ports"), protocol = node_child(node, "protocol");

	array_for_each(each, &match->protocols)
		*(protocol_has_ports(*each) ? &with : &without) = each;
	if (match->ports.n && !match->protocols.n)
		return node_refuse(&ports, err,
				   "ports without a protocol; expected \"protocol\" with them");
	if (with && without && (match->ports.n || is_service))
		return node_refuse(
			&protocol, err,
			"%s has ports, %s has none; expected protocols of one kind in one "
			"entry",
			protocol_name(*with, a), protocol_name(*without, b));
	if (match->ports.n && without)
		return node_refuse(&ports, err, "%s has no ports; expected no \"ports\" with it",
				   protocol_name(*without, a));
	if (!match->ports.n && with && is_service)
		return node_refuse(node, err,
				   "missing key in a service; expected \"ports\" with %s",
				   protocol_name(*with, a));
	return true;
}

static unsigned list_families(const struct inet_list *list)
{
	if (!inet_list_count(list))
		return BOTH;
	return (list->v4.n ? V4 : 0) | (list->v6.n ? V6 : 0);
}

static unsigned protocols_families(const protocols *list)
{
	unsigned families = list->n ? 0 : BOTH;

	array_for_each(each, list)
		families |= *each == IPPROTO_ICMP ? V4 : *each == IPPROTO_ICMPV6 ? V6 : BOTH;
	return families;
}

static const char *family_word(unsigned families)
{
	return families == V4 ? "IPv4" : "IPv6";
}

bool policy_match_judge_family(const struct node *node, const struct policy_match *match,
			       uint8_t family, struct untrack_error *err)
{
	unsigned table = family == NFPROTO_IPV4 ? V4 : family == NFPROTO_IPV6 ? V6 : BOTH;
	unsigned addresses = list_families(&match->addresses);
	unsigned peers = list_families(&match->peers);
	unsigned protocol = protocols_families(&match->protocols);
	struct node address_node = node_child(node, "addresses"),
		    peer_node = node_child(node, "peers");
	struct node protocol_node = node_child(node, "protocol");

	if ((inet_list_count(&match->addresses) && (addresses & ~table)) ||
	    (inet_list_count(&match->peers) && (peers & ~table)))
		return node_refuse(
			inet_list_count(&match->addresses) && (addresses & ~table) ? &address_node
										   : &peer_node,
			err,
			"%s in a table of family %s; expected %s only, or a table of "
			"family inet",
			family_word(BOTH & ~table), table == V4 ? "ip" : "ip6", family_word(table));
	if (!(addresses & peers))
		return node_refuse(&peer_node, err,
				   "nothing can match: the addresses are %s, the peers are %s; "
				   "expected both of one family",
				   family_word(addresses), family_word(peers));
	if (!(addresses & peers & protocol))
		return node_refuse(
			&protocol_node, err,
			"nothing can match: the protocol is of %s, the addresses and peers "
			"are %s; expected both of one family",
			family_word(protocol), family_word(addresses & peers));
	if (!(protocol & table))
		return node_refuse(
			&protocol_node, err,
			"nothing can match: the protocol is of %s, the table's family is "
			"%s; expected both of one family",
			family_word(protocol), table == V4 ? "ip" : "ip6");
	return true;
}

static bool covers_all(const struct inet_list *list)
{
	return (list->v4.n == 1 && !list->v4.v[0].first && list->v4.v[0].last == UINT32_MAX) ||
	       (list->v6.n == 1 && inet_prefix_length(&(struct inet_range){
					   INET_V6, list->v6.v[0].first, list->v6.v[0].last}) == 0);
}

/* So few addresses, even counted twice where ranges overlap, that some are left out. */
static bool is_small(const struct inet_list *list)
{
	uint64_t sum = 0;

	array_for_each(range, &list->v4) {
		sum += (uint64_t)range->last - range->first + 1;
	}
	return inet_list_count(list) && !list->v6.n && sum <= UINT32_MAX;
}

bool policy_list_is_any(const struct inet_list *list, bool *ret_any, struct untrack_error *err)
{
	struct inet_list copy = {0};
	bool ok = true;

	if (is_small(list)) {
		*ret_any = false;
		return true;
	}
	for (size_t i = 0; ok && i < inet_list_count(list); i++) {
		struct inet_range range = inet_list_at(list, i);

		ok = inet_list_push(&copy, &range);
	}
	inet_list_sort(&copy, true);
	if (ok)
		*ret_any = !inet_list_count(list) || covers_all(&copy);
	inet_list_free(&copy);
	return ok || error_memory(err);
}
