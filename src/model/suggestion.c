/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/suggestion.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/candidate.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Below this share of the table a service is not worth a rule. */
#define WORTH_PERCENT 1
#define SSH_PORT 22

static void service_free(struct suggested_service *service)
{
	free(service->name);
	array_free(&service->protocols);
	array_free(&service->addresses);
}

void suggestion_free(struct suggestion *suggestion)
{
	if (!suggestion)
		return;
	array_for_each(service, &suggestion->services) {
		service_free(service);
	}
	array_free(&suggestion->services);
	array_for_each(refused, &suggestion->refused) {
		free(refused->why);
	}
	array_free(&suggestion->refused);
	array_for_each(chain, &suggestion->accept_in) {
		free(*chain);
	}
	array_free(&suggestion->accept_in);
	free(suggestion);
}
DEFINE_AUTOCLEAN(struct suggestion, suggestion_free)

/* --- what is not safe ------------------------------------------------------------------------- */

const char *helper_of_port(uint8_t protocol, uint16_t port)
{
	static const struct {
		uint8_t protocol;
		uint16_t port;
		const char *name;
	} helpers[] = {
		{IPPROTO_TCP, 21, "ftp"},	  {IPPROTO_UDP, 69, "tftp"},
		{IPPROTO_UDP, 137, "netbios-ns"}, {IPPROTO_UDP, 161, "snmp"},
		{IPPROTO_UDP, 1719, "h323"},	  {IPPROTO_TCP, 1720, "h323"},
		{IPPROTO_TCP, 1723, "pptp"},	  {IPPROTO_TCP, 5060, "sip"},
		{IPPROTO_UDP, 5060, "sip"},	  {IPPROTO_TCP, 6566, "sane"},
		{IPPROTO_TCP, 6667, "irc"},	  {IPPROTO_UDP, 10080, "amanda"},
	};

	for (size_t i = 0; i < sizeof(helpers) / sizeof(*helpers); i++)
		if (helpers[i].protocol == protocol && helpers[i].port == port)
			return helpers[i].name;
	return NULL;
}

static bool is_managed(const struct suggestion_options *options, const struct candidate *candidate)
{
	if (candidate->protocol != IPPROTO_TCP)
		return false;
	if (candidate->port == SSH_PORT)
		return true;
	for (size_t i = 0; i < options->managed_n; i++)
		if (options->managed[i] == candidate->port)
			return true;
	return false;
}

/* "12 nat, 3 helper of 40 entries" */
static void put_bonds(struct buf *out, const struct candidate *candidate)
{
	const char *separator = "";

	for (unsigned i = 0; i < BOND_KINDS; i++) {
		if (!candidate->bonds[i])
			continue;
		buf_printf(out, "%s%" PRIu64 " %s", separator, candidate->bonds[i], bond_name(i));
		separator = ", ";
	}
	buf_printf(out, " of %" PRIu64 " %s", candidate->entries,
		   candidate->entries == 1 ? "entry" : "entries");
}

/* Services that must say which addresses: any other would take what has to stay. */
static bool needs_addresses(const struct suggestion_options *options,
			    const struct candidate *candidate)
{
	if (candidate->role == ROLE_PEER)
		return false;
	return candidate->role != ROLE_SERVER || options->forwarding || candidate->others ||
	       candidate->group;
}

/* Writes why it cannot be; nothing if it can. */
static void put_obstacle(struct buf *why, const struct suggestion_options *options,
			 const struct candidate *candidate)
{
	const char *helper = helper_of_port(candidate->protocol, candidate->port);

	if (candidate->protocol == IPPROTO_ICMP || candidate->protocol == IPPROTO_ICMPV6)
		buf_puts(why, "ICMP entries end by themselves within seconds");
	else if (is_managed(options, candidate))
		buf_puts(why, "this host is managed by it");
	else if (helper)
		buf_printf(why, "the helper '%s' has to read it for connections that it announces",
			   helper);
	else if (!candidate->port && protocol_has_ports(candidate->protocol))
		buf_puts(why, "its port is not known");
	else if (!candidate->safe && candidate->bound)
		put_bonds(why, candidate);
	else if (candidate->role == ROLE_PEER && candidate->others)
		buf_puts(why, "the same port is forwarded or bound elsewhere");
	else if (!candidate->safe)
		buf_puts(why, "answers to multicast and broadcast come from other addresses");
	else if (needs_addresses(options, candidate) && candidate->too_many)
		buf_printf(why, "more than %d %s would have to be listed", ADDRESSES_MAX,
			   candidate->role == ROLE_CLIENT ? "peers" : "addresses");
}

