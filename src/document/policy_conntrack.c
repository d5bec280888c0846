/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key "conntrack": sysctls. */
#include "base/cleanup.h"
#include "document/policy_parts.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PREFIX "net.netfilter.nf_conntrack_"
#define NUMBER_MAX 2147483647
/* The kernel holds timeouts in jiffies in an int: INT_MAX / HZ seconds, where HZ is at most 1000.
 */
#define TIMEOUT_MAX (NUMBER_MAX / 1000)

/* Every timeout of nf_conntrack_standalone.c (Linux 5.10 to 6.18; not every kernel has all), by the
 * name in a policy. */
static const struct {
	const char *name;
	const char *sysctl;
} timeouts[] = {
	{"generic", "generic_timeout"},
	{"icmp", "icmp_timeout"},
	{"icmpv6", "icmpv6_timeout"},
	{"udp", "udp_timeout"},
	{"udp_stream", "udp_timeout_stream"},
	{"gre", "gre_timeout"},
	{"gre_stream", "gre_timeout_stream"},
	{"tcp_syn_sent", "tcp_timeout_syn_sent"},
	{"tcp_syn_recv", "tcp_timeout_syn_recv"},
	{"tcp_established", "tcp_timeout_established"},
	{"tcp_fin_wait", "tcp_timeout_fin_wait"},
	{"tcp_close_wait", "tcp_timeout_close_wait"},
	{"tcp_last_ack", "tcp_timeout_last_ack"},
	{"tcp_time_wait", "tcp_timeout_time_wait"},
	{"tcp_close", "tcp_timeout_close"},
	{"tcp_max_retrans", "tcp_timeout_max_retrans"},
	{"tcp_unacknowledged", "tcp_timeout_unacknowledged"},
	{"sctp_closed", "sctp_timeout_closed"},
	{"sctp_cookie_wait", "sctp_timeout_cookie_wait"},
	{"sctp_cookie_echoed", "sctp_timeout_cookie_echoed"},
	{"sctp_established", "sctp_timeout_established"},
	{"sctp_shutdown_sent", "sctp_timeout_shutdown_sent"},
	{"sctp_shutdown_recd", "sctp_timeout_shutdown_recd"},
	{"sctp_shutdown_ack_sent", "sctp_timeout_shutdown_ack_sent"},
	{"sctp_heartbeat_sent", "sctp_timeout_heartbeat_sent"},
	{"sctp_heartbeat_acked", "sctp_timeout_heartbeat_acked"},
	{"dccp_request", "dccp_timeout_request"},
	{"dccp_respond", "dccp_timeout_respond"},
	{"dccp_partopen", "dccp_timeout_partopen"},
	{"dccp_open", "dccp_timeout_open"},
	{"dccp_closereq", "dccp_timeout_closereq"},
	{"dccp_closing", "dccp_timeout_closing"},
	{"dccp_timewait", "dccp_timeout_timewait"},
};

static bool add_sysctl(const struct node *node, struct policy *policy, const char *name,
		       json_int_t value, struct untrack_error *err)
{
	struct policy_sysctl *sysctl;

	if (!array_push(&policy->sysctls, (struct policy_sysctl){.value = (uint64_t)value}))
		return error_memory(err);
	sysctl = &policy->sysctls.v[policy->sysctls.n - 1];
	if (asprintf(&sysctl->name, PREFIX "%s", name) < 0) {
		sysctl->name = NULL;
		return error_memory(err);
	}
	return policy_origin(node, &sysctl->origin, err);
}

/* "max" and "buckets" are called so by the kernel too. */
static bool read_number(const struct node *node, void *target, struct untrack_error *err)
{
	json_int_t value;

	return node_integer(node, "an integer from 1 to 2147483647", 1, NUMBER_MAX, &value, err) &&
	       add_sysctl(node, target, node->key, value, err);
}

static bool read_timeout(const struct node *node, const char *sysctl, struct policy *policy,
			 struct untrack_error *err)
{
	json_int_t value;

	return node_integer(node, "seconds, from 1 to 2147483", 1, TIMEOUT_MAX, &value, err) &&
	       add_sysctl(node, policy, sysctl, value, err);
}

/* Somebody may have written the sysctl's own name. */
static bool refuse_timeout(const struct node *member, struct untrack_error *err)
{
	const char *key = member->key, prefix[] = "nf_conntrack_";

	if (!strncmp(key, prefix, strlen(prefix)))
		key += strlen(prefix);
	for (size_t i = 0; i < COUNT(timeouts); i++)
		if (!strcmp(timeouts[i].sysctl, key))
			return node_unknown_key(member, "timeouts", &timeouts[i], 1,
						sizeof(*timeouts), err);
	return node_unknown_key(member, "timeouts", timeouts, COUNT(timeouts), sizeof(*timeouts),
				err);
}

static bool read_timeouts(const struct node *node, void *target, struct untrack_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(node->value))
		return node_wrong_type(node, "timeouts: an object {…} of names and seconds", err);
	json_object_foreach(node->value, key, value) {
		struct node member = node_child(node, key);
		size_t i = 0;

		while (i < COUNT(timeouts) && strcmp(timeouts[i].name, key))
			i++;
		if (i == COUNT(timeouts))
			return refuse_timeout(&member, err);
		if (!read_timeout(&member, timeouts[i].sysctl, target, err))
			return false;
	}
	return true;
}

bool policy_conntrack(const struct node *node, void *target, struct untrack_error *err)
{
	static const struct node_field fields[] = {
		{"max", false, read_number},
		{"buckets", false, read_number},
		{"timeouts", false, read_timeouts},
	};

	return node_object(node, "conntrack", NODE_FIELDS(fields), target, err);
}
