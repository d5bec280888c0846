/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that read a policy share. */
#pragma once

#include "document/json.h"
#include "model/policy.h"

/* Path, line and column of a node. */
bool policy_origin(const struct node *node, struct origin *ret_origin, struct untrack_error *err);

/* policy_lists.c: into inet_ranges and port_ranges; a list, or {"file": "path"}. */
node_reader policy_addresses;
node_reader policy_ports;

/* policy_match.c: into a struct policy_match. */
node_reader policy_match_protocol;
node_reader policy_match_ports;
node_reader policy_match_addresses;
node_reader policy_match_peers;
node_reader policy_match_interfaces;
/* Judges protocols and ports together; a service must have ports where its protocols do. */
bool policy_match_judge(const struct node *node, const struct policy_match *match, bool is_service,
			struct untrack_error *err);
/* Can it match in a table of that family? Needs the whole policy to be read. */
bool policy_match_judge_family(const struct node *node, const struct policy_match *match,
			       uint8_t family, struct untrack_error *err);
/* Does the list leave out nothing of a family? */
bool policy_list_is_any(const struct inet_list *list, bool *ret_any, struct untrack_error *err);

/* policy_services.c, policy_rules.c, policy_conntrack.c: into a struct policy. */
node_reader policy_services;
node_reader policy_keep_tracked;
node_reader policy_accept_in;
node_reader policy_rules;
node_reader policy_expect;
node_reader policy_conntrack;
