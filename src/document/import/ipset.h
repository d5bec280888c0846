/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sets of ipset, read from `ipset save`, as nft sets. */
#pragma once

#include "base/array.h"
#include "base/buf.h"
#include "base/inet.h"

#include <stdint.h>

struct ipset_member {
	char *text;
	uint64_t timeout;
	bool nomatch;
};

enum dimension { DIM_IP, DIM_NET, DIM_PORT, DIM_MAC, DIM_MARK, DIM_IFACE };

struct ipset {
	char *name;
	char *type; /* "hash:ip,port" */
	enum inet_family family;
	bool list; /* list:set: members are names of sets */
	enum dimension dimension[3];
	unsigned dimensions;
	unsigned netmask; /* 0: none; of hash:ip */
	bool has_timeout;
	uint64_t timeout; /* seconds, 0: none by default */
	ARRAY(struct ipset_member) members;
};

struct ipset_list {
	ARRAY(struct ipset *) sets;
	char *unread; /* why the host's sets are not known; NULL: they are */
};

/* One line of `ipset save`: create or add, and its words. False with the reason (owned). */
bool ipset_line(struct ipset_list *list, char *const *words, size_t count, char **ret_why);
const struct ipset *ipset_find(const struct ipset_list *list, const char *name);
void ipset_list_free(struct ipset_list *list);

/* Its nft type, "ipv4_addr . inet_proto . inet_service", or NULL with the reason (owned). */
char *ipset_nft_type(const struct ipset *set, bool *ret_interval, char **ret_why);
/* Writes its elements as nft does, "1.1.1.1, 2.2.2.2". False with the reason. */
bool ipset_put_elements(const struct ipset_list *list, const struct ipset *set, struct buf *b,
			char **ret_why);
