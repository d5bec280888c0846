/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules become a policy: notrack rules in pairs become services, exceptions in pairs become
 * keep_tracked, and the rest stays under `rules`, which see what no service took. So a rule that
 * must see the packets of a notrack rule (a log, a drop, an exception before it) keeps that one a
 * rule, too.
 */
#include "document/import/lift.h"

#include "base/cleanup.h"
#include "document/import/hints.h"
#include "document/import/lift_pairs.h"
#include "document/import/lift_policy.h"
#include "document/nft.h"

#include <string.h>

#define WARNINGS_MAX 20

/* ---- candidates ---- */

/* Port 0 alone is nothing that a policy can name. */
static bool has_port_zero(const port_ranges *ports)
{
	array_for_each(range, ports)
		if (!range->to)
			return true;
	return false;
}

static bool begins_at_zero(const port_ranges *ports)
{
	array_for_each(range, ports)
		if (!range->from)
			return true;
	return false;
}

static bool has_ports_or_needs_none(const struct lift_rule *rule)
{
	if (!rule->protocols.n)
		return false;
	if (has_port_zero(&rule->sports) || has_port_zero(&rule->dports))
		return false;
	if (rule->sports.n || rule->dports.n)
		return !rule->sports.n || !rule->dports.n;
	array_for_each(protocol, &rule->protocols)
		if (protocol_has_ports(*protocol))
			return false;
	return true;
}

/* The rule that keeps rule i from being lifted; rules->n: none does. */
static size_t blocker_of(const lift_rules *rules, const size_t *others, size_t count, size_t i)
{
	for (size_t k = 0; k < count; k++) {
		const struct lift_rule *other = &rules->v[others[k]];

		if (others[k] != i && (other->kind == LIFT_OTHER || others[k] < i) &&
		    lift_rules_meet(other, &rules->v[i]))
			return others[k];
	}
	return rules->n;
}

struct plan {
	lift_rules *rules;
	bool *candidate;
	size_t *others; /* rules that stay and must see their packets */
	size_t others_count;
	size_t *blocker;
};

static void plan_free(struct plan *plan)
{
	free(plan->candidate);
	free(plan->others);
	free(plan->blocker);
}

static bool plan_new(struct plan *plan, lift_rules *rules)
{
	plan->rules = rules;
	plan->candidate = calloc(rules->n + 1, sizeof(bool));
	plan->others = calloc(rules->n + 1, sizeof(size_t));
	plan->blocker = calloc(rules->n + 1, sizeof(size_t));
	return plan->candidate && plan->others && plan->blocker;
}

/* Exceptions win over every service, so nothing may stand before them that they would take from. */
static bool lift_exceptions(struct plan *plan, lift_services *ret_keeps)
{
	lift_rules *rules = plan->rules;

	for (size_t i = 0; i < rules->n; i++) {
		const struct lift_rule *rule = &rules->v[i];
		bool ok = rule->kind == LIFT_KEEP && rule->exact && !rule->protocols.n &&
			  !rule->sports.n && !rule->dports.n &&
			  (rule->sources.n || rule->destinations.n || rule->interface);

		for (size_t j = 0; ok && j < i; j++)
			ok = rules->v[j].kind == LIFT_KEEP || !lift_rules_meet(&rules->v[j], rule);
		plan->candidate[i] = ok;
	}
	if (!lift_pair(rules, plan->candidate, false, ret_keeps))
		return false;
	array_for_each(keep, ret_keeps)
		keep->keep = true;
	for (size_t i = 0; i < rules->n; i++)
		if (rules->v[i].kind != LIFT_NOTRACK && !rules->v[i].lifted)
			plan->others[plan->others_count++] = i;
	return true;
}

static bool lift_notracks(struct plan *plan, bool complete, lift_services *ret_services)
{
	for (size_t i = 0; i < plan->rules->n; i++) {
		const struct lift_rule *rule = &plan->rules->v[i];

		plan->blocker[i] = plan->rules->n;
		plan->candidate[i] =
			rule->kind == LIFT_NOTRACK && rule->exact && has_ports_or_needs_none(rule);
		if (plan->candidate[i])
			plan->blocker[i] =
				blocker_of(plan->rules, plan->others, plan->others_count, i);
		plan->candidate[i] &= plan->blocker[i] == plan->rules->n;
	}
	return lift_pair(plan->rules, plan->candidate, complete, ret_services);
}

