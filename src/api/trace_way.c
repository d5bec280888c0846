/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/trace_way.h"

#include "base/cleanup.h"
#include "kernel/probe.h"
#include "kernel/route.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

/* The port of a client where none is told. */
#define CLIENT_PORT 40000
/* Where a connection's two sides begin to count. */
#define SEQUENCE 1000
#define ANSWER_SEQUENCE 2000

/* The rules of STAGE_STATE, in their order. */
static const char *const stage_states[] = {"untracked", "invalid", "established", "related", "new"};

bool trace_devices(const struct packet_text *packet, interfaces *devices, struct untrack_error *err)
{
	struct interface device = {.index = 0};

	if (!packet->interface[0])
		return true;
	memcpy(device.name, packet->interface, sizeof(device.name));
	return array_push(devices, device) || error_memory(err);
}

/* --- what was met ----------------------------------------------------------------------------- */

static const struct table *table_at(const struct ruleset *ruleset, const struct probe_step *step)
{
	return ruleset_find(ruleset, step->family, step->table);
}

/* Which rule of its chain it is; false for a policy. */
static bool rule_index(const struct stage *stage, const struct probe_step *step, size_t *ret_index)
{
	const struct table *table = table_at(stage->inside, step);
	const struct chain *chain = table ? table_find_chain(table, step->chain) : NULL;

	for (size_t i = 0; chain && step->handle && i < chain->rules.n; i++) {
		if (chain->rules.v[i]->handle == step->handle) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* The handle that the same rule has on the host. */
static uint64_t host_handle(const struct stage *stage, const struct probe_step *step, size_t index)
{
	const struct table *table = table_at(stage->host, step);
	const struct chain *chain = table ? table_find_chain(table, step->chain) : NULL;

	return chain && index < chain->rules.n ? chain->rules.v[index]->handle : 0;
}

static char *verdict_text(const struct probe_step *step)
{
	char *text = NULL;

	switch (step->verdict) {
	case NF_ACCEPT:
		return strdup("accept");
	case NF_DROP:
		return strdup("drop");
	case NF_STOLEN:
		return strdup("stolen");
	case NFT_CONTINUE:
		return strdup("continue");
	case NFT_RETURN:
		return strdup("return");
	case NFT_JUMP:
	case NFT_GOTO:
		return asprintf(&text, "%s %s", step->verdict == NFT_JUMP ? "jump" : "goto",
				step->target ? step->target : "?") < 0
			       ? NULL
			       : text;
	default:
		return strdup((step->verdict & NF_VERDICT_MASK) == NF_QUEUE ? "queue" : "drop");
	}
}

/* The base chain that the packet is in, while its steps are read one after the other. */
struct at_hook {
	const char *name;
	int32_t priority;
	uint32_t hook;
};

static void follow_hook(const struct stage *stage, const struct probe_step *step,
			struct at_hook *at)
{
	const struct table *table = table_at(stage->inside, step);
	const struct chain *chain = table ? table_find_chain(table, step->chain) : NULL;
	struct chain_hook hook;

	if (!chain || !chain_hook(chain, &hook))
		return;
	at->name = hook_name(step->family, hook.hook);
	at->priority = hook.priority;
	at->hook = hook.hook;
}

static bool is_stage(const struct probe_step *step)
{
	return !strncmp(step->table, "untrack-trace-", 14);
}

static bool add_line(const struct stage *stage, const struct probe_step *step,
		     const struct at_hook *at, struct trace_way *way)
{
	struct trace_line line = {.hook = at->name ? at->name : "?",
				  .priority = at->priority,
				  .family = step->family,
				  .table = strdup(step->table),
				  .chain = strdup(step->chain),
				  .verdict = verdict_text(step)};
	const char *text = "policy";
	size_t index;

	if (rule_index(stage, step, &index)) {
		line.handle = host_handle(stage, step, index);
		text = stage->listing ? listing_rule_text(stage->listing, step->family, step->table,
							  step->chain, index)
				      : NULL;
	}
	line.rule = text ? strdup(text) : NULL;
	if (array_push(&way->lines, line) && line.table && line.chain && line.verdict)
		return true;
	return false;
}

/* What the stage's own rules tell: the state, and that the packet has come through. */
static void read_stage(const struct stage *stage, const struct probe_step *step,
		       const struct at_hook *at, struct trace_way *way)
{
	size_t index;

	if (!rule_index(stage, step, &index))
		return;
	if (!strcmp(step->table, STAGE_STATE) && !way->state &&
	    index < sizeof(stage_states) / sizeof(*stage_states))
		way->state = stage_states[index];
	if (!strcmp(step->table, STAGE_LAST))
		way->accepted =
			way->accepted || at->hook == NF_INET_LOCAL_IN || step->verdict == NF_DROP;
}

static bool give_reason(const struct probe_result *result, struct trace_way *way)
{
	const struct trace_line *last = way->lines.n ? &way->lines.v[way->lines.n - 1] : NULL;
	const char *verdict = last ? last->verdict : "";
	int done;

	/* Taken over by something that answers it itself, or by a program. */
	if (!way->accepted && (!strcmp(verdict, "stolen") || !strcmp(verdict, "queue")))
		way->accepted = true;
	if (way->accepted)
		return true;
	if (!result->sent)
		done = asprintf(&way->reason, "it is not sent: %s", strerror(result->errno_value));
	else if (!strcmp(verdict, "drop"))
		done = asprintf(&way->reason, "dropped by %s of %s %s %s",
				!strcmp(last->rule ? last->rule : "", "policy") ? "the policy"
										: "a rule",
				family_name(last->family), last->table, last->chain);
	else
		done = asprintf(&way->reason,
				"the kernel drops it outside of nf_tables: by routing, its check "
				"of source addresses, or iptables' legacy tables");
	if (done < 0)
		way->reason = NULL;
	return done >= 0;
}

static bool read_way(const struct stage *stage, const struct probe_result *result,
		     struct trace_way *way, struct untrack_error *err)
{
	struct at_hook at = {0};

	array_for_each(step, &result->steps) {
		follow_hook(stage, step, &at);
		if (is_stage(step))
			read_stage(stage, step, &at, way);
		else if ((step->handle || step->type == NFT_TRACETYPE_POLICY) &&
			 !add_line(stage, step, &at, way)) /* others tell of a chain's end */
			return error_memory(err);
	}
	way->untracked = !way->state || !strcmp(way->state, "untracked");
	return give_reason(result, way) || error_memory(err);
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool set_device(const struct stage *stage, const char *name, struct probe *probe)
{
	for (size_t i = 0; i < stage->replica.devices.n; i++) {
		if (strcmp(stage->replica.devices.v[i].name, name) != 0)
			continue;
		memcpy(probe->device, name, strlen(name) + 1);
		replica_peer_name(i, probe->peer);
		return true;
	}
	return false;
}

/* Where it comes in: as it says, or where its source is reached. */
static bool choose_device(const struct stage *stage, const struct packet_text *packet,
			  struct probe *probe, struct untrack_error *err)
{
	struct route route = {0};

	probe->from_here = packet->from_here || !strcmp(packet->interface, "lo");
	if (probe->from_here)
		return true;
	if (!packet->interface[0] &&
	    !route_find(&stage->ns, probe->family, &probe->tuple.source, &route, err))
		return false;
	if (set_device(stage, packet->interface[0] ? packet->interface : route.device, probe) ||
	    set_device(stage, STAGE_DEVICE, probe))
		return true;
	return error_set(err, ERROR_DOCUMENT, "there is no interface for the packet to come in on");
}

static uint16_t port_or(bool told, uint16_t port, bool any)
{
	return told || !any ? port : CLIENT_PORT;
}

static struct probe probe_of(const struct packet_text *packet)
{
	bool ports = packet->has_source_port || packet->has_destination_port;

	return (struct probe){
		.family = packet->family,
		.protocol = packet->protocol,
		.tuple = {.source = packet->source,
			  .destination = packet->destination,
			  .source_port =
				  port_or(packet->has_source_port, packet->source_port, ports),
			  .destination_port = port_or(packet->has_destination_port,
						      packet->destination_port, ports),
			  .icmp_type = packet->icmp_type},
		.tcp_flags = packet->tcp_flags,
		.mark = packet->mark,
		.sequence = SEQUENCE,
		.acknowledged = ANSWER_SEQUENCE,
		.fresh = true,
	};
}

/* Types that ask, and those that answer them. */
static uint8_t answer_type(const struct probe *probe)
{
	static const uint8_t pairs[][3] = {
		{IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY},
		{IPPROTO_ICMP, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY},
		{IPPROTO_ICMP, ICMP_INFO_REQUEST, ICMP_INFO_REPLY},
		{IPPROTO_ICMP, ICMP_ADDRESS, ICMP_ADDRESSREPLY},
		{IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY},
		{IPPROTO_ICMPV6, ND_ROUTER_SOLICIT, ND_ROUTER_ADVERT},
		{IPPROTO_ICMPV6, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (probe->protocol == pairs[i][0] && probe->tuple.icmp_type == pairs[i][1])
			return pairs[i][2];
	return probe->tuple.icmp_type;
}

/* A connection's second packet, or what a packet in the middle of one is answered by. */
static uint8_t answer_flags(const struct probe *probe)
{
	return !probe->tcp_flags || probe->tcp_flags == TH_SYN ? TH_SYN | TH_ACK : TH_ACK;
}

/* What answers: by the entry if there is one (NAT has changed the ends), otherwise with the ends
 * exchanged. It comes in where the packet went out, or goes out where it came in. */
static bool answer_probe(const struct stage *stage, const struct probe *probe,
			 const struct probe_result *result, struct probe *ret_answer,
			 struct untrack_error *err)
{
	const struct flow_tuple *tuple = &probe->tuple;
	struct probe answer = {.family = probe->family, .protocol = probe->protocol};
	uint32_t oif = 0;
	struct route route = {0};

	answer.tuple = result->entry ? result->answer
				     : (struct flow_tuple){.source = tuple->destination,
							   .destination = tuple->source,
							   .source_port = tuple->destination_port,
							   .destination_port = tuple->source_port};
	answer.tuple.icmp_type = answer_type(probe);
	answer.tcp_flags = answer_flags(probe);
	/* Within the connection's windows: SYN and FIN count as a byte. */
	answer.sequence = probe->acknowledged;
	answer.acknowledged =
		probe->sequence + (!probe->tcp_flags || probe->tcp_flags & (TH_SYN | TH_FIN));
	array_for_each(step, &result->steps) {
		oif = step->oif ? step->oif : oif;
	}
	if (!route_find(&stage->ns, probe->family, &answer.tuple.source, &route, err))
		return false;
	answer.from_here = route.local || oif == 1 || !route.device[0];
	/* Of a packet that was stopped on the way nobody knows where it would have gone. */
	if (!answer.from_here && !set_device(stage, route.device, &answer))
		answer.from_here = true;
	*ret_answer = answer;
	return true;
}

static bool send_over(const struct stage *stage, const struct probe *probe,
		      struct probe_result *result, struct trace_way *way, struct untrack_error *err)
{
	return probe_send(&stage->ns, probe, result, err) && read_way(stage, result, way, err);
}

bool trace_packet(const struct stage *stage, const struct packet_text *packet,
		  struct trace_way *ret_way, struct trace_way *ret_reply, struct untrack_error *err)
{
	struct probe probe = probe_of(packet), answer;
	autoprobe result = {0}, answered = {0};
	autoway way = {0}, reply = {0};

	if (!choose_device(stage, packet, &probe, err) ||
	    !send_over(stage, &probe, &result, &way, err))
		return false;
	if (ret_reply && (!answer_probe(stage, &probe, &result, &answer, err) ||
			  !send_over(stage, &answer, &answered, &reply, err)))
		return false;
	*ret_way = way;
	way = (struct trace_way){0};
	if (ret_reply) {
		*ret_reply = reply;
		reply = (struct trace_way){0};
	}
	return true;
}