static bool refuse(struct suggestion *suggestion, const struct candidate *candidate, char *why,
		   struct untrack_error *err)
{
	struct refused_service refused = {.role = candidate->role,
					  .protocol = candidate->protocol,
					  .port = candidate->port,
					  .entries = candidate->entries,
					  .why = why};

	if (why && array_push(&suggestion->refused, refused))
		return true;
	free(why);
	return error_memory(err);
}

bool suggestion_refuse(struct suggestion *suggestion, size_t index, const char *why,
		       struct untrack_error *err)
{
	struct suggested_service *service = &suggestion->services.v[index];
	struct candidate candidate = {.role = service->role,
				      .protocol = service->protocols.v[0],
				      .port = service->port,
				      .entries = service->entries};

	if (!refuse(suggestion, &candidate, strdup(why), err))
		return false;
	suggestion->freed -= service->entries;
	service_free(service);
	memmove(service, service + 1, (suggestion->services.n - index - 1) * sizeof(*service));
	suggestion->services.n--;
	return true;
}

/* --- what is suggested -------------------------------------------------------------------------
 */

/* What operators call these ports. /etc/services has older ideas of many. */
static const char *known_name(uint16_t port)
{
	static const struct {
		uint16_t port;
		const char *name;
	} names[] = {
		{25, "smtp"},	      {53, "dns"},
		{80, "http"},	      {110, "pop3"},
		{123, "ntp"},	      {143, "imap"},
		{389, "ldap"},	      {443, "https"},
		{514, "syslog"},      {587, "submission"},
		{636, "ldaps"},	      {853, "dns-tls"},
		{873, "rsync"},	      {993, "imaps"},
		{995, "pop3s"},	      {1194, "openvpn"},
		{1812, "radius"},     {1883, "mqtt"},
		{2049, "nfs"},	      {3306, "mysql"},
		{3478, "stun"},	      {4789, "vxlan"},
		{5353, "mdns"},	      {5432, "postgresql"},
		{5672, "amqp"},	      {6081, "geneve"},
		{6379, "redis"},      {6443, "kubernetes"},
		{8125, "statsd"},     {8472, "vxlan-old"},
		{9092, "kafka"},      {9200, "elasticsearch"},
		{11211, "memcached"}, {27017, "mongodb"},
		{51820, "wireguard"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].port == port)
			return names[i].name;
	return NULL;
}

static bool name_is_taken(const struct suggestion *suggestion, const char *name)
{
	array_for_each(service, &suggestion->services) {
		if (!strcmp(service->name, name))
			return true;
	}
	return false;
}

/* "http", "http-client", "tcp-8080", "esp": never taken twice, since what shares a port differs by
 * role or by protocol. */
static char *name_for(const struct suggestion *suggestion, const struct candidate *candidate)
{
	static const char *const suffixes[] = {[ROLE_SERVER] = "",
					       [ROLE_CLIENT] = "-client",
					       [ROLE_FORWARD] = "-forward",
					       [ROLE_PEER] = ""};
	const char *suffix = suffixes[candidate->role], *letter = "";
	char base[32], number[4], *name;
	const char *protocol = protocol_text(candidate->protocol, number);

	if (protocol[0] >= '0' && protocol[0] <= '9')
		letter = "protocol-";
	if (!candidate->port)
		snprintf(base, sizeof(base), "%s%s", letter, protocol);
	else if (known_name(candidate->port))
		snprintf(base, sizeof(base), "%s", known_name(candidate->port));
	else
		snprintf(base, sizeof(base), "%s%s-%u", letter, protocol,
			 (unsigned)candidate->port);
	if (asprintf(&name, "%s%s", base, suffix) < 0)
		return NULL;
	if (!name_is_taken(suggestion, name))
		return name;
	free(name);
	return asprintf(&name, "%s%s-%s", base, suffix, protocol) < 0 ? NULL : name;
}

