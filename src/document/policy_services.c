/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys "services" and "keep_tracked". */
#include "base/cleanup.h"
#include "base/text.h"
#include "document/policy_parts.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_LENGTH 64

static struct policy_match *match_of_service(void *target)
{
	return &((struct policy_service *)target)->match;
}

static struct policy_match *match_of_keep(void *target)
{
	return &((struct policy_keep *)target)->match;
}

/* One reader for services and one for keep_tracked of each field that both have. */
#define BOTH(field)                                                                                \
	static bool service_##field(const struct node *node, void *target,                         \
				    struct untrack_error *err)                                     \
	{                                                                                          \
		return policy_match_##field(node, match_of_service(target), err);                  \
	}                                                                                          \
	static bool keep_##field(const struct node *node, void *target, struct untrack_error *err) \
	{                                                                                          \
		return policy_match_##field(node, match_of_keep(target), err);                     \
	}
BOTH(protocol)
BOTH(ports)
BOTH(addresses)
BOTH(peers)
BOTH(interfaces)

static bool name_is_valid(const char *name)
{
	if (!isalpha((unsigned char)*name) || strlen(name) > NAME_MAX_LENGTH)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

static bool service_name(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy_service *service = target;
	char shown[TEXT_SHOWN_MAX];
	const char *name;

	if (!node_string(node, "a name", &name, err))
		return false;
	if (!name_is_valid(name))
		return node_refuse(node, err,
				   "not a name, got '%s'; expected a letter and up to 63 letters, "
				   "digits, '_', '.' or '-'",
				   text_show(name, strlen(name), shown));
	service->name = strdup(name);
	return service->name || error_memory(err);
}

static bool service_role(const struct node *node, void *target, struct untrack_error *err)
{
	static const char *const words[] = {
		[ROLE_SERVER] = "server",
		[ROLE_CLIENT] = "client",
		[ROLE_FORWARD] = "forward",
		[ROLE_PEER] = "peer",
	};
	struct policy_service *service = target;
	size_t index;

	if (!node_word(node, "role", words, 4, &index, err))
		return false;
	service->role = (enum policy_role)index;
	return true;
}

static bool service_accept(const struct node *node, void *target, struct untrack_error *err)
{
	return node_boolean(node, &((struct policy_service *)target)->accept, err);
}

static bool service_comment(const struct node *node, void *target, struct untrack_error *err)
{
	return node_free_text(node, &((struct policy_service *)target)->comment, err);
}

static bool keep_comment(const struct node *node, void *target, struct untrack_error *err)
{
	return node_free_text(node, &((struct policy_keep *)target)->comment, err);
}

static const struct node_field service_fields[] = {
	{"name", true, service_name},
	{"role", true, service_role},
	{"protocol", true, service_protocol},
	{"ports", false, service_ports},
	{"addresses", false, service_addresses},
	{"peers", false, service_peers},
	{"interfaces", false, service_interfaces},
	{"accept", false, service_accept},
	{"comment", false, service_comment},
};

static const struct node_field keep_fields[] = {
	{"protocol", false, keep_protocol},	{"ports", false, keep_ports},
	{"addresses", false, keep_addresses},	{"peers", false, keep_peers},
	{"interfaces", false, keep_interfaces}, {"comment", false, keep_comment},
};

/* Packets come in on one side and go out on the other; a "name*" may be both. */
static bool judge_forward(const struct node *node, const struct policy_service *service,
			  struct untrack_error *err)
{
	const texts *names = &service->match.interfaces;
	struct node interfaces = node_child(node, "interfaces");

	if (service->role != ROLE_FORWARD || names->n != 1 || strchr(names->v[0], '*'))
		return true;
	return node_refuse(&interfaces, err,
			   "one interface for role \"forward\", got '%s'; expected those of both "
			   "sides, or no \"interfaces\" for any",
			   names->v[0]);
}

/* One direction of these roles is told by its source port, which anyone may choose. */
static bool judge_accept(const struct node *node, const struct policy_service *service,
			 struct untrack_error *err)
{
	bool client = service->role == ROLE_CLIENT, any;
	struct node accept = node_child(node, "accept");

	if (!service->accept || (!client && service->role != ROLE_FORWARD))
		return true;
	if (!policy_list_is_any(client ? &service->match.peers : &service->match.addresses, &any,
				err))
		return false;
	if (!any)
		return true;
	return node_refuse(&accept, err,
			   "would let in anyone who sends from that source port; expected \"%s\" "
			   "that are not the whole internet with \"accept\": true and role \"%s\"",
			   client ? "peers" : "addresses", client ? "client" : "forward");
}

static bool read_service(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy *policy = target;
	struct policy_service *service;

	if (!array_push(&policy->services, (struct policy_service){0}))
		return error_memory(err);
	service = &policy->services.v[policy->services.n - 1];
	return policy_origin(node, &service->origin, err) &&
	       node_object(node, "a service", NODE_FIELDS(service_fields), service, err) &&
	       policy_match_judge(node, &service->match, true, err) &&
	       judge_forward(node, service, err) && judge_accept(node, service, err);
}

/* names: which service has each name, by index. */
static bool judge_names(const struct node *node, const struct policy *policy, json_t *names,
			struct untrack_error *err)
{
	for (size_t i = 0; i < policy->services.n; i++) {
		const char *name = policy->services.v[i].name;
		const json_t *other = json_object_get(names, name);
		struct node service = node_element(node, i), at = node_child(&service, "name");

		if (other)
			return node_refuse(
				&at, err,
				"name used twice, got '%s'; expected a name of its own, and "
				"/services/%lld has this one",
				name, json_integer_value(other));
		if (json_object_set_new(names, name, json_integer((json_int_t)i)))
			return error_memory(err);
	}
	return true;
}

bool policy_services(const struct node *node, void *target, struct untrack_error *err)
{
	json_t *names;
	bool ok;

	if (!node_list(node, "an array of services", true, read_service, target, err))
		return false;
	names = json_object();
	ok = names ? judge_names(node, target, names, err) : error_memory(err);
	json_decref(names);
	return ok;
}

static bool read_keep(const struct node *node, void *target, struct untrack_error *err)
{
	struct policy *policy = target;
	struct policy_keep *keep;
	const struct policy_match *match;

	if (!array_push(&policy->keep_tracked, (struct policy_keep){0}))
		return error_memory(err);
	keep = &policy->keep_tracked.v[policy->keep_tracked.n - 1];
	match = &keep->match;
	if (!policy_origin(node, &keep->origin, err) ||
	    !node_object(node, "a keep_tracked entry", NODE_FIELDS(keep_fields), keep, err))
		return false;
	if (!match->protocols.n && !match->ports.n && !inet_list_count(&match->addresses) &&
	    !inet_list_count(&match->peers) && !match->interfaces.n)
		return node_refuse(
			node, err,
			"would keep everything tracked; expected at least one of \"protocol\", "
			"\"addresses\", \"peers\" and \"interfaces\"");
	return policy_match_judge(node, match, false, err);
}

bool policy_keep_tracked(const struct node *node, void *target, struct untrack_error *err)
{
	return node_list(node, "an array of keep_tracked entries", true, read_keep, target, err);
}
