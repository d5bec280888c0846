/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/packet_text.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static struct packet_text read_packet(const char *text)
{
	struct packet_text packet;
	autoerror err = ERROR_INIT;

	cr_assert(packet_text_parse(text, &packet, &err), "%s: %s", text, err.message);
	return packet;
}

static void address_is(const struct inet_address *address, enum inet_family family,
		       const char *text)
{
	struct inet_range range;

	cr_assert_eq(inet_parse(text, &range), INET_OK);
	cr_assert_eq(range.family, family);
	cr_assert_eq(inet_compare(&range.first, address, family), 0, "%s", text);
}

Test(packet_text, reads_ipv4)
{
	struct packet_text packet = read_packet("tcp 198.51.100.7:40000 > 192.0.2.10:80 on eth0");

	cr_assert_eq(packet.family, INET_V4);
	cr_assert_eq(packet.protocol, IPPROTO_TCP);
	address_is(&packet.source, INET_V4, "198.51.100.7");
	address_is(&packet.destination, INET_V4, "192.0.2.10");
	cr_assert(packet.has_source_port && packet.has_destination_port);
	cr_assert_eq(packet.source_port, 40000);
	cr_assert_eq(packet.destination_port, 80);
	cr_assert_str_eq(packet.interface, "eth0");
	cr_assert_not(packet.from_here);
}

Test(packet_text, reads_ipv6)
{
	struct packet_text packet =
		read_packet("udp [2001:db8::7]:5353 > [2001:db8::10]:53 from here");

	cr_assert_eq(packet.family, INET_V6);
	address_is(&packet.source, INET_V6, "2001:db8::7");
	address_is(&packet.destination, INET_V6, "2001:db8::10");
	cr_assert_eq(packet.source_port, 5353);
	cr_assert_eq(packet.destination_port, 53);
	cr_assert(packet.from_here);
	cr_assert_str_eq(packet.interface, "");
}

Test(packet_text, needs_one_port_only)
{
	struct packet_text packet = read_packet("  udp 2001:db8::7   > [2001:db8::10]:65535 ");

	cr_assert_not(packet.has_source_port);
	cr_assert_eq(packet.source_port, 0);
	cr_assert_eq(packet.destination_port, 65535);
	packet = read_packet("sctp 192.0.2.1:1 > 192.0.2.2");
	cr_assert(packet.has_source_port);
	cr_assert_not(packet.has_destination_port);
}

Test(packet_text, reads_icmp)
{
	struct packet_text packet = read_packet("icmp 198.51.100.7 > 192.0.2.10");

	cr_assert_eq(packet.protocol, IPPROTO_ICMP);
	cr_assert_eq(packet.icmp_type, 8);
	packet = read_packet("icmp 198.51.100.7 > 192.0.2.10 type echo-reply");
	cr_assert_eq(packet.icmp_type, 0);
	packet = read_packet("icmpv6 2001:db8::1 > [2001:db8::2]");
	cr_assert_eq(packet.icmp_type, 128);
	packet = read_packet("icmpv6 2001:db8::1 > 2001:db8::2 on eth0 type packet-too-big");
	cr_assert_eq(packet.icmp_type, 2);
	cr_assert_str_eq(packet.interface, "eth0");
	packet = read_packet("icmpv6 2001:db8::1 > 2001:db8::2 type 255");
	cr_assert_eq(packet.icmp_type, 255);
}

Test(packet_text, reads_other_protocols)
{
	cr_assert_eq(read_packet("gre 192.0.2.1 > 192.0.2.2").protocol, IPPROTO_GRE);
	cr_assert_eq(read_packet("253 192.0.2.1 > 192.0.2.2 from here").protocol, 253);
	cr_assert_eq(read_packet("17 192.0.2.1:1 > 192.0.2.2:2").protocol, IPPROTO_UDP);
	cr_assert_eq(read_packet("ospf 192.0.2.1 > 192.0.2.2").protocol, 89);
}

Test(packet_text, leaves_the_result_alone_when_it_refuses)
{
	struct packet_text packet;
	autoerror err = ERROR_INIT;

	memset(&packet, 0x5a, sizeof(packet));
	cr_assert_not(packet_text_parse("tcp 192.0.2.1:1 > 192.0.2.2:80 on", &packet, &err));
	for (size_t i = 0; i < sizeof(packet); i++)
		cr_assert_eq(((unsigned char *)&packet)[i], 0x5a);
	cr_assert_eq(err.code, ERROR_DOCUMENT);
}

Test(packet_text, reads_flags_and_a_mark)
{
	struct packet_text packet =
		read_packet("tcp 192.0.2.1:1 > 192.0.2.2:80 flags syn,ack mark 0x10 from here");

	cr_assert_eq(packet.tcp_flags, 0x12);
	cr_assert_eq(packet.mark, 0x10);
	cr_assert(packet.from_here);
	packet = read_packet("tcp 192.0.2.1:1 > 192.0.2.2:80 on eth0 mark 4294967295");
	cr_assert_eq(packet.tcp_flags, 0);
	cr_assert_eq(packet.mark, 0xffffffff);
}

Test(packet_text, tells_where_it_is_wrong)
{
	static const struct {
		const char *text;
		unsigned column;
		const char *part;
	} bad[] = {
		{"tpc 192.0.2.1:1 > 192.0.2.2:80", 1, "did you mean 'tcp'?"},
		{"tcp 192.0.2.256:1 > 192.0.2.2:80", 5, "not an address, got '192.0.2.256:1'"},
		{"tcp 192.0.2.1:1 >  192.0.2.2:0", 20, "port not from 1 to 65535"},
		{"tcp 192.0.2.1:1 > 192.0.2.2:80 onn eth0", 32, "did you mean 'on'?"},
		{"tcp 192.0.2.1:1 > 192.0.2.2:80 from her", 37, "did you mean 'from here'?"},
		{"tcp 192.0.2.1:1 > 192.0.2.2:80 flags syn,akc", 38, "did you mean 'ack'?"},
		{"tcp 192.0.2.1:1 > 192.0.2.2:80 flags", 37, "nothing behind 'flags'"},
		{"udp 192.0.2.1:1 > 192.0.2.2:80 flags syn", 38,
		 "flags for a protocol other than tcp"},
		{"udp 192.0.2.1:1 > 192.0.2.2:80 mark 4294967296", 37, "not a mark"},
		{"udp 192.0.2.1:1 > 192.0.2.2:80 mark -1", 37, "not a mark"},
		{"udp 192.0.2.1:1 > 192.0.2.2:80 mark 1 mark 1", 39, "not expected here"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct packet_text packet;
		autoerror err = ERROR_INIT;

		cr_assert_not(packet_text_parse(bad[i].text, &packet, &err), "%s", bad[i].text);
		cr_assert_eq(err.line, 1);
		cr_assert_eq(err.column, bad[i].column, "%s: %u", bad[i].text, err.column);
		cr_assert(strstr(err.message, bad[i].part), "%s: %s", bad[i].text, err.message);
	}
}
