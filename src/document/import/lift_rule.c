/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/lift_rule.h"

#include "base/cleanup.h"
#include "document/protocol.h"

#include <string.h>

void lift_rule_free(struct lift_rule *rule)
{
	array_free(&rule->protocols);
	array_free(&rule->sports);
	array_free(&rule->dports);
	array_free(&rule->sources);
	array_free(&rule->destinations);
	free(rule->interface);
	free(rule->comment);
	json_decref(rule->expr);
}

/* ---- values ---- */
enum taken { TAKEN, NOT_TAKEN, NO_MEMORY };

static enum taken push_port(port_ranges *ports, json_int_t from, json_int_t to)
{
	if (from < 0 || to > 65535 || from > to)
		return NOT_TAKEN;
	return array_push(ports, (struct port_range){(uint16_t)from, (uint16_t)to}) ? TAKEN
										    : NO_MEMORY;
}

static enum taken take_port(const json_t *value, port_ranges *ports)
{
	const json_t *range = json_object_get(value, "range");

	if (json_is_integer(value))
		return push_port(ports, json_integer_value(value), json_integer_value(value));
	if (json_array_size(range) != 2 || !json_is_integer(json_array_get(range, 0)) ||
	    !json_is_integer(json_array_get(range, 1)))
		return NOT_TAKEN;
	return push_port(ports, json_integer_value(json_array_get(range, 0)),
			 json_integer_value(json_array_get(range, 1)));
}

static enum taken take_address(const json_t *value, inet_ranges *addresses,
			       enum inet_family *family)
{
	const json_t *prefix = json_object_get(value, "prefix"),
		     *range = json_object_get(value, "range");
	const char *text = json_string_value(value);
	autofree char *joined = NULL;
	struct inet_range first, last;

	if (prefix) {
		const char *address = json_string_value(json_object_get(prefix, "addr"));
		const json_t *length = json_object_get(prefix, "len");

		if (!address || !json_is_integer(length))
			return NOT_TAKEN;
		if (asprintf(&joined, "%s/%lld", address, json_integer_value(length)) < 0)
			return NO_MEMORY;
		text = joined;
	} else if (json_array_size(range) == 2) {
		const char *to = json_string_value(json_array_get(range, 1));

		text = json_string_value(json_array_get(range, 0));
		if (!text || !to || inet_parse(text, &first) != INET_OK ||
		    inet_parse(to, &last) != INET_OK)
			return NOT_TAKEN;
		first.last = last.first;
		if (inet_prefix_length(&first) < 0)
			return NOT_TAKEN; /* a policy has prefixes only */
		*family = first.family;
		return array_push(addresses, first) ? TAKEN : NO_MEMORY;
	}
	if (!text || inet_parse(text, &first) != INET_OK)
		return NOT_TAKEN;
	*family = first.family;
	return array_push(addresses, first) ? TAKEN : NO_MEMORY;
}

static enum taken take_protocol(const json_t *value, protocols *list)
{
	const char *name = json_string_value(value);
	uint8_t number;

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
	    json_integer_value(value) < 256)
		number = (uint8_t)json_integer_value(value);
	else if (!name || !protocol_parse(name, &number))
		return NOT_TAKEN;
	return array_push(list, number) ? TAKEN : NO_MEMORY;
}

/* A value, or an anonymous set of them. */
#define TAKE_EACH(right, call)                                                                     \
	__extension__({                                                                            \
		const json_t *set_ = json_object_get((right), "set");                              \
		size_t count_ = set_ ? json_array_size(set_) : 1;                                  \
		enum taken taken_ = count_ ? TAKEN : NOT_TAKEN;                                    \
		for (size_t i_ = 0; taken_ == TAKEN && i_ < count_; i_++) {                        \
			const json_t *value = set_ ? json_array_get(set_, i_) : (right);           \
			taken_ = (call);                                                           \
		}                                                                                  \
		taken_;                                                                            \
	})

/* ---- matches ---- */
static enum taken take_ports(struct lift_rule *rule, const char *protocol, bool source,
			     const json_t *right)
{
	port_ranges *ports = source ? &rule->sports : &rule->dports;
	uint8_t number;

	if (ports->n)
		return NOT_TAKEN;
	if (strcmp(protocol, "th")) {
		if (!protocol_parse(protocol, &number))
			return NOT_TAKEN;
		if (!rule->protocols.n && !array_push(&rule->protocols, number))
			return NO_MEMORY;
		if (rule->protocols.n != 1 || rule->protocols.v[0] != number)
			return NOT_TAKEN;
	}
	return TAKE_EACH(right, take_port(value, ports));
}

static enum taken take_addresses(struct lift_rule *rule, bool source, const json_t *right)
{
	inet_ranges *addresses = source ? &rule->sources : &rule->destinations;
	enum inet_family family = INET_ANY;
	enum taken taken;

	if (addresses->n)
		return NOT_TAKEN;
	taken = TAKE_EACH(right, take_address(value, addresses, &family));
	if (taken == TAKEN)
		rule->family = family;
	return taken;
}

static enum taken take_payload(struct lift_rule *rule, const json_t *payload, const json_t *right)
{
	const char *protocol = json_string_value(json_object_get(payload, "protocol"));
	const char *field = json_string_value(json_object_get(payload, "field"));
	bool ip;

