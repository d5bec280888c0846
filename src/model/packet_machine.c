/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/packet_machine.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

/* ------------------------------------------------------------------ registers */

static size_t register_offset(uint32_t number)
{
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * 4;
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * 16;
	return KEY_BYTES;
}

/* Stores bytes, zeros behind them up to a register's end. NULL: unknown ones. */
void machine_store(struct machine *m, uint32_t number, const void *bytes, size_t length)
{
	size_t offset = register_offset(number), padded = (length + 3) & ~(size_t)3;

	if (padded > KEY_BYTES - offset)
		padded = KEY_BYTES - offset;
	if (length > padded)
		length = padded;
	memset(m->registers.byte + offset, 0, padded);
	memset(m->registers.known + offset, bytes ? 1 : 0, padded);
	if (bytes)
		memcpy(m->registers.byte + offset, bytes, length);
}

void machine_forget(struct machine *m)
{
	memset(m->registers.known, 0, sizeof(m->registers.known));
}

struct partial_key machine_load(const struct machine *m, uint32_t number)
{
	struct partial_key key = {0};
	size_t offset = register_offset(number);

	memcpy(key.byte, m->registers.byte + offset, KEY_BYTES - offset);
	memcpy(key.known, m->registers.known + offset, KEY_BYTES - offset);
	return key;
}

static struct span data_value(struct span attrs, uint16_t type)
{
	struct span data, value = {NULL, 0};

	if (attr_find(attrs, type, &data))
		attr_find(data, NFTA_DATA_VALUE, &value);
	return value;
}

/* ------------------------------------------------------------------ what a packet has */

static void store_name(struct machine *m, uint32_t number, bool here)
{
	char name[IFNAMSIZ] = {0};

	if (!here) { /* an empty name stands for the interface that a hook does not have */
		machine_store(m, number, name, sizeof(name));
		return;
	}
	if (m->packet->interface)
		memcpy(name, m->packet->interface, strnlen(m->packet->interface, sizeof(name) - 1));
	machine_store(m, number, m->packet->interface ? name : NULL, sizeof(name));
}

/* An interface that a hook does not have has no index. */
static void store_index(struct machine *m, uint32_t number, bool here)
{
	uint32_t index = here ? m->packet->interface_index : 0;

	machine_store(m, number, here && !index ? NULL : &index, sizeof(index));
}

void machine_meta(struct machine *m, struct span data)
{
	uint32_t number = attr_find_be32(data, NFTA_META_DREG);
	bool v4 = m->packet->family == INET_V4;
	uint8_t family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint16_t ethernet = htons(v4 ? ETH_P_IP : ETH_P_IPV6);

	switch (attr_find_be32(data, NFTA_META_KEY)) {
	case NFT_META_L4PROTO:
		machine_store(m, number, &m->packet->protocol, 1);
		break;
	case NFT_META_NFPROTO:
		machine_store(m, number, &family, 1);
		break;
	case NFT_META_PROTOCOL:
		machine_store(m, number, &ethernet, sizeof(ethernet));
		break;
	case NFT_META_IIFNAME:
		store_name(m, number, m->hook != NF_INET_LOCAL_OUT);
		break;
	case NFT_META_OIFNAME:
		store_name(m, number, m->hook == NF_INET_LOCAL_OUT);
		break;
	case NFT_META_IIF:
		store_index(m, number, m->hook != NF_INET_LOCAL_OUT);
		break;
	case NFT_META_OIF:
		store_index(m, number, m->hook == NF_INET_LOCAL_OUT);
		break;
	default:
		machine_store(m, number, NULL, IFNAMSIZ);
	}
}

/* A header as far as the packet tells it. */
struct header {
	uint8_t byte[40];
	bool known[40];
};

static void put_header(struct header *header, size_t offset, const void *bytes, size_t length)
{
	memcpy(header->byte + offset, bytes, length);
	memset(header->known + offset, 1, length);
}

static struct header network_header(const struct packet *packet)
{
	struct header header = {0};

	if (packet->family == INET_V4) {
		put_header(&header, 9, &packet->protocol, 1);
		put_header(&header, 12, packet->source.byte, 4);
		put_header(&header, 16, packet->destination.byte, 4);
	} else {
		put_header(&header, 8, packet->source.byte, 16);
		put_header(&header, 24, packet->destination.byte, 16);
	}
	return header;
}

static struct header transport_header(const struct packet *packet)
{
	uint16_t ports[2] = {htons(packet->source_port), htons(packet->destination_port)};
	struct header header = {0};

	switch (packet->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		put_header(&header, 0, ports, sizeof(ports));
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_header(&header, 0, &packet->icmp_type, 1);
		put_header(&header, 1, &packet->icmp_code, 1);
		break;
	default:
		break;
	}
	return header;
}

void machine_payload(struct machine *m, struct span data)
{
	uint32_t number = attr_find_be32(data, NFTA_PAYLOAD_DREG);
	uint32_t base = attr_find_be32(data, NFTA_PAYLOAD_BASE);
	uint32_t offset = attr_find_be32(data, NFTA_PAYLOAD_OFFSET);
	uint32_t length = attr_find_be32(data, NFTA_PAYLOAD_LEN);
	struct header header = {0};
	size_t at = register_offset(number);

	if (length > KEY_BYTES)
		length = KEY_BYTES;
	machine_store(m, number, NULL, length);
	if (m->mangled || offset > sizeof(header.byte) || length > sizeof(header.byte) - offset ||
	    length > KEY_BYTES - at)
		return;
	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		header = network_header(m->packet);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		header = transport_header(m->packet);
	memset(m->registers.known + at, 1, (length + 3) & ~3u);
	memcpy(m->registers.byte + at, header.byte + offset, length);
	memcpy(m->registers.known + at, header.known + offset, length);
}

