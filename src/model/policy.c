/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/policy.h"

#include <netinet/in.h>

#ifndef IPPROTO_DCCP
#define IPPROTO_DCCP 33
#endif

void texts_free(texts *list)
{
	array_for_each(text, list) {
		free(*text);
	}
	array_free(list);
}

static void match_free(struct policy_match *match)
{
	array_free(&match->protocols);
	array_free(&match->ports);
	inet_list_free(&match->addresses);
	inet_list_free(&match->peers);
	array_for_each(name, &match->interfaces)
		free(*name);
	array_free(&match->interfaces);
}

static void services_free(struct policy *policy)
{
	array_for_each(service, &policy->services) {
		free(service->name);
		match_free(&service->match);
		free(service->comment);
		free(service->origin.path);
	}
	array_free(&policy->services);
}

static void keep_tracked_free(struct policy *policy)
{
	array_for_each(keep, &policy->keep_tracked) {
		match_free(&keep->match);
		free(keep->comment);
		free(keep->origin.path);
	}
	array_free(&policy->keep_tracked);
}

static void rules_free(struct policy *policy)
{
	array_for_each(in, &policy->accept_in) {
		free(in->table);
		free(in->chain);
		free(in->origin.path);
	}
	array_free(&policy->accept_in);
	array_for_each(rule, &policy->rules) {
		free(rule->expr);
		free(rule->comment);
		free(rule->origin.path);
	}
	array_free(&policy->rules);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	services_free(policy);
	keep_tracked_free(policy);
	rules_free(policy);
	array_for_each(sysctl, &policy->sysctls) {
		free(sysctl->name);
		free(sysctl->origin.path);
	}
	array_free(&policy->sysctls);
	array_for_each(expect, &policy->expects) {
		free(expect->packet);
		free(expect->origin.path);
	}
	array_free(&policy->expects);
	free(policy->file);
	texts_free(&policy->list_files);
	free(policy->table);
	free(policy);
}

bool protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}
