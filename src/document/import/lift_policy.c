/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/lift_policy.h"

#include "base/cleanup.h"
#include "document/import/hints.h"
#include "document/json.h"
#include "document/policy_read.h"
#include "document/protocol.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* Building is unchecked; the first failure (memory, or a text that is not UTF-8) stays, and is
 * asked for once. */
static void set_member(bool *failed, json_t *object, const char *key, json_t *value)
{
	*failed |= json_object_set_new(object, key, value) != 0;
}

/* Where the list is not empty; it is the caller's still. */
static void set_list(bool *failed, json_t *object, const char *key, json_t *list)
{
	if (json_object_size(list) || json_array_size(list))
		*failed |= json_object_set(object, key, list) != 0;
	*failed |= !list;
}

static void add_item(bool *failed, json_t *list, json_t *value)
{
	*failed |= json_array_append_new(list, value) != 0;
}

/* A value, or a list of several. */
static json_t *one_or_list(json_t *list)
{
	json_t *one = json_array_size(list) == 1 ? json_incref(json_array_get(list, 0)) : NULL;

	if (!one)
		return list;
	json_decref(list);
	return one;
}

static json_t *put_protocols(bool *failed, const protocols *numbers)
{
	json_t *list = json_array();

	array_for_each(protocol, numbers) {
		char name[PROTOCOL_NAME_MAX];

		protocol_name(*protocol, name);
		add_item(failed, list,
			 strchr(name, ' ') ? json_integer(*protocol) : json_string(name));
	}
	return one_or_list(list);
}

static json_t *put_ports(bool *failed, const port_ranges *ports)
{
	json_t *list = json_array();

	array_for_each(range, ports)
		add_item(failed, list,
			 range->from == range->to ? json_integer(range->from)
						  : json_sprintf("%u-%u", range->from, range->to));
	return list;
}

static json_t *put_addresses(bool *failed, const inet_ranges *ranges)
{
	json_t *list = json_array();
	char text[INET_TEXT_MAX];

	array_for_each(range, ranges)
		add_item(failed, list, json_string(inet_format(range, text)));
	return list;
}

static void put_match(bool *failed, json_t *object, const struct lift_service *service,
		      enum inet_family table)
{
	bool any = !service->addresses.n && !service->peers.n;

	if (service->protocols.n)
		set_member(failed, object, "protocol", put_protocols(failed, &service->protocols));
	if (service->ports.n)
		set_member(failed, object, "ports", put_ports(failed, &service->ports));
	if (service->addresses.n)
		set_member(failed, object, "addresses", put_addresses(failed, &service->addresses));
	else if (any && service->family && !table)
		/* in a table of both families, one of them alone */
		set_member(failed, object, "addresses",
			   json_pack("[s]", service->family == INET_V6 ? "::/0" : "0.0.0.0/0"));
	if (service->peers.n)
		set_member(failed, object, "peers", put_addresses(failed, &service->peers));
	if (service->interface)
		set_member(failed, object, "interfaces", json_pack("[s]", service->interface));
}

/* ---- names ---- */
static bool is_name(const json_t *services, const char *name)
{
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service)
		if (!strcmp(json_string_value(json_object_get(service, "name")), name))
			return true;
	return false;
}

/* After the well-known port, or protocol and port: "http", "tcp-8443", "http-client". */
static json_t *name_service(const json_t *services, const struct lift_service *service)
{
	static const char *const endings[] = {[ROLE_SERVER] = "",
					      [ROLE_CLIENT] = "-client",
					      [ROLE_FORWARD] = "-forward",
					      [ROLE_PEER] = "-peer"};
	char protocol[PROTOCOL_NAME_MAX], base[48], name[64];
	const struct servent *entry = NULL;

	protocol_name(service->protocols.n ? service->protocols.v[0] : 0, protocol);
	for (char *c = protocol; *c; c++)
		*c = *c == ' ' ? '-' : *c;
	if (service->ports.n)
		entry = getservbyport(htons(service->ports.v[0].from), protocol);
	if (entry && isalpha((unsigned char)*entry->s_name) && strlen(entry->s_name) < 40 &&
	    service->ports.v[0].from == service->ports.v[0].to)
		snprintf(base, sizeof(base), "%s%s", entry->s_name, endings[service->role]);
	else if (service->ports.n)
		snprintf(base, sizeof(base), "%s-%u%s", protocol, service->ports.v[0].from,
			 endings[service->role]);
	else
		snprintf(base, sizeof(base), "%s%s", protocol, endings[service->role]);
	for (char *c = base; *c; c++)
		*c = isalnum((unsigned char)*c) || strchr("_.-", *c) ? *c : '_';
	snprintf(name, sizeof(name), "%s", base);
	for (unsigned n = 2; is_name(services, name); n++)
		snprintf(name, sizeof(name), "%s-%u", base, n);
	return json_string(name);
}

