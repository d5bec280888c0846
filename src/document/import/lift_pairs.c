/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every rule falls into atoms: one protocol, one range of ports, one address and one peer. An atom
 * has up to four directions; two of them make a role. Atoms of one rule come together again as one
 * service.
 */
#include "document/import/lift_pairs.h"

#include "base/cleanup.h"

#include <string.h>

#define ATOMS_MAX 2000000

enum direction {
	TO_SERVICE_IN = 1,    /* prerouting, destination port */
	FROM_SERVICE_IN = 2,  /* prerouting, source port */
	FROM_SERVICE_OUT = 4, /* output, source port */
	TO_SERVICE_OUT = 8,   /* output, destination port */
};

struct atom {
	enum inet_family family;
	uint8_t protocol;
	bool portless;
	struct port_range ports;
	struct inet_range service, peer; /* family INET_ANY: any */
	const char *interface;
	unsigned direction;
	size_t rule;
	bool paired;
};

typedef ARRAY(struct atom) atoms;

void lift_services_free(lift_services *services)
{
	array_for_each(service, services) {
		array_free(&service->protocols);
		array_free(&service->ports);
		array_free(&service->addresses);
		array_free(&service->peers);
		free(service->interface);
	}
	array_free(services);
}

/* ---- rules into atoms ---- */
static bool push_atoms(atoms *list, const struct lift_rule *rule, size_t index, struct atom atom)
{
	const inet_ranges *service = atom.direction & (TO_SERVICE_IN | TO_SERVICE_OUT)
					     ? &rule->destinations
					     : &rule->sources;
	const inet_ranges *peer = service == &rule->sources ? &rule->destinations : &rule->sources;

	atom.family = rule->family;
	atom.interface = rule->interface;
	atom.rule = index;
	for (size_t i = 0; i < (service->n ? service->n : 1); i++)
		for (size_t j = 0; j < (peer->n ? peer->n : 1); j++) {
			atom.service = service->n ? service->v[i]
						  : (struct inet_range){.family = INET_ANY};
			atom.peer = peer->n ? peer->v[j] : (struct inet_range){.family = INET_ANY};
			if (list->n >= ATOMS_MAX || !array_push(list, atom))
				return false;
		}
	return true;
}

static bool take_rule(atoms *list, const struct lift_rule *rule, size_t index)
{
	bool to = rule->dports.n != 0;
	const port_ranges *ports = to ? &rule->dports : &rule->sports;
	struct atom atom = {0};

	atom.direction = rule->output ? (to ? TO_SERVICE_OUT : FROM_SERVICE_OUT)
				      : (to ? TO_SERVICE_IN : FROM_SERVICE_IN);
	if (!ports->n) {
		/* no ports: the service is the host's own side */
		atom.direction = rule->output ? FROM_SERVICE_OUT : TO_SERVICE_IN;
		atom.portless = true;
	}
	for (size_t i = 0; i < (rule->protocols.n ? rule->protocols.n : 1); i++)
		for (size_t j = 0; j < (ports->n ? ports->n : 1); j++) {
			atom.protocol = rule->protocols.n ? rule->protocols.v[i] : 0;
			atom.ports = ports->n ? ports->v[j] : (struct port_range){0, 0};
			/* a policy's ports begin at 1; lift.c tells of it */
			atom.ports.from += ports->n && !atom.ports.from;
			if (!push_atoms(list, rule, index, atom))
				return false;
		}
	return true;
}

/* ---- order ---- */
static int compare_ranges(const struct inet_range *a, const struct inet_range *b)
{
	return memcmp(a, b, sizeof(*a));
}

static int compare_names(const char *a, const char *b)
{
	return !a || !b ? (a != NULL) - (b != NULL) : strcmp(a, b);
}

#define DIFFER(a, b)                                                                               \
	if ((a) != (b))                                                                            \
	return (a) < (b) ? -1 : 1

/* All but direction and rule. */
static int compare_place(const struct atom *a, const struct atom *b)
{
	int order;

	DIFFER(a->protocol, b->protocol);
	DIFFER(a->portless, b->portless);
	DIFFER(a->ports.from, b->ports.from);
	DIFFER(a->ports.to, b->ports.to);
	DIFFER(a->family, b->family);
	order = compare_ranges(&a->service, &b->service);
	if (!order)
		order = compare_ranges(&a->peer, &b->peer);
	return order ? order : compare_names(a->interface, b->interface);
}

static int compare_atoms(const void *left, const void *right)
{
	const struct atom *a = left, *b = right;
	int order = compare_place(a, b);

	if (order)
		return order;
	DIFFER(a->direction, b->direction);
	DIFFER(a->rule, b->rule);
	return 0;
}

/* ---- atoms into services ---- */
static bool same_list(const void *a, size_t n, const void *b, size_t m, size_t size)
{
	return n == m && (!n || !memcmp(a, b, n * size));
}

static bool same_port_lists(const struct lift_service *a, const struct lift_service *b)
{
	return same_list(a->ports.v, a->ports.n, b->ports.v, b->ports.n, sizeof(struct port_range));
}