/* ---- what is told ---- */
static const char *missing_side(const struct lift_rule *rule)
{
	bool to = rule->dports.n != 0;

	if (!rule->sports.n && !to)
		return rule->output ? "PREROUTING" : "OUTPUT";
	return rule->output ? (to ? "PREROUTING with the same source port"
				  : "PREROUTING with the same "
				    "destination port")
			    : (to ? "OUTPUT with the same source port"
				  : "OUTPUT with the same destination "
				    "port");
}

static bool same_ports(const port_ranges *a, const port_ranges *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n * sizeof(*a->v)));
}

/* The other direction of rule i, where that stays a rule for a reason of its own; rules->n: none.
 */
static size_t twin_of(const struct plan *plan, size_t i)
{
	const struct lift_rule *rule = &plan->rules->v[i];

	for (size_t j = 0; j < plan->rules->n; j++) {
		const struct lift_rule *other = &plan->rules->v[j];

		if (other->kind == LIFT_NOTRACK && !plan->candidate[j] &&
		    other->output != rule->output && same_ports(&other->sports, &rule->dports) &&
		    same_ports(&other->dports, &rule->sports) &&
		    (rule->sports.n || rule->dports.n) && other->place.line)
			return j;
	}
	return plan->rules->n;
}

static void tell_unlifted(struct import *import, const struct plan *plan, size_t i)
{
	const struct lift_rule *rule = &plan->rules->v[i];
	size_t twin = plan->candidate[i] ? twin_of(plan, i) : plan->rules->n;
	const struct place *place = rule->place.file ? &rule->place : NULL;

	if (plan->candidate[i] && twin != plan->rules->n)
		import_warn(import, place, "stays a rule, since its other direction (line %u) does",
			    plan->rules->v[twin].place.line);
	else if (plan->candidate[i])
		import_warn(import, place,
			    "stays a rule of one direction: its other direction (%s) is missing; "
			    "--complete makes it a service",
			    missing_side(rule));
	else if (plan->blocker[i] != plan->rules->n && plan->rules->v[plan->blocker[i]].place.line)
		import_warn(import, place,
			    "stays a rule: a service would take its packets away from the rule of "
			    "line %u",
			    plan->rules->v[plan->blocker[i]].place.line);
	else if (plan->blocker[i] != plan->rules->n)
		import_warn(
			import, place,
			"stays a rule: a service would take its packets away from another rule");
	else if (rule->exact)
		import_warn(
			import, place,
			"stays a rule: a service needs a protocol, and ports on one side where the "
			"protocol has them");
	else
		import_warn(import, place,
			    "stays a rule: it asks for more than protocol, ports, addresses and "
			    "interface");
}

static void tell_port_zero(struct import *import, const lift_rules *rules)
{
	array_for_each(rule, rules) {
		if (!rule->lifted ||
		    (!begins_at_zero(&rule->sports) && !begins_at_zero(&rule->dports)))
			continue;
		import_warn(import, rule->place.file ? &rule->place : NULL,
			    "the ports begin at 1 in the policy (here and further on): port 0, "
			    "which no "
			    "service has, stays tracked");
		return;
	}
}

static void tell(struct import *import, const struct plan *plan, const lift_services *services)
{
	size_t told = 0, more = 0;

	tell_port_zero(import, plan->rules);
	for (size_t i = 0; i < plan->rules->n; i++) {
		if (plan->rules->v[i].kind != LIFT_NOTRACK || plan->rules->v[i].lifted)
			continue;
		if (told++ < WARNINGS_MAX)
			tell_unlifted(import, plan, i);
		else
			more++;
	}
	if (more)
		import_warn(import, NULL, "%zu more rules stay rules", more);
	array_for_each(service, services) {
		const struct lift_rule *rule = &plan->rules->v[service->rule];

		if (service->completed)
			import_warn(import, rule->place.file ? &rule->place : NULL,
				    "completed: the other direction (%s) was added",
				    missing_side(rule));
	}
}

/* ---- the whole ---- */
bool lift_policy(struct import *import, lift_rules *rules, struct buf *document,
		 struct untrack_error *err)
{
	autoclean(plan_free) struct plan plan = {0};
	autoclean(lift_services_free) lift_services keeps = {0}, services = {0};

