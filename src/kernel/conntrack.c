/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <netinet/in.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct nf_conntrack, nfct_destroy)

static void handle_close(struct nfct_handle **handle)
{
	if (*handle)
		nfct_close(*handle);
}
#define autohandle __attribute__((cleanup(handle_close))) struct nfct_handle

/* ------------------------------------------------------------------ one entry */

static void read_addresses(const struct nf_conntrack *ct, struct flow_entry *entry)
{
	static const enum nf_conntrack_attr v4[] = {ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV4_DST,
						    ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV4_DST};
	static const enum nf_conntrack_attr v6[] = {ATTR_ORIG_IPV6_SRC, ATTR_ORIG_IPV6_DST,
						    ATTR_REPL_IPV6_SRC, ATTR_REPL_IPV6_DST};
	struct inet_address *const to[] = {&entry->original.source, &entry->original.destination,
					   &entry->reply.source, &entry->reply.destination};

	for (size_t i = 0; i < 4; i++) {
		const void *bytes =
			nfct_get_attr(ct, entry->family == INET_V6 ? v6[i] : v4[i]);

		if (bytes)
			memcpy(to[i]->byte, bytes, inet_length(entry->family));
	}
}

static uint16_t port(const struct nf_conntrack *ct, enum nf_conntrack_attr attr)
{
	return nfct_attr_is_set(ct, attr) > 0 ? ntohs(nfct_get_attr_u16(ct, attr)) : 0;
}

static void read_ports(const struct nf_conntrack *ct, struct flow_entry *entry)
{
	entry->original.source_port = port(ct, ATTR_ORIG_PORT_SRC);
	entry->original.destination_port = port(ct, ATTR_ORIG_PORT_DST);
	entry->reply.source_port = port(ct, ATTR_REPL_PORT_SRC);
	entry->reply.destination_port = port(ct, ATTR_REPL_PORT_DST);
	if (entry->protocol == IPPROTO_ICMP || entry->protocol == IPPROTO_ICMPV6) {
		entry->original.icmp_type = nfct_get_attr_u8(ct, ATTR_ICMP_TYPE);
		entry->original.icmp_code = nfct_get_attr_u8(ct, ATTR_ICMP_CODE);
	}
}

static struct flow_entry entry_of(const struct nf_conntrack *ct)
{
	struct flow_entry entry = {
		.family = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO) == AF_INET6 ? INET_V6 : INET_V4,
		.protocol = nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO),
		.status = nfct_get_attr_u32(ct, ATTR_STATUS),
		.zone = nfct_get_attr_u16(ct, ATTR_ZONE),
		.helper = nfct_attr_is_set(ct, ATTR_HELPER_NAME) > 0,
		.packets = {nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_PACKETS),
			    nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_PACKETS)},
		.bytes = {nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_BYTES),
			  nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_BYTES)},
		.raw = ct,
	};

	entry.expected = entry.status & IPS_EXPECTED ||
			 nfct_attr_is_set(ct, ATTR_MASTER_IPV4_SRC) > 0;
	if (entry.protocol == IPPROTO_TCP)
		entry.tcp_state = nfct_get_attr_u8(ct, ATTR_TCP_STATE);
	read_addresses(ct, &entry);
	read_ports(ct, &entry);
	return entry;
}

/* ------------------------------------------------------------------ all entries */

struct visit {
	conntrack_fn *fn;
	void *arg;
};

static int visit_one(enum nf_conntrack_msg_type type, struct nf_conntrack *ct, void *data)
{
	const struct visit *visit = data;
	struct flow_entry entry = entry_of(ct);

	(void)type;
	return visit->fn(visit->arg, &entry) ? NFCT_CB_CONTINUE : NFCT_CB_STOP;
}

bool conntrack_each(conntrack_fn *fn, void *arg, struct untrack_error *err)
{
	autohandle *handle = nfct_open(CONNTRACK, 0);
	struct visit visit = {fn, arg};
	uint32_t family = AF_UNSPEC;

	if (!handle)
		return error_errno(err, errno, "cannot open the connection table");
	nfct_callback_register(handle, NFCT_T_ALL, visit_one, &visit);
	if (nfct_query(handle, NFCT_Q_DUMP, &family) < 0)
		return error_errno(err, errno, "cannot read the connection table");
	return true;
}

/* ------------------------------------------------------------------ deletion */

struct doomed {
	conntrack_fn *fn;
	void *arg;
	ARRAY(struct nf_conntrack *) list;
	bool failed;
};

static void doomed_free(struct doomed *doomed)
{
	array_for_each(ct, &doomed->list) {
		nfct_destroy(*ct);
	}
	array_free(&doomed->list);
}

static bool collect(void *arg, const struct flow_entry *entry)
{
	struct doomed *doomed = arg;
	struct nf_conntrack *copy;

	if (!doomed->fn(doomed->arg, entry))
		return true;
	copy = nfct_clone(entry->raw);
	if (copy && array_push(&doomed->list, copy))
		return true;
	if (copy)
		nfct_destroy(copy);
	doomed->failed = true;
	return false;
}

bool conntrack_delete_if(conntrack_fn *fn, void *arg, uint64_t *ret_deleted,
			 struct untrack_error *err)
{
	__attribute__((cleanup(doomed_free))) struct doomed doomed = {.fn = fn, .arg = arg};
	autohandle *handle = NULL;
	uint64_t deleted = 0;

	if (!conntrack_each(collect, &doomed, err))
		return false;
	if (doomed.failed)
		return error_memory(err);
	handle = nfct_open(CONNTRACK, 0);
	if (!handle)
		return error_errno(err, errno, "cannot open the connection table");
	array_for_each(ct, &doomed.list) {
		if (!nfct_query(handle, NFCT_Q_DESTROY, *ct))
			deleted++;
		else if (errno != ENOENT)
			return error_errno(err, errno, "cannot delete a connection entry");
	}
	*ret_deleted = deleted;
	return true;
}