/* ------------------------------------------------------------------ conditions and arithmetic */

enum ternary negate_if(bool negate, enum ternary answer)
{
	if (!negate || answer == MAYBE)
		return answer;
	return answer == YES ? NO : YES;
}

static enum ternary equal(const struct partial_key *key, struct span value)
{
	enum ternary answer = YES;

	for (size_t i = 0; i < value.len; i++) {
		if (!key->known[i])
			answer = MAYBE;
		else if (key->byte[i] != value.data[i])
			return NO;
	}
	return answer;
}

/* The order of a key and a value; false if it is not known. */
static bool order_of(const struct partial_key *key, struct span value, int *ret_order)
{
	for (size_t i = 0; i < value.len; i++)
		if (!key->known[i])
			return false;
	*ret_order = value.len ? memcmp(key->byte, value.data, value.len) : 0;
	return true;
}

enum ternary machine_cmp(const struct machine *m, struct span data)
{
	struct partial_key key = machine_load(m, attr_find_be32(data, NFTA_CMP_SREG));
	struct span value = data_value(data, NFTA_CMP_DATA);
	uint32_t op = attr_find_be32(data, NFTA_CMP_OP);
	int order;

	if (!value.len || value.len > KEY_BYTES)
		return MAYBE;
	if (op == NFT_CMP_EQ || op == NFT_CMP_NEQ)
		return negate_if(op == NFT_CMP_NEQ, equal(&key, value));
	if (!order_of(&key, value, &order))
		return MAYBE;
	switch (op) {
	case NFT_CMP_LT:
		return order < 0 ? YES : NO;
	case NFT_CMP_LTE:
		return order <= 0 ? YES : NO;
	case NFT_CMP_GT:
		return order > 0 ? YES : NO;
	case NFT_CMP_GTE:
		return order >= 0 ? YES : NO;
	default:
		return MAYBE;
	}
}

enum ternary machine_range(const struct machine *m, struct span data)
{
	struct partial_key key = machine_load(m, attr_find_be32(data, NFTA_RANGE_SREG));
	struct span from = data_value(data, NFTA_RANGE_FROM_DATA);
	struct span to = data_value(data, NFTA_RANGE_TO_DATA);
	bool negate = attr_find_be32(data, NFTA_RANGE_OP) == NFT_RANGE_NEQ;
	int above, below;

	if (!from.len || from.len > KEY_BYTES || to.len != from.len ||
	    !order_of(&key, from, &above) || !order_of(&key, to, &below))
		return MAYBE;
	return negate_if(negate, above >= 0 && below <= 0 ? YES : NO);
}

void machine_bitwise(struct machine *m, struct span data)
{
	struct partial_key key = machine_load(m, attr_find_be32(data, NFTA_BITWISE_SREG));
	struct span mask = data_value(data, NFTA_BITWISE_MASK);
	struct span xor = data_value(data, NFTA_BITWISE_XOR);
	uint32_t length = attr_find_be32(data, NFTA_BITWISE_LEN);
	uint32_t number = attr_find_be32(data, NFTA_BITWISE_DREG);
	size_t at = register_offset(number);

	if (length > KEY_BYTES)
		length = KEY_BYTES;
	machine_store(m, number, NULL, length);
	if (attr_find_be32(data, NFTA_BITWISE_OP) != NFT_BITWISE_BOOL || mask.len != length ||
	    xor.len != length || length > KEY_BYTES - at)
		return;
	memset(m->registers.known + at, 1, (length + 3) & ~3u);
	for (uint32_t i = 0; i < length; i++) {
		m->registers.byte[at + i] = (uint8_t)((key.byte[i] & mask.data[i]) ^ xor.data[i]);
		m->registers.known[at + i] = key.known[i] || !mask.data[i];
	}
}

void machine_byteorder(struct machine *m, struct span data)
{
	struct partial_key key = machine_load(m, attr_find_be32(data, NFTA_BYTEORDER_SREG));
	uint32_t length = attr_find_be32(data, NFTA_BYTEORDER_LEN);
	uint32_t size = attr_find_be32(data, NFTA_BYTEORDER_SIZE);
	uint32_t number = attr_find_be32(data, NFTA_BYTEORDER_DREG);
	size_t at = register_offset(number);

	if (!size || length > KEY_BYTES - at) {
		machine_store(m, number, NULL, KEY_BYTES);
		return;
	}
	if (attr_find_be32(data, NFTA_BYTEORDER_SREG) != number)
		machine_store(m, number, NULL, length);
	for (uint32_t i = 0; i + size <= length; i += size)
		for (uint32_t k = 0; k < size; k++) {
			bool swap = htons(1) != 1;
			uint32_t from = swap ? i + size - 1 - k : i + k;

			m->registers.byte[at + i + k] = key.byte[from];
			m->registers.known[at + i + k] = key.known[from];
		}
}