/* ---- what the filter table accepts ---- */
static bool hint_covers(const struct hint *hint, const struct lift_service *service)
{
	const struct spec *spec = hint->rule->spec;

	if (!spec->protocol || spec->protocol_negated)
		return true;
	return service->protocols.n &&
	       memchr(service->protocols.v, spec->protocol_number, service->protocols.n);
}

static unsigned hooks_for(enum policy_role role)
{
	return role == ROLE_FORWARD ? HINT_FORWARD : HINT_INPUT | HINT_OUTPUT;
}

static bool is_accepted(const hints *found, unsigned hooks, const struct lift_service *service)
{
	/* a client without peers, or a forward without addresses, would be let in by source port */
	if ((service->role == ROLE_CLIENT && !service->peers.n) ||
	    (service->role == ROLE_FORWARD && !service->addresses.n))
		return false;
	array_for_each(hint, found)
		if ((hint->hooks & hooks & hooks_for(service->role)) && hint_covers(hint, service))
			return true;
	return false;
}

/* accept_in names chains of nf_tables that are there; what has none is told. */
static unsigned put_accept_in(bool *failed, struct import *import, json_t *policy,
			      const hints *found)
{
	json_t *list = json_array();
	unsigned wanted = 0, there = 0;

	array_for_each(hint, found)
		wanted |= hint->hooks;
	for (unsigned hook = HINT_INPUT; hook <= HINT_FORWARD; hook <<= 1) {
		autofree char *chain = wanted & hook ? hint_chain(hook) : NULL;

		if (!chain)
			continue;
		add_item(failed, list, json_string(chain));
		there |= hook;
	}
	set_list(failed, policy, "accept_in", list);
	json_decref(list);
	array_for_each(hint, found)
		if (hint->hooks & ~there)
			hint_warn(import, hint);
	return there;
}

/* ---- settings ---- */

/* "nf_conntrack_tcp_timeout_established" is "tcp_established", "nf_conntrack_udp_timeout" is "udp".
 */
static json_t *timeout_key(const char *part)
{
	const char *at = strstr(part, "_timeout");

	return json_sprintf("%.*s%s", (int)(at - part), part, at + strlen("_timeout"));
}

static void put_settings(bool *failed, const struct import *import, json_t *policy)
{
	static const char prefix[] = "net.netfilter.nf_conntrack_";
	json_t *conntrack = json_object(), *timeouts = json_object();

	array_for_each(line, &import->sysctls) {
		const char *part = line->name + strlen(prefix);
		json_t *key = strstr(part, "_timeout") ? timeout_key(part) : NULL;

		if (key)
			set_member(failed, timeouts, json_string_value(key),
				   json_integer((json_int_t)line->value));
		else
			set_member(failed, conntrack, part, json_integer((json_int_t)line->value));
		json_decref(key);
	}
	set_list(failed, conntrack, "timeouts", timeouts);
	set_list(failed, policy, "conntrack", conntrack);
	json_decref(timeouts);
	json_decref(conntrack);
}

/* ---- rules ---- */
static json_t *family_match(enum inet_family family)
{
	return json_pack("{s:{s:s,s:{s:{s:s}},s:s}}", "match", "op", "==", "left", "meta", "key",
			 "nfproto", "right", family == INET_V6 ? "ipv6" : "ipv4");
}