static bool same_addresses(const inet_ranges *a, const inet_ranges *b)
{
	return same_list(a->v, a->n, b->v, b->n, sizeof(struct inet_range));
}

static bool add_atom(lift_services *services, const struct atom *atom, enum policy_role role,
		     bool completed)
{
	/* a client's service is on the other side */
	const struct inet_range *here = role == ROLE_CLIENT ? &atom->peer : &atom->service;
	const struct inet_range *there = role == ROLE_CLIENT ? &atom->service : &atom->peer;
	struct lift_service service = {
		.role = role, .family = atom->family, .rule = atom->rule, .completed = completed};
	bool ok = true;

	if (atom->interface)
		ok = (service.interface = strdup(atom->interface));
	if (atom->protocol)
		ok = ok && array_push(&service.protocols, atom->protocol);
	if (!atom->portless)
		ok = ok && array_push(&service.ports, atom->ports);
	if (here->family)
		ok = ok && array_push(&service.addresses, *here);
	if (there->family)
		ok = ok && array_push(&service.peers, *there);
	return array_push(services, service) && ok;
}

/* Two directions that make a role, of those that are left; 0: none do. */
static unsigned take_role(unsigned left, bool peers, enum policy_role *ret_role)
{
	static const struct {
		unsigned directions;
		enum policy_role role;
	} roles[] = {
		{TO_SERVICE_IN | FROM_SERVICE_OUT, ROLE_SERVER},
		{TO_SERVICE_OUT | FROM_SERVICE_IN, ROLE_CLIENT},
		{TO_SERVICE_IN | FROM_SERVICE_IN, ROLE_FORWARD},
		{TO_SERVICE_IN | TO_SERVICE_OUT, ROLE_PEER},
	};

	for (size_t i = peers ? 3 : 0; i < (peers ? 4 : 3); i++)
		if ((left & roles[i].directions) == roles[i].directions) {
			*ret_role = roles[i].role;
			return roles[i].directions;
		}
	return 0;
}

enum pass { PASS_ROLES, PASS_PEERS, PASS_COMPLETE };

/* The group is [begin, end): equal but for direction and rule. */
static bool pair_group(atoms *list, size_t begin, size_t end, enum pass pass,
		       lift_services *services)
{
	unsigned left = 0, taken = 0, pair;
	enum policy_role role;

	for (size_t i = begin; i < end; i++)
		left |= list->v[i].direction;
	while (pass != PASS_COMPLETE &&
	       (pair = take_role(left & ~taken, pass == PASS_PEERS, &role))) {
		/* interfaces of a forward must list both sides */
		if (role == ROLE_FORWARD && list->v[begin].interface)
			break;
		taken |= pair;
		if (!add_atom(services, &list->v[begin], role, false))
			return false;
	}
	if (pass == PASS_COMPLETE && (left & (TO_SERVICE_IN | FROM_SERVICE_OUT))) {
		taken |= TO_SERVICE_IN | FROM_SERVICE_OUT;
		if (!add_atom(services, &list->v[begin], ROLE_SERVER, true))
			return false;
	}
	if (pass == PASS_COMPLETE && (left & (TO_SERVICE_OUT | FROM_SERVICE_IN))) {
		taken |= TO_SERVICE_OUT | FROM_SERVICE_IN;
		if (!add_atom(services, &list->v[begin], ROLE_CLIENT, true))
			return false;
	}
	for (size_t i = begin; i < end; i++)
		list->v[i].paired = list->v[i].direction & taken;
	return true;
}

/* The destination of an outgoing packet is the other side for a peer, and the service for a client.
 */
static void turn_around(atoms *list)
{
	array_for_each(atom, list) {
		struct inet_range service = atom->service;

		if (atom->direction != TO_SERVICE_OUT)
			continue;
		atom->service = atom->peer;
		atom->peer = service;
	}
}

/* Pairs what it can; what is left is moved to the front of the list. */
static bool pair_atoms(atoms *list, enum pass pass, lift_services *services)
{
	size_t n = 0;

	if (pass != PASS_ROLES)
		turn_around(list);
	if (list->n)
		qsort(list->v, list->n, sizeof(list->v[0]), compare_atoms);
	for (size_t begin = 0, end; begin < list->n; begin = end) {
		for (end = begin + 1;
		     end < list->n && !compare_place(&list->v[begin], &list->v[end]); end++)
			;
		if (!pair_group(list, begin, end, pass, services))
			return false;
	}
	for (size_t i = 0; i < list->n; i++)
		if (!list->v[i].paired)
			list->v[n++] = list->v[i];
	list->n = n;
	return true;
}

/* ---- bringing together ---- */
static int compare_services(const void *left, const void *right)
{
	const struct lift_service *a = left, *b = right;

	DIFFER(a->rule, b->rule);
	DIFFER(a->role, b->role);
	DIFFER(a->ports.n ? a->ports.v[0].from : 0, b->ports.n ? b->ports.v[0].from : 0);
	return 0;
}

