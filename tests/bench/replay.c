/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay KIND FILE [unsized]: the floor of a load. The messages that would load the file's lines
 * are made beforehand; what is timed is one sendmsg() until the kernel's acknowledgement, which
 * comes after the commit. Prints {"wall_us": …, "cpu_us": …, "bytes": …}.
 *
 *   hash       a set of the addresses
 *   masked     one hash of networks for each prefix length, as `ip daddr & mask @set` looks them up
 *   intervals  one interval set of the prefixes, sorted
 *   concat     a set of `address port`
 *   rules      a rule for each `address port`
 *
 * Sets declare their `size`, as untrack does for a set that it loads whole; `unsized` leaves it
 * out.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

enum {
	TABLE_FAMILY = NFPROTO_IPV4,
	BATCH_ROOM = 1 << 30, /* address space; only what is written takes memory */
	NEST_LIMIT = 60000,   /* bytes of elements in a message: an attribute ends at 64 KiB */
	TYPE_ADDRESS = 7,     /* nft's numbers of data types, for listings */
	TYPE_SERVICE = 13,
	TYPE_BITS = 6,
};
static const char TABLE[] = "replay";
static const char CHAIN[] = "prerouting";

struct line {
	uint32_t address; /* host order */
	uint16_t port;
	uint8_t length; /* of the prefix */
};

struct lines {
	struct line *v;
	size_t n;
};

struct batch {
	uint8_t *bytes;
	size_t length;
	uint32_t sequence;
	struct nlmsghdr *last; /* that is acknowledged */
};

static uint32_t mask_of(unsigned length)
{
	return length ? UINT32_MAX << (32 - length) : 0;
}

static bool parse_line(const char *text, struct line *ret_line)
{
	unsigned a, b, c, d, number;
	char separator;
	int fields = sscanf(text, "%u.%u.%u.%u%c%u", &a, &b, &c, &d, &separator, &number);
	struct line line = {.length = 32};

	if (fields < 4 || (a | b | c | d) > 255)
		return false;
	line.address = a << 24 | b << 16 | c << 8 | d;
	if (fields == 6 && separator == '/' && number <= 32)
		line.length = (uint8_t)number;
	else if (fields == 6 && separator == ' ' && number <= UINT16_MAX)
		line.port = (uint16_t)number;
	else if (fields != 4 && !(fields == 5 && separator == '\n'))
		return false;
	*ret_line = line;
	return true;
}

static struct lines read_lines(const char *path)
{
	struct lines lines = {0};
	size_t room = 1024;
	char text[128];
	FILE *file = fopen(path, "re");

	if (!file)
		err(2, "%s", path);
	lines.v = calloc(room, sizeof(*lines.v));
	while (lines.v && fgets(text, sizeof(text), file)) {
		if (lines.n == room) {
			room *= 2;
			lines.v = reallocarray(lines.v, room, sizeof(*lines.v));
			if (!lines.v)
				break;
		}
		if (!parse_line(text, &lines.v[lines.n++]))
			errx(2, "%s:%zu: %s", path, lines.n, text);
	}
	if (!lines.v)
		err(2, "%s", path);
	fclose(file);
	return lines;
}

static int by_length_and_address(const void *left, const void *right)
{
	const struct line *a = left, *b = right;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return a->address == b->address ? 0 : a->address < b->address ? -1 : 1;
}

static int by_address(const void *left, const void *right)
{
	const struct line *a = left, *b = right;

	return a->address == b->address ? 0 : a->address < b->address ? -1 : 1;
}

static struct nlmsghdr *message(struct batch *batch, uint16_t type, uint16_t flags,
				uint16_t resource)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(batch->bytes + batch->length);
	struct nfgenmsg *body = mnl_nlmsg_put_extra_header(header, sizeof(*body));

	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header->nlmsg_seq = ++batch->sequence;
	*body = (struct nfgenmsg){.nfgen_family = resource ? AF_UNSPEC : TABLE_FAMILY,
				  .version = NFNETLINK_V0,
				  .res_id = htons(resource)};
	return header;
}

static struct nlmsghdr *nft_message(struct batch *batch, uint16_t type, uint16_t flags)
{
	return message(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, 0);
}

static void message_end(struct batch *batch, struct nlmsghdr *header)
{
	batch->length += MNL_ALIGN(header->nlmsg_len);
	batch->last = header;
	if (batch->length > BATCH_ROOM - 2 * UINT16_MAX)
		errx(2, "too many lines for one batch");
}

static void put_name(struct nlmsghdr *header, unsigned attribute, const char *name)
{
	mnl_attr_put_strz(header, (uint16_t)attribute, name);
}

static void put_be32(struct nlmsghdr *header, unsigned attribute, uint32_t value)
{
	mnl_attr_put_u32(header, (uint16_t)attribute, htonl(value));
}

