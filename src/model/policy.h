/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy as the operator wrote it, read and judged: every value is valid, defaults are filled in,
 * lists are as in the document (neither sorted nor merged). Plain data; policy_free() frees all.
 */
#pragma once

#include "base/array.h"
#include "base/inet.h"
#include "base/inet_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_role { ROLE_SERVER, ROLE_CLIENT, ROLE_FORWARD, ROLE_PEER };

/* Closed range of ports in host byte order; a single port has from == to. */
struct port_range {
	uint16_t from;
	uint16_t to;
};

typedef ARRAY(struct inet_range) inet_ranges;
typedef ARRAY(struct port_range) port_ranges;
typedef ARRAY(uint8_t) protocols;
typedef ARRAY(char *) texts;

void texts_free(texts *list);

/* Where something stood in a document, for messages about it. line 0 is unknown. */
struct origin {
	char *path; /* "/services/0", owned */
	unsigned line;
	unsigned column;
};

/* What service and keep_tracked entries have in common. Empty lists mean any. */
struct policy_match {
	protocols protocols; /* IP protocol numbers, without repeats; empty only in keep_tracked */
	port_ranges ports;   /* empty: protocols without ports, or any in keep_tracked */
	struct inet_list addresses; /* prefixes */
	struct inet_list peers;	    /* prefixes */
	texts interfaces;	    /* names, or "prefix*" */
};

struct policy_service {
	char *name;
	enum policy_role role;
	struct policy_match match;
	bool accept;
	char *comment; /* or NULL */
	struct origin origin;
};

struct policy_keep {
	struct policy_match match;
	char *comment; /* or NULL */
	struct origin origin;
};

enum accept_position { POSITION_BEFORE_STATE, POSITION_FIRST, POSITION_LAST };

struct policy_accept_in {
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET */
	char *table;
	char *chain;
	enum accept_position position;
	struct origin origin;
};

struct policy_rule {
	bool output;   /* chain: false prerouting, true output */
	char *expr;    /* the JSON array of libnftables statements, as text */
	char *comment; /* or NULL */
	struct origin origin;
};

/* One sysctl that the policy sets. */
struct policy_sysctl {
	char *name; /* "net.netfilter.nf_conntrack_max" */
	uint64_t value;
	struct origin origin; /* "/conntrack/max" */
};

struct policy_expect {
	char *packet; /* PACKET of the contract, syntax checked */
	bool untracked;
	struct origin origin;
};

struct policy {
	char *file;	  /* the document's name for messages */
	texts list_files; /* files that lists were read from */
	uint8_t family;	  /* of its table; NFPROTO_INET unless the policy says otherwise */
	char *table;	  /* "untrack" */
	ARRAY(struct policy_service) services;
	ARRAY(struct policy_keep) keep_tracked;
	ARRAY(struct policy_accept_in) accept_in;
	ARRAY(struct policy_rule) rules;
	ARRAY(struct policy_sysctl) sysctls;
	ARRAY(struct policy_expect) expects;
};

void policy_free(struct policy *policy);

/* Does the protocol have ports that `th dport` reads: tcp, udp, udplite, sctp, dccp. */
bool protocol_has_ports(uint8_t protocol);
