/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/probe_packet.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#define PAYLOAD 16
#define TTL 64

/* --- checksums -------------------------------------------------------------------------------- */

/* RFC 1071: ones' complement sum of 16-bit words. */
static uint32_t sum(uint32_t start, const void *data, size_t length)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < length; i += 2)
		start += (uint32_t)at[i] << 8 | at[i + 1];
	if (length % 2)
		start += (uint32_t)at[length - 1] << 8;
	return start;
}

static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return htons((uint16_t)~value);
}

/* RFC 9260, appendix A: CRC32c, reflected. */
static uint32_t crc32c(const uint8_t *data, size_t length)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* Of the pseudo header that TCP, UDP and ICMPv6 have in common. */
static uint32_t pseudo(const struct probe *probe, size_t length)
{
	size_t address = inet_length(probe->family);
	uint32_t value = sum(0, probe->tuple.source.byte, address);

	value = sum(value, probe->tuple.destination.byte, address);
	return value + probe->protocol + (uint32_t)length;
}

static void put_checksum(struct buf *out, size_t begin, size_t field, uint32_t start)
{
	uint16_t value;

	if (out->failed)
		return;
	value = fold(sum(start, out->data + begin, out->len - begin));
	memcpy(out->data + begin + field, &value, sizeof(value));
}

/* --- protocols -------------------------------------------------------------------------------- */

static void put_tcp(const struct probe *probe, struct buf *out)
{
	struct tcphdr tcp = {.source = htons(probe->tuple.source_port),
			     .dest = htons(probe->tuple.destination_port),
			     .seq = htonl(probe->sequence),
			     .doff = sizeof(tcp) / 4,
			     .window = htons(64240)};
	size_t begin = out->len;

	tcp.th_flags = probe->tcp_flags ? probe->tcp_flags : TH_SYN;
	if (tcp.th_flags & TH_ACK)
		tcp.ack_seq = htonl(probe->acknowledged);
	buf_put(out, &tcp, sizeof(tcp));
	put_checksum(out, begin, offsetof(struct tcphdr, check), pseudo(probe, sizeof(tcp)));
}

static void put_udp(const struct probe *probe, struct buf *out)
{
	struct udphdr udp = {.source = htons(probe->tuple.source_port),
			     .dest = htons(probe->tuple.destination_port),
			     .len = htons(sizeof(udp) + PAYLOAD)};
	size_t begin = out->len;

	buf_put(out, &udp, sizeof(udp));
	buf_zero(out, PAYLOAD);
	put_checksum(out, begin, offsetof(struct udphdr, check),
		     pseudo(probe, sizeof(udp) + PAYLOAD));
}

static void put_icmp(const struct probe *probe, struct buf *out)
{
	struct icmphdr icmp = {.type = probe->tuple.icmp_type, .code = probe->tuple.icmp_code};
	size_t begin = out->len;

	icmp.un.echo.id = htons(1);
	icmp.un.echo.sequence = htons(1);
	buf_put(out, &icmp, sizeof(icmp));
	buf_zero(out, PAYLOAD);
	put_checksum(out, begin, offsetof(struct icmphdr, checksum),
		     probe->protocol == IPPROTO_ICMPV6 ? pseudo(probe, sizeof(icmp) + PAYLOAD) : 0);
}

/* An INIT chunk, which opens an association. */
static void put_sctp(const struct probe *probe, struct buf *out)
{
	static const uint8_t chunk[] = {1,    0, 0, 20, 0, 0, 0, 1, 0, 0,
					0x80, 0, 0, 1,	0, 1, 0, 0, 0, 1};
	uint16_t ports[2] = {htons(probe->tuple.source_port), htons(probe->tuple.destination_port)};
	size_t begin = out->len;
	uint32_t crc;

	buf_put(out, ports, sizeof(ports));
	buf_zero(out, 8); /* verification tag 0, checksum */
	buf_put(out, chunk, sizeof(chunk));
	if (out->failed)
		return;
	crc = crc32c(out->data + begin, out->len - begin);
	/* The lowest byte first: the table's order, not the network's. */
	for (unsigned i = 0; i < 4; i++)
		out->data[begin + 8 + i] = (uint8_t)(crc >> (8 * i));
}

static void put_transport(const struct probe *probe, struct buf *out)
{
	uint16_t ports[2] = {htons(probe->tuple.source_port), htons(probe->tuple.destination_port)};

	switch (probe->protocol) {
	case IPPROTO_TCP:
		put_tcp(probe, out);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		put_udp(probe, out);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_icmp(probe, out);
		break;
	case IPPROTO_SCTP:
		put_sctp(probe, out);
		break;
	default:
		buf_put(out, ports, sizeof(ports));
		buf_zero(out, PAYLOAD);
	}
}

void probe_packet(const struct probe *probe, struct buf *out)
{
	bool four = probe->family == INET_V4;
	size_t length = inet_length(probe->family), begin = out->len, header;
	struct iphdr ip = {.version = 4,
			   .ihl = sizeof(ip) / 4,
			   .id = htons(1),
			   .ttl = TTL,
			   .protocol = probe->protocol};
	struct ip6_hdr ip6 = {
		.ip6_flow = htonl(6u << 28), .ip6_nxt = probe->protocol, .ip6_hlim = TTL};

	memcpy(&ip.saddr, probe->tuple.source.byte, sizeof(ip.saddr));
	memcpy(&ip.daddr, probe->tuple.destination.byte, sizeof(ip.daddr));
	memcpy(&ip6.ip6_src, probe->tuple.source.byte, length);
	memcpy(&ip6.ip6_dst, probe->tuple.destination.byte, length);
	header = four ? sizeof(ip) : sizeof(ip6);
	buf_zero(out, header);
	put_transport(probe, out);
	if (out->failed)
		return;
	ip.tot_len = htons((uint16_t)(out->len - begin));
	ip.check = fold(sum(0, &ip, sizeof(ip)));
	ip6.ip6_plen = htons((uint16_t)(out->len - begin - header));
	memcpy(out->data + begin, four ? (void *)&ip : (void *)&ip6, header);
}

/* --- recognising ------------------------------------------------------------------------------ */

bool probe_is_its_own(const struct probe *probe, struct span header, struct span transport)
{
	bool four = probe->family == INET_V4;
	size_t length = inet_length(probe->family), source = four ? 12 : 8;
	const struct flow_tuple *tuple = &probe->tuple;
	uint8_t ports[4];

	if (header.len < source + 2 * length || header.data[0] >> 4 != (four ? 4 : 6) ||
	    header.data[four ? 9 : 6] != probe->protocol)
		return false;
	if (probe->protocol == IPPROTO_ICMP || probe->protocol == IPPROTO_ICMPV6)
		return transport.len && transport.data[0] == tuple->icmp_type;
	/* A reset or another answer has the two ends exchanged. */
	ports[0] = (uint8_t)(tuple->destination_port >> 8);
	ports[1] = (uint8_t)tuple->destination_port;
	ports[2] = (uint8_t)(tuple->source_port >> 8);
	ports[3] = (uint8_t)tuple->source_port;
	return !(transport.len >= 4 && tuple->source_port != tuple->destination_port &&
		 !memcmp(transport.data, ports, 4) &&
		 !memcmp(header.data + source + length, tuple->source.byte, length));
}