static void put_rules(bool *failed, json_t *policy, const lift_rules *rules, enum inet_family table)
{
	json_t *list = json_array();

	array_for_each(rule, rules) {
		json_t *object, *expr;

		if (rule->lifted)
			continue;
		expr = json_copy(rule->expr);
		if (rule->family && !table)
			json_array_insert_new(expr, 0, family_match(rule->family));
		object = json_pack("{s:s,s:o}", "chain", rule->output ? "output" : "prerouting",
				   "expr", expr);
		if (rule->comment)
			set_member(failed, object, "comment", json_string(rule->comment));
		add_item(failed, list, object);
	}
	set_list(failed, policy, "rules", list);
	json_decref(list);
}

/* ---- the whole ---- */
static enum inet_family common_family(const lift_rules *rules)
{
	enum inet_family family = rules->n ? rules->v[0].family : INET_ANY;

	array_for_each(rule, rules)
		if (rule->family != family)
			return INET_ANY;
	return family;
}

static void put_services(bool *failed, json_t *policy, const lift_rules *rules,
			 const lift_services *services, enum inet_family table, const hints *found,
			 unsigned hooks)
{
	static const char *const roles[] = {[ROLE_SERVER] = "server",
					    [ROLE_CLIENT] = "client",
					    [ROLE_FORWARD] = "forward",
					    [ROLE_PEER] = "peer"};
	json_t *list = json_array();

	array_for_each(service, services) {
		json_t *object = json_object();
		const char *comment = rules->v[service->rule].comment;

		set_member(failed, object, "name", name_service(list, service));
		set_member(failed, object, "role", json_string(roles[service->role]));
		put_match(failed, object, service, table);
		if (is_accepted(found, hooks, service))
			set_member(failed, object, "accept", json_true());
		if (comment)
			set_member(failed, object, "comment", json_string(comment));
		add_item(failed, list, object);
	}
	set_member(failed, policy, "services", list);
}

static void put_keeps(bool *failed, json_t *policy, const lift_rules *rules,
		      const lift_services *keeps, enum inet_family table)
{
	json_t *list = json_array();

	array_for_each(keep, keeps) {
		json_t *object = json_object();
		const char *comment = rules->v[keep->rule].comment;

		put_match(failed, object, keep, table);
		if (comment)
			set_member(failed, object, "comment", json_string(comment));
		add_item(failed, list, object);
	}
	set_list(failed, policy, "keep_tracked", list);
	json_decref(list);
}

/* It must be a policy that untrack takes. */
static bool check_policy(const struct buf *text, struct untrack_error *err)
{
	autojson document = {0};
	struct policy *policy;

	if (!json_parse("the policy", text, &document, err))
		return false;
	policy = policy_read(&document, err);
	if (!policy)
		return false;
	policy_free(policy);
	return true;
}

static void hints_done(hints *found)
{
	array_free(found);
}

bool policy_put(struct import *import, const lift_rules *rules, const lift_services *keeps,
		const lift_services *services, struct buf *document, struct untrack_error *err)
{
	json_t *policy = json_pack("{s:i}", "untrack", 1);
	enum inet_family table = common_family(rules);
	autoclean(hints_done) hints found = {0};
	autofree char *text = NULL;
	bool broken = false, *failed = &broken;
	unsigned hooks;

	if (!hints_find(import, &found))
		return error_memory(err);
	if (table) {
		set_member(failed, policy, "table",
			   json_string(table == INET_V6 ? "ip6 untrack" : "ip untrack"));
		import_warn(import, NULL,
			    "the rules are for %s only, and so is the policy: its table is '%s "
			    "untrack'; "
			    "without that line it would be for both",
			    table == INET_V6 ? "IPv6" : "IPv4", table == INET_V6 ? "ip6" : "ip");
	}
	put_services(failed, policy, rules, services, table, &found, 0);
	hooks = put_accept_in(failed, import, policy, &found);
	if (hooks)
		put_services(failed, policy, rules, services, table, &found, hooks);
	put_keeps(failed, policy, rules, keeps, table);
	put_rules(failed, policy, rules, table);
	put_settings(failed, import, policy);
	text = json_dumps(policy, JSON_INDENT(2));
	json_decref(policy);
	buf_puts(document, text ? text : "");
	buf_putc(document, '\n');
	if (!text || document->failed || broken)
		return error_memory(err);
	return check_policy(document, err);
}