static bool copy_addresses(inet_ranges *to, const inet_ranges *from)
{
	array_for_each(range, from) {
		if (!array_push(to, *range))
			return false;
	}
	return true;
}

/* The same service over another protocol, with any addresses: DNS over UDP and TCP is one service.
 */
static struct suggested_service *twin_of(struct suggestion *suggestion,
					 const struct candidate *candidate)
{
	array_for_each(service, &suggestion->services) {
		if (service->role == candidate->role && service->port == candidate->port &&
		    service->port && !service->addresses.n)
			return service;
	}
	return NULL;
}

static bool suggest(struct suggestion *suggestion, const struct suggestion_options *options,
		    const struct candidate *candidate)
{
	bool narrow = needs_addresses(options, candidate);
	struct suggested_service *twin = narrow ? NULL : twin_of(suggestion, candidate);
	struct suggested_service service = {.role = candidate->role,
					    .port = candidate->port,
					    .entries = candidate->safe,
					    .all = candidate->entries};

	if (twin) {
		twin->entries += candidate->safe;
		twin->all += candidate->entries;
		return array_push(&twin->protocols, candidate->protocol);
	}
	service.name = name_for(suggestion, candidate);
	if (service.name && array_push(&service.protocols, candidate->protocol) &&
	    (!narrow || copy_addresses(&service.addresses, &candidate->addresses)) &&
	    array_push(&suggestion->services, service))
		return true;
	service_free(&service);
	return false;
}

static bool is_worth(const struct suggestion *suggestion, uint64_t entries)
{
	return entries * 100 >= suggestion->entries * WORTH_PERCENT;
}

static bool covers(const struct suggestion *suggestion, unsigned percent)
{
	return suggestion->freed * 100 >= suggestion->entries * percent;
}

/* What stays of a service at other addresses. */
static bool refuse_rest(struct suggestion *suggestion, const struct candidate *candidate,
			struct untrack_error *err)
{
	struct candidate rest = *candidate;
	struct buf why = {0};

	if (!candidate->bound)
		return true;
	rest.entries -= candidate->safe;
	put_bonds(&why, &rest);
	buf_puts(&why, " at other addresses of this service");
	return refuse(suggestion, &rest, buf_steal_text(&why), err);
}

static bool choose_one(struct suggestion *suggestion, const struct suggestion_options *options,
		       const struct candidate *candidate, struct untrack_error *err)
{
	struct buf why = {0};

	put_obstacle(&why, options, candidate);
	if (why.len || why.failed)
		return refuse(suggestion, candidate, buf_steal_text(&why), err);
	if (suggestion->services.n == options->max_services ||
	    !is_worth(suggestion, candidate->safe))
		return true;
	if (!suggest(suggestion, options, candidate))
		return error_memory(err);
	suggestion->freed += candidate->safe;
	return refuse_rest(suggestion, candidate, err);
}

static bool choose(struct suggestion *suggestion, const struct weighing *weighing,
		   struct untrack_error *err)
{
	array_for_each(candidate, &weighing->candidates) {
		if (!is_worth(suggestion, candidate->entries) ||
		    covers(suggestion, weighing->options->cover))
			break;
		if (!choose_one(suggestion, weighing->options, candidate, err))
			return false;
	}
	return true;
}

struct suggestion *suggestion_make(struct census *census, const struct suggestion_options *options,
				   struct untrack_error *err)
{
	__attribute__((cleanup(weighing_free))) struct weighing weighing = {census, options, {0}};
	autoclean(suggestion_free_p) struct suggestion *suggestion = calloc(1, sizeof(*suggestion));

	if (!suggestion || !weigh(&weighing)) {
		error_memory(err);
		return NULL;
	}
	suggestion->entries = census->entries;
	return choose(suggestion, &weighing, err) ? steal_pointer(&suggestion) : NULL;
}