	if (!plan_new(&plan, rules) || !lift_exceptions(&plan, &keeps) ||
	    !lift_notracks(&plan, import->options->complete, &services))
		return error_memory(err);
	tell(import, &plan, &services);
	for (size_t i = 0; i < rules->n; i++) {
		struct lift_rule *rule = &rules->v[i];

		if (rule->lifted || !rule->names)
			continue;
		if (rule->place.file)
			return error_at(err, ERROR_DOCUMENT, rule->place.file, rule->place.line, 0,
					NULL,
					"the rule needs a set, a chain or an object, which a "
					"policy's rules cannot "
					"name; import it without --as policy");
		return error_set(err, ERROR_DOCUMENT,
				 "rule %zu needs a set, a chain or an object, which a "
				 "policy's rules cannot name",
				 i + 1);
	}
	return policy_put(import, rules, &keeps, &services, document, err);
}

void lift_rules_free(lift_rules *rules)
{
	array_for_each(rule, rules)
		lift_rule_free(rule);
	array_free(rules);
}

/* One rule of a raw table, in its chain's hook. False without memory. */
static bool add_rule(lift_rules *rules, const struct translation *t, const struct raw_rule *raw,
		     bool output)
{
	const struct shape *shape = &t->shapes.v[raw->shape];
	struct rule_values values = {.spec = raw->spec};
	struct lift_rule rule = {.place = raw->place, .output = output};
	autobuf text = {0};
	json_t *root;
	bool ok;

	shape_put_json(t, shape, false, &values, &text);
	root = text.failed ? NULL
			   : json_loads(buf_text(&text) + strcspn(buf_text(&text), "{"), 0, NULL);
	ok = root && (!raw->spec->comment || (rule.comment = strdup(raw->spec->comment))) &&
	     lift_rule_read(&rule, json_object_get(json_object_get(root, "rule"), "expr"),
			    t->family);
	json_decref(root);
	rule.names |= shape->late_statements != NULL;
	if (ok && array_push(rules, rule))
		return true;
	lift_rule_free(&rule);
	return false;
}

static bool add_table(struct import *import, lift_rules *rules, const struct translation *t,
		      struct untrack_error *err)
{
	if (t->text_only)
		return error_at(err, ERROR_DOCUMENT, t->text_place.file, t->text_place.line, 0,
				NULL,
				"a policy's rules are libnftables JSON, which would lose something "
				"of this one; "
				"import it without --as policy");
	array_for_each(chain, &t->table->chains) {
		if ((*chain)->builtin && (*chain)->drop)
			return error_set(err, ERROR_DOCUMENT,
					 "the chain %s drops what no rule accepts, which a "
					 "policy's table does not; import it without --as policy",
					 (*chain)->name);
		if (!(*chain)->builtin) {
			/* jumps to it were refused, or there are none */
			if ((*chain)->rules.n)
				import_warn(import, &(*chain)->rules.v[0]->place,
					    "no rule leads to the chain %s: its %zu rules are not "
					    "in the "
					    "policy",
					    (*chain)->name, (*chain)->rules.n);
			continue;
		}
		array_for_each(rule, &(*chain)->rules)
			if (!(*rule)->refused &&
			    !add_rule(rules, t, *rule, !strcmp((*chain)->name, "OUTPUT")))
				return error_memory(err);
	}
	return true;
}

bool lift_tables(struct import *import, struct translation *const *tables, size_t count,
		 struct buf *document, struct untrack_error *err)
{
	autoclean(lift_rules_free) lift_rules rules = {0};

	for (size_t i = 0; i < count; i++)
		if (!add_table(import, &rules, tables[i], err))
			return false;
	return lift_policy(import, &rules, document, err);
}

static void hints_done(hints *found)
{
	array_free(found);
}

bool lift_hints(struct import *import, struct translation *const *tables, size_t count,
		struct untrack_error *err)
{
	autoclean(hints_done) hints found = {0};

	(void)tables;
	(void)count;
	if (!hints_find(import, &found))
		return error_memory(err);
	array_for_each(hint, &found)
		hint_warn(import, hint);
	array_for_each(line, &import->sysctls)
		import_warn(import, &line->place,
			    "%s = %llu is not in the document: set it with sysctl, or import with "
			    "--as policy",
			    line->name, (unsigned long long)line->value);
	return !import->no_memory || error_memory(err);
}