static bool same_frame(const struct lift_service *a, const struct lift_service *b)
{
	return a->role == b->role && a->keep == b->keep &&
	       !compare_names(a->interface, b->interface) && a->completed == b->completed;
}

enum part { PART_PORTS, PART_FAMILY, PART_ADDRESSES, PART_PEERS, PART_PROTOCOLS };

/* Are they the same but for that part? */
static bool differ_in(const struct lift_service *a, const struct lift_service *b, enum part part)
{
	bool any = !a->addresses.n && !a->peers.n && !b->addresses.n && !b->peers.n;

	return same_frame(a, b) && (part != PART_PORTS || a->rule == b->rule) &&
	       (part != PART_FAMILY || (any && a->family != b->family)) &&
	       (part == PART_FAMILY || part == PART_ADDRESSES || part == PART_PEERS ||
		a->family == b->family || !a->family || !b->family || !any) &&
	       (part == PART_PORTS || same_port_lists(a, b)) &&
	       (part == PART_ADDRESSES ? a->addresses.n && b->addresses.n
				       : same_addresses(&a->addresses, &b->addresses)) &&
	       (part == PART_PEERS ? a->peers.n && b->peers.n
				   : same_addresses(&a->peers, &b->peers)) &&
	       (part == PART_PROTOCOLS ? a->protocols.n && b->protocols.n
				       : same_list(a->protocols.v, a->protocols.n, b->protocols.v,
						   b->protocols.n, 1));
}

static bool append_part(struct lift_service *to, const struct lift_service *from, enum part part)
{
	bool ok = true;

	switch (part) {
	case PART_PORTS:
		array_for_each(range, &from->ports)
			ok = ok && array_push(&to->ports, *range);
		break;
	case PART_FAMILY:
		to->family = INET_ANY;
		break;
	case PART_ADDRESSES:
		to->family = to->family == from->family ? to->family : INET_ANY;
		array_for_each(range, &from->addresses)
			ok = ok && array_push(&to->addresses, *range);
		break;
	case PART_PEERS:
		to->family = to->family == from->family ? to->family : INET_ANY;
		array_for_each(range, &from->peers)
			ok = ok && array_push(&to->peers, *range);
		break;
	case PART_PROTOCOLS:
		array_for_each(protocol, &from->protocols)
			if (!memchr(to->protocols.v, *protocol, to->protocols.n))
				ok = ok && array_push(&to->protocols, *protocol);
		break;
	}
	return ok;
}

static void drop_service(struct lift_service *service)
{
	lift_services one = {.v = malloc(sizeof(*service)), .n = 1};

	if (!one.v)
		return;
	one.v[0] = *service;
	lift_services_free(&one);
}

/* Later services go into the first one that differs in that part only. Long lists (addresses) are
 * met by looking back at the services of one rule and at the last ones. */
static bool merge(lift_services *services, enum part part)
{
	const size_t far = 512;
	size_t n = 0;

	for (size_t i = 0; i < services->n; i++) {
		struct lift_service *service = &services->v[i];
		size_t first = n > far ? n - far : 0, j = first;

		while (j < n && !differ_in(&services->v[j], service, part))
			j++;
		if (j == n) {
			services->v[n++] = *service;
			continue;
		}
		if (!append_part(&services->v[j], service, part))
			return false;
		drop_service(service);
	}
	services->n = n;
	return true;
}

static int compare_port_ranges(const void *left, const void *right)
{
	const struct port_range *a = left, *b = right;

	DIFFER(a->from, b->from);
	DIFFER(a->to, b->to);
	return 0;
}

static bool bring_together(lift_services *services)
{
	static const enum part order[] = {PART_PORTS,	  PART_FAMILY, PART_PROTOCOLS,
					  PART_ADDRESSES, PART_PEERS,  PART_PROTOCOLS};

	if (services->n)
		qsort(services->v, services->n, sizeof(services->v[0]), compare_services);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!merge(services, order[i]))
			return false;
		array_for_each(service, services)
			if (order[i] == PART_PORTS && service->ports.n)
				qsort(service->ports.v, service->ports.n, sizeof(struct port_range),
				      compare_port_ranges);
	}
	return true;
}

bool lift_pair(lift_rules *rules, const bool *candidate, bool complete, lift_services *ret_services)
{
	lift_services services = {0};
	atoms list = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < rules->n; i++)
		ok = !candidate[i] || take_rule(&list, &rules->v[i], i);
	ok = ok && pair_atoms(&list, PASS_ROLES, &services) &&
	     pair_atoms(&list, PASS_PEERS, &services);
	if (complete)
		ok = ok && pair_atoms(&list, PASS_COMPLETE, &services);
	for (size_t i = 0; i < rules->n; i++)
		rules->v[i].lifted |= candidate[i];
	array_for_each(atom, &list)
		rules->v[atom->rule].lifted = false;
	array_free(&list);
	ok = ok && bring_together(&services);
	if (!ok) {
		lift_services_free(&services);
		return false;
	}
	*ret_services = services;
	return true;
}
