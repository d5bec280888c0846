/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/iptables_lines.h"

#include <netdb.h>
#include <linux/netfilter.h>
#include <string.h>

/* multiport takes this many ports, a range counting for two (xt_multiport.h). */
enum { MULTIPORT_MAX = 15 };

struct line {
	struct buf *out;
	const struct policy_accept_in *entry;
	const struct policy_match *match;
	bool source_port;
	const struct inet_list *source; /* empty: any */
	const struct inet_list *destination;
	bool incoming;
};

static enum inet_family entry_family(const struct policy_accept_in *entry)
{
	return entry->family == NFPROTO_IPV6 ? INET_V6 : INET_V4;
}

static void put_protocol(struct buf *out, uint8_t protocol)
{
	const struct protoent *entry = getprotobynumber(protocol);

	if (entry)
		buf_printf(out, " -p %s", entry->p_name);
	else
		buf_printf(out, " -p %u", protocol);
}

static size_t put_ports(const struct line *line, size_t first)
{
	size_t room = MULTIPORT_MAX, i = first;

	if (!line->match->ports.n)
		return 1;
	buf_printf(line->out, " -m multiport --%sports ", line->source_port ? "s" : "d");
	for (; i < line->match->ports.n; i++) {
		struct port_range ports = line->match->ports.v[i];
		size_t need = ports.from == ports.to ? 1 : 2;

		if (need > room)
			break;
		room -= need;
		buf_printf(line->out, "%s%u", i > first ? "," : "", ports.from);
		if (need == 2)
			buf_printf(line->out, ":%u", ports.to);
	}
	return i - first;
}

/* iptables takes a list of addresses in one option and makes a rule of each combination. */
static bool put_addresses(const struct line *line, const char *option,
			  const struct inet_list *ranges)
{
	char text[INET_TEXT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < inet_list_count(ranges); i++) {
		struct inet_range range = inet_list_at(ranges, i);

		if (range.family == entry_family(line->entry))
			buf_printf(line->out, "%s%s", count++ ? "," : option,
				   inet_format(&range, text));
	}
	return count || !inet_list_count(ranges);
}

static void put_line(const struct line *line, uint8_t protocol, const char *interface)
{
	const char *program = line->entry->family == NFPROTO_IPV6 ? "ip6tables" : "iptables";
	size_t first = 0;

	do {
		size_t begin = line->out->len;

		buf_printf(line->out, "\n    %s -I %s", program, line->entry->chain);
		if (interface)
			buf_printf(line->out, " -%c %s", line->incoming ? 'i' : 'o', interface);
		put_protocol(line->out, protocol);
		first += put_ports(line, first);
		if (!put_addresses(line, " -s ", line->source) ||
		    !put_addresses(line, " -d ", line->destination)) {
			line->out->len = begin; /* nothing of this family */
			return;
		}
		buf_puts(line->out, " -m conntrack --ctstate UNTRACKED -j ACCEPT");
	} while (first < line->match->ports.n);
}

static void put_lines(const struct line *line)
{
	array_for_each(protocol, &line->match->protocols) {
		if (!line->match->interfaces.n)
			put_line(line, *protocol, NULL);
		array_for_each(interface, &line->match->interfaces) {
			autobuf name = {0}; /* nft's "eth*" is iptables' "eth+" */

			buf_puts(&name, *interface);
			if (name.len && name.data[name.len - 1] == '*')
				name.data[name.len - 1] = '+';
			put_line(line, *protocol, buf_text(&name));
		}
	}
}

/* To the side that serves, or from it. */
static void put_direction(struct buf *out, const struct policy_accept_in *entry,
			  const struct policy_match *match, const struct inet_list *serving,
			  const struct inet_list *other, bool from_server, bool incoming)
{
	put_lines(&(struct line){.out = out,
				 .entry = entry,
				 .match = match,
				 .source_port = from_server,
				 .source = from_server ? serving : other,
				 .destination = from_server ? other : serving,
				 .incoming = incoming});
}

static void service_lines(struct buf *out, const struct policy_service *service,
			  const struct policy_accept_in *entry, struct accept_directions directions)
{
	const struct policy_match *m = &service->match;

	switch (service->role) {
	case ROLE_SERVER:
		if (directions.input)
			put_direction(out, entry, m, &m->addresses, &m->peers, false, true);
		if (directions.output)
			put_direction(out, entry, m, &m->addresses, &m->peers, true, false);
		break;
	case ROLE_CLIENT:
		if (directions.input)
			put_direction(out, entry, m, &m->peers, &m->addresses, true, true);
		if (directions.output)
			put_direction(out, entry, m, &m->peers, &m->addresses, false, false);
		break;
	case ROLE_PEER:
		if (directions.input)
			put_direction(out, entry, m, &m->addresses, &m->peers, false, true);
		if (directions.output)
			put_direction(out, entry, m, &m->peers, &m->addresses, false, false);
		break;
	case ROLE_FORWARD:
	default:
		if (directions.forward) {
			put_direction(out, entry, m, &m->addresses, &m->peers, false, true);
			put_direction(out, entry, m, &m->addresses, &m->peers, true, true);
		}
		break;
	}
}

static void icmp_lines(struct buf *out, const struct policy_accept_in *entry)
{
	static const char *const v4[] = {"destination-unreachable", "time-exceeded",
					 "parameter-problem", NULL};
	static const char *const v6[] = {"destination-unreachable", "packet-too-big",
					 "time-exceeded", "parameter-problem", NULL};
	bool six = entry->family == NFPROTO_IPV6;

	for (const char *const *type = six ? v6 : v4; *type; type++)
		buf_printf(out,
			   "\n    %s -I %s -p %s --%s-type %s -m conntrack --ctstate "
			   "INVALID,UNTRACKED -j ACCEPT",
			   six ? "ip6tables" : "iptables", entry->chain, six ? "icmpv6" : "icmp",
			   six ? "icmpv6" : "icmp", *type);
}

void iptables_lines(struct buf *out, const struct policy *policy,
		    const struct policy_accept_in *entry, struct accept_directions directions)
{
	size_t begin = out->len;

	array_for_each(service, &policy->services) {
		if (service->accept)
			service_lines(out, service, entry, directions);
	}
	if (out->len == begin)
		buf_puts(out, "\n    (nothing: no service has \"accept\": true)");
	else
		icmp_lines(out, entry);
}