static void add_table(struct batch *batch)
{
	struct nlmsghdr *header = nft_message(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	put_name(header, NFTA_TABLE_NAME, TABLE);
	message_end(batch, header);
}

static void add_chain(struct batch *batch)
{
	struct nlmsghdr *header = nft_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *hook;

	put_name(header, NFTA_CHAIN_TABLE, TABLE);
	put_name(header, NFTA_CHAIN_NAME, CHAIN);
	hook = mnl_attr_nest_start(header, NFTA_CHAIN_HOOK);
	put_be32(header, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
	put_be32(header, NFTA_HOOK_PRIORITY, (uint32_t)-300);
	mnl_attr_nest_end(header, hook);
	put_name(header, NFTA_CHAIN_TYPE, "filter");
	message_end(batch, header);
}

struct set {
	char name[16];
	uint32_t id;
	uint32_t flags;
	uint32_t key_type;
	uint32_t key_length;
	uint32_t size; /* 0: not declared */
};

static void add_set(struct batch *batch, const struct set *set)
{
	struct nlmsghdr *header = nft_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE);
	struct nlattr *description;

	put_name(header, NFTA_SET_TABLE, TABLE);
	put_name(header, NFTA_SET_NAME, set->name);
	put_be32(header, NFTA_SET_ID, set->id);
	put_be32(header, NFTA_SET_FLAGS, set->flags);
	put_be32(header, NFTA_SET_KEY_TYPE, set->key_type);
	put_be32(header, NFTA_SET_KEY_LEN, set->key_length);
	if (set->size) {
		description = mnl_attr_nest_start(header, NFTA_SET_DESC);
		put_be32(header, NFTA_SET_DESC_SIZE, set->size);
		mnl_attr_nest_end(header, description);
	}
	message_end(batch, header);
}

/* Messages of elements, each as full as it may be. */
struct elements {
	struct batch *batch;
	const struct set *set;
	struct nlmsghdr *header; /* NULL: none begun */
	struct nlattr *nest;
};

static void elements_flush(struct elements *to)
{
	if (!to->header)
		return;
	mnl_attr_nest_end(to->header, to->nest);
	message_end(to->batch, to->header);
	to->header = NULL;
}

static void element(struct elements *to, const void *key, uint32_t flags)
{
	struct nlattr *one, *body;

	if (to->header &&
	    (uint8_t *)mnl_nlmsg_get_payload_tail(to->header) - (uint8_t *)to->nest > NEST_LIMIT)
		elements_flush(to);
	if (!to->header) {
		to->header = nft_message(to->batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
		put_name(to->header, NFTA_SET_ELEM_LIST_TABLE, TABLE);
		put_name(to->header, NFTA_SET_ELEM_LIST_SET, to->set->name);
		put_be32(to->header, NFTA_SET_ELEM_LIST_SET_ID, to->set->id);
		to->nest = mnl_attr_nest_start(to->header, NFTA_SET_ELEM_LIST_ELEMENTS);
	}
	one = mnl_attr_nest_start(to->header, NFTA_LIST_ELEM);
	body = mnl_attr_nest_start(to->header, NFTA_SET_ELEM_KEY);
	mnl_attr_put(to->header, NFTA_DATA_VALUE, to->set->key_length, key);
	mnl_attr_nest_end(to->header, body);
	if (flags)
		put_be32(to->header, NFTA_SET_ELEM_FLAGS, flags);
	mnl_attr_nest_end(to->header, one);
}

static struct set address_set(const char *name, uint32_t id, size_t size)
{
	struct set set = {
		.id = id, .key_type = TYPE_ADDRESS, .key_length = 4, .size = (uint32_t)size};

	snprintf(set.name, sizeof(set.name), "%s", name);
	return set;
}

static void build_hash(struct batch *batch, struct lines lines, bool sized)
{
	struct set set = address_set("addresses", 1, sized ? lines.n : 0);
	struct elements to = {.batch = batch, .set = &set};

	add_set(batch, &set);
	for (size_t i = 0; i < lines.n; i++) {
		uint32_t key = htonl(lines.v[i].address);

		element(&to, &key, 0);
	}
	elements_flush(&to);
}

static void build_masked(struct batch *batch, struct lines lines, bool sized)
{
	size_t begin = 0;

	qsort(lines.v, lines.n, sizeof(*lines.v), by_length_and_address);
	while (begin < lines.n) {
		size_t end = begin;
		unsigned length = lines.v[begin].length;
		struct elements to = {.batch = batch};
		struct set set;
		char name[16];

		while (end < lines.n && lines.v[end].length == length)
			end++;
		snprintf(name, sizeof(name), "networks%u", length);
		set = address_set(name, length, sized ? end - begin : 0);
		to.set = &set;
		add_set(batch, &set);
		for (; begin < end; begin++) {
			uint32_t key = htonl(lines.v[begin].address);

			element(&to, &key, 0);
		}
		elements_flush(&to);
	}
}

static void build_intervals(struct batch *batch, struct lines lines, bool sized)
{
	/* Before Linux 6.16 both ends of an interval count. */
	struct set set = address_set("networks", 1, sized ? 2 * lines.n + 1 : 0);
	struct elements to = {.batch = batch, .set = &set};

	set.flags = NFT_SET_INTERVAL;
	qsort(lines.v, lines.n, sizeof(*lines.v), by_address);
	add_set(batch, &set);
	for (size_t i = 0; i < lines.n; i++) {
		uint32_t size = ~mask_of(lines.v[i].length) + 1;
		uint32_t first = htonl(lines.v[i].address);
		uint32_t after = htonl(lines.v[i].address + size);

		element(&to, &first, 0);
		element(&to, &after, NFT_SET_ELEM_INTERVAL_END);
	}
	elements_flush(&to);
}

static void build_concat(struct batch *batch, struct lines lines, bool sized)
{
	struct set set = {.name = "pairs",
			  .id = 1,
			  .key_type = TYPE_ADDRESS << TYPE_BITS | TYPE_SERVICE,
			  .key_length = 8,
			  .size = sized ? (uint32_t)lines.n : 0};
	struct elements to = {.batch = batch, .set = &set};

	add_set(batch, &set);
	for (size_t i = 0; i < lines.n; i++) {
		struct {
			uint32_t address;
			uint16_t port;
			uint16_t padding;
		} key = {htonl(lines.v[i].address), htons(lines.v[i].port), 0};

		element(&to, &key, 0);
	}
	elements_flush(&to);
}

static struct nftnl_expr *expression(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (!expr)
		err(2, "%s", name);
	nftnl_rule_add_expr(rule, expr);
	return expr;
}

static void load_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t length)
{
	struct nftnl_expr *expr = expression(rule, "payload");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void compare(struct nftnl_rule *rule, const void *value, uint32_t length)
{
	struct nftnl_expr *expr = expression(rule, "cmp");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value, length);
}

/* `ip daddr ADDRESS udp dport PORT notrack` */
static void build_rules(struct batch *batch, struct lines lines)
{
	static const uint8_t udp = IPPROTO_UDP;

	add_chain(batch);
	for (size_t i = 0; i < lines.n; i++) {
		uint32_t address = htonl(lines.v[i].address);
		uint16_t port = htons(lines.v[i].port);
		struct nftnl_rule *rule = nftnl_rule_alloc();
		struct nlmsghdr *header;
		struct nftnl_expr *meta;

		if (!rule)
			err(2, "rule");
		nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, TABLE);
		nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, CHAIN);
		load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 16, sizeof(address));
		compare(rule, &address, sizeof(address));
		meta = expression(rule, "meta");
		nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
		nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
		compare(rule, &udp, sizeof(udp));
		load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(port));
		compare(rule, &port, sizeof(port));
		expression(rule, "notrack");
		header = nft_message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
		nftnl_rule_nlmsg_build_payload(header, rule);
		message_end(batch, header);
		nftnl_rule_free(rule);
	}
}