	if (!protocol || !field)
		return NOT_TAKEN;
	ip = !strcmp(protocol, "ip") || !strcmp(protocol, "ip6");
	if (!strcmp(field, "sport") || !strcmp(field, "dport"))
		return take_ports(rule, protocol, *field == 's', right);
	if (ip && (!strcmp(field, "saddr") || !strcmp(field, "daddr")))
		return take_addresses(rule, *field == 's', right);
	if (!strcmp(protocol, "ip") && !strcmp(field, "protocol") && !rule->protocols.n) {
		rule->family = INET_V4;
		return TAKE_EACH(right, take_protocol(value, &rule->protocols));
	}
	return NOT_TAKEN;
}

static enum taken take_meta(struct lift_rule *rule, const char *key, const json_t *right)
{
	const char *text = json_string_value(right);

	if (!strcmp(key, "l4proto") && !rule->protocols.n)
		return TAKE_EACH(right, take_protocol(value, &rule->protocols));
	if (!strcmp(key, "nfproto") && text) {
		rule->family = !strcmp(text, "ipv4") ? INET_V4 : INET_V6;
		return TAKEN;
	}
	if (strcmp(key, rule->output ? "oifname" : "iifname") || !text || rule->interface)
		return NOT_TAKEN;
	rule->interface = strdup(text);
	return rule->interface ? TAKEN : NO_MEMORY;
}

static enum taken take_match(struct lift_rule *rule, const json_t *match)
{
	const char *op = json_string_value(json_object_get(match, "op"));
	const json_t *left = json_object_get(match, "left"),
		     *right = json_object_get(match, "right");
	const json_t *payload = json_object_get(left, "payload");
	const char *key = json_string_value(json_object_get(json_object_get(left, "meta"), "key"));

	if (op && strcmp(op, "=="))
		return NOT_TAKEN;
	if (payload)
		return take_payload(rule, payload, right);
	return key ? take_meta(rule, key, right) : NOT_TAKEN;
}

/* ---- statements ---- */
static bool has_name(const json_t *value)
{
	const char *key, *text = json_string_value(value);
	const json_t *member;
	void *iterator;

	if (text)
		return *text == '@';
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			if (has_name(json_array_get(value, i)))
				return true;
		return false;
	}
	for (iterator = json_object_iter((json_t *)(uintptr_t)value); iterator;
	     iterator = json_object_iter_next((json_t *)(uintptr_t)value, iterator)) {
		key = json_object_iter_key(iterator);
		member = json_object_iter_value(iterator);
		if (!strcmp(key, "jump") || !strcmp(key, "goto") || !strcmp(key, "ct helper") ||
		    !strcmp(key, "ct timeout") || !strcmp(key, "ct expectation") ||
		    (!strcmp(key, "counter") && json_is_string(member)) || has_name(member))
			return true;
	}
	return false;
}

bool lift_rule_read(struct lift_rule *rule, const json_t *expr, enum inet_family family)
{
	bool notrack = false, keep = false, other = false;

	rule->family = family;
	rule->exact = true;
	rule->expr = json_array();
	for (size_t i = 0; rule->expr && i < json_array_size(expr); i++) {
		json_t *statement = json_array_get(expr, i);
		const json_t *match = json_object_get(statement, "match");
		enum taken taken =
			match && !notrack && !other ? take_match(rule, match) : NOT_TAKEN;

		if (json_object_get(statement, "counter"))
			continue;
		if (taken == NO_MEMORY || json_array_append(rule->expr, statement))
			return false;
		if (match) {
			rule->exact &= taken == TAKEN;
			other |= notrack;
		} else if (json_object_get(statement, "notrack")) {
			notrack = true;
		} else if (json_object_get(statement, "accept") ||
			   json_object_get(statement, "return")) {
			keep = true;
		} else {
			other = true;
		}
	}
	rule->names = has_name(rule->expr);
	rule->kind = other ? LIFT_OTHER : notrack ? LIFT_NOTRACK : keep ? LIFT_KEEP : LIFT_OTHER;
	return rule->expr;
}

/* ---- do two boxes meet ---- */
static bool protocols_meet(const protocols *a, const protocols *b)
{
	if (!a->n || !b->n)
		return true;
	array_for_each(one, a)
		array_for_each(other, b)
			if (*one == *other)
				return true;
	return false;
}

static bool ports_meet(const port_ranges *a, const port_ranges *b)
{
	if (!a->n || !b->n)
		return true;
	array_for_each(one, a)
		array_for_each(other, b)
			if (one->from <= other->to && other->from <= one->to)
				return true;
	return false;
}

static bool addresses_meet(const inet_ranges *a, const inet_ranges *b)
{
	if (!a->n || !b->n)
		return true;
	array_for_each(one, a)
		array_for_each(other, b)
			if (one->family == other->family &&
			    inet_compare(&one->first, &other->last, one->family) <= 0 &&
			    inet_compare(&other->first, &one->last, one->family) <= 0)
				return true;
	return false;
}

bool lift_rules_meet(const struct lift_rule *a, const struct lift_rule *b)
{
	bool wildcard = (a->interface && strchr(a->interface, '*')) ||
			(b->interface && strchr(b->interface, '*'));

	return a->output == b->output && (!a->family || !b->family || a->family == b->family) &&
	       (!a->interface || !b->interface || wildcard ||
		!strcmp(a->interface, b->interface)) &&
	       protocols_meet(&a->protocols, &b->protocols) && ports_meet(&a->sports, &b->sports) &&
	       ports_meet(&a->dports, &b->dports) && addresses_meet(&a->sources, &b->sources) &&
	       addresses_meet(&a->destinations, &b->destinations);
}