static void build(struct batch *batch, const char *kind, struct lines lines, bool sized)
{
	static const struct {
		const char *kind;
		void (*build)(struct batch *batch, struct lines lines, bool sized);
	} sets[] = {
		{"hash", build_hash},
		{"masked", build_masked},
		{"intervals", build_intervals},
		{"concat", build_concat},
	};

	message_end(batch, message(batch, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES));
	add_table(batch);
	if (strcmp(kind, "rules") == 0) {
		build_rules(batch, lines);
	} else {
		size_t i = 0;

		while (i < sizeof(sets) / sizeof(*sets) && strcmp(kind, sets[i].kind) != 0)
			i++;
		if (i == sizeof(sets) / sizeof(*sets))
			errx(2, "no kind '%s'; expected hash, masked, intervals, concat, rules",
			     kind);
		sets[i].build(batch, lines, sized);
	}
	batch->last->nlmsg_flags |= NLM_F_ACK;
}

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* One acknowledgement, or the first refusal. */
static void await(struct mnl_socket *socket)
{
	static char buffer[1 << 17];
	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	const struct nlmsgerr *answer;
	ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

	if (length < 0 || !mnl_nlmsg_ok(header, (int)length) || header->nlmsg_type != NLMSG_ERROR)
		err(2, "no acknowledgement");
	answer = mnl_nlmsg_get_payload(header);
	if (answer->error) {
		errno = -answer->error;
		err(1, "message %u", header->nlmsg_seq);
	}
}

int main(int argc, char **argv)
{
	struct batch batch = {0};
	struct mnl_socket *socket;
	struct lines lines;
	int room = BATCH_ROOM - 1;
	double wall, cpu;

	if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "unsized") != 0))
		errx(2, "usage: replay hash|masked|intervals|concat|rules FILE [unsized]");
	lines = read_lines(argv[2]);
	batch.bytes = mmap(NULL, BATCH_ROOM, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	socket = mnl_socket_open(NETLINK_NETFILTER);
	if (batch.bytes == MAP_FAILED || !socket ||
	    mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err(2, "netlink");
	if (setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) <
	    0)
		err(2, "SO_SNDBUFFORCE");
	build(&batch, argv[1], lines, argc == 3);
	message_end(&batch, message(&batch, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES));

	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	if (mnl_socket_sendto(socket, batch.bytes, batch.length) < 0)
		err(1, "send");
	await(socket);
	printf("{\"wall_us\": %.0f, \"cpu_us\": %.0f, \"bytes\": %zu}\n",
	       now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu, batch.length);
	return 0;
}
