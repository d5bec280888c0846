/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "golden.h"

#include "model/policy.h"

#include <fcntl.h>
#include <netinet/in.h> /* before linux/netfilter.h */
#include <linux/netfilter.h>
#include <stdlib.h>
#include <unistd.h>

Test(policy, refuses_with_these_words)
{
	golden_folder(TEST_DATA "/policy-bad");
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

/* In a folder of its own, where it stays for the rest of the test. */
static struct document *accept_text(const char *text)
{
	char folder[] = "/tmp/untrack-policy-XXXXXX";
	const char *name = "policy.json";
	struct document *document;
	autoerror err = ERROR_INIT;

	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	write_file(name, text);
	write_file("addresses.txt",
		   "# ours\n192.0.2.1\n\n  2001:db8::/32\t# and more \r\n10.0.0.0/8");
	write_file("ports.txt", "80\n 8000-8010 \n");
	document = document_read(&name, 1, &err);
	unlink(name);
	unlink("addresses.txt");
	unlink("ports.txt");
	rmdir(folder);
	cr_assert_not_null(document, "%u:%u %s %s", err.line, err.column, err.path, err.message);
	cr_assert_eq(document->kind, DOCUMENT_POLICY);
	cr_assert_not_null(document->policy);
	return document;
}

static void ranges_are(const struct inet_list *ranges, size_t count, const char *const *expected)
{
	char text[INET_TEXT_MAX];

	cr_assert_eq(inet_list_count(ranges), count);
	for (size_t i = 0; i < count; i++)
		cr_assert_str_eq(
			inet_format(&(struct inet_range[]){inet_list_at(ranges, i)}[0], text),
			expected[i]);
}

#define RANGES_ARE(ranges, ...)                                                                    \
	ranges_are((ranges), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),               \
		   (const char *[]){__VA_ARGS__})

Test(policy, has_defaults)
{
	struct document *document = accept_text("{\"untrack\": 1}");
	const struct policy *policy = document->policy;

	cr_assert_str_eq(policy->file, "policy.json");
	cr_assert_eq(policy->family, NFPROTO_INET);
	cr_assert_str_eq(policy->table, "untrack");
	cr_assert_eq(policy->services.n + policy->keep_tracked.n + policy->accept_in.n +
			     policy->rules.n + policy->sysctls.n + policy->expects.n,
		     0);
	document_free(document);
}

Test(policy, may_have_empty_lists)
{
	document_free(accept_text("{\"untrack\": 1, \"services\": [], \"keep_tracked\": [], "
				  "\"accept_in\": [], \"rules\": [], \"conntrack\": {}, "
				  "\"expect\": [], \"comment\": \"\"}"));
}

Test(policy, reads_a_service)
{
	struct document *document = accept_text(
		"{\"untrack\": 1, \"table\": \"inet my_table\", \"comment\": \"ours\",\n"
		" \"services\": [\n"
		"  {\"name\": \"web-1.a_b\", \"role\": \"server\", \"protocol\": [\"tcp\", "
		"\"udp\", 6],\n"
		"   \"ports\": [80, 443, \"8000-8010\", \"9-9\"], \"addresses\": [\"192.0.2.10\", "
		"\"2001:db8::/64\"],\n"
		"   \"peers\": [\"0.0.0.0/0\"], \"interfaces\": [\"eth0\", \"wg*\"], \"accept\": "
		"true,\n"
		"   \"comment\": \"Zürich\"}]}");
	const struct policy_service *service = document->policy->services.v;
	const struct policy_match *match = &service->match;

	cr_assert_str_eq(document->policy->table, "my_table");
	cr_assert_eq(document->policy->services.n, 1);
	cr_assert_str_eq(service->name, "web-1.a_b");
	cr_assert_eq(service->role, ROLE_SERVER);
	cr_assert(service->accept);
	cr_assert_str_eq(service->comment, "Zürich");
	cr_assert_str_eq(service->origin.path, "/services/0");
	cr_assert_eq(service->origin.line, 3);
	cr_assert_eq(service->origin.column, 3);
	cr_assert_eq(match->protocols.n, 2);
	cr_assert_eq(match->protocols.v[0], IPPROTO_TCP);
	cr_assert_eq(match->protocols.v[1], IPPROTO_UDP);
	cr_assert_eq(match->ports.n, 4);
	cr_assert_eq(match->ports.v[1].from, 443);
	cr_assert_eq(match->ports.v[1].to, 443);
	cr_assert_eq(match->ports.v[2].from, 8000);
	cr_assert_eq(match->ports.v[2].to, 8010);
	RANGES_ARE(&match->addresses, "192.0.2.10", "2001:db8::/64");
	RANGES_ARE(&match->peers, "0.0.0.0/0");
	cr_assert_eq(match->interfaces.n, 2);
	cr_assert_str_eq(match->interfaces.v[1], "wg*");
	document_free(document);
}

Test(policy, reads_every_role_and_protocol)
{
	struct document *document = accept_text(
		"{\"untrack\": 1, \"services\": [\n"
		" {\"name\": \"a\", \"role\": \"client\", \"protocol\": \"sctp\", \"ports\": [1], "
		"\"peers\": [\"10.0.0.0/8\"], \"accept\": true},\n"
		" {\"name\": \"b\", \"role\": \"forward\", \"protocol\": \"dccp\", \"ports\": "
		"[65535], "
		"\"addresses\": [\"10.0.0.1\"], \"interfaces\": [\"eth0\", \"eth1\"], \"accept\": "
		"true},\n"
		" {\"name\": \"c\", \"role\": \"peer\", \"protocol\": \"udplite\", \"ports\": "
		"[2]},\n"
		" {\"name\": \"d\", \"role\": \"server\", \"protocol\": [\"gre\", \"esp\", \"ah\", "
		"253, 0, "
		"255, \"ospf\"]},\n"
		" {\"name\": \"e\", \"role\": \"forward\", \"protocol\": [\"icmp\", \"icmpv6\"], "
		"\"interfaces\": [\"eth*\"], \"accept\": false}]}");
	const struct policy_service *services = document->policy->services.v;
	const uint8_t expected[] = {IPPROTO_GRE, IPPROTO_ESP, IPPROTO_AH, 253, 0, 255, 89};

	cr_assert_eq(document->policy->services.n, 5);
	cr_assert_eq(services[0].role, ROLE_CLIENT);
	cr_assert_eq(services[0].match.protocols.v[0], IPPROTO_SCTP);
	cr_assert_eq(services[1].role, ROLE_FORWARD);
	cr_assert_eq(services[1].match.protocols.v[0], 33);
	cr_assert_eq(services[2].role, ROLE_PEER);
	cr_assert_eq(services[2].match.protocols.v[0], IPPROTO_UDPLITE);
	cr_assert_eq(services[3].match.protocols.n, sizeof(expected));
	cr_assert_arr_eq(services[3].match.protocols.v, expected, sizeof(expected));
	cr_assert_eq(services[4].match.protocols.v[1], IPPROTO_ICMPV6);
	cr_assert_not(services[4].accept);
	cr_assert_eq(services[4].origin.line, 6);
	document_free(document);
}

Test(policy, reads_lists_from_files)
{
	struct document *document = accept_text(
		"{\"untrack\": 1, \"services\": [{\"name\": \"a\", \"role\": \"server\", "
		"\"protocol\": "
		"\"tcp\", \"ports\": {\"file\": \"ports.txt\"}, \"addresses\": {\"file\": "
		"\"addresses.txt\"}, \"peers\": {\"file\": \"./addresses.txt\"}}]}");
	const struct policy_match *match = &document->policy->services.v[0].match;

	RANGES_ARE(&match->addresses, "192.0.2.1", "10.0.0.0/8", "2001:db8::/32");
	RANGES_ARE(&match->peers, "192.0.2.1", "10.0.0.0/8", "2001:db8::/32");
	cr_assert_eq(match->ports.n, 2);
	cr_assert_eq(match->ports.v[0].to, 80);
	cr_assert_eq(match->ports.v[1].from, 8000);
	cr_assert_eq(match->ports.v[1].to, 8010);
	document_free(document);
}

Test(policy, reads_keep_tracked)
{
	struct document *document = accept_text(
		"{\"untrack\": 1, \"keep_tracked\": [{\"peers\": [\"203.0.113.0/24\"]}, "
		"{\"protocol\": "
		"[\"tcp\", \"icmp\"], \"comment\": \"mixed without ports\"},\n {\"protocol\": "
		"\"tcp\", "
		"\"ports\": [22]}, {\"interfaces\": [\"eth1\"]}, {\"addresses\": [\"::/0\"]}]}");
	const struct policy_keep *keeps = document->policy->keep_tracked.v;

	cr_assert_eq(document->policy->keep_tracked.n, 5);
	RANGES_ARE(&keeps[0].match.peers, "203.0.113.0/24");
	cr_assert_eq(keeps[0].match.protocols.n, 0);
	cr_assert_eq(keeps[1].match.protocols.n, 2);
	cr_assert_str_eq(keeps[1].comment, "mixed without ports");
	cr_assert_eq(keeps[2].match.ports.v[0].from, 22);
	cr_assert_str_eq(keeps[2].origin.path, "/keep_tracked/2");
	cr_assert_eq(keeps[2].origin.line, 2);
	document_free(document);
}

Test(policy, reads_accept_in)
{
	struct document *document = accept_text(
		"{\"untrack\": 1, \"accept_in\": [\"inet filter input\", {\"chain\": \"ip f o\", "
		"\"position\": \"first\"}, {\"position\": \"last\", \"chain\": \"ip6  f  o\"}, "
		"{\"chain\": "
		"\"inet f o\", \"position\": \"before-state\"}]}");
	const struct policy_accept_in *in = document->policy->accept_in.v;

	cr_assert_eq(document->policy->accept_in.n, 4);
	cr_assert_eq(in[0].family, NFPROTO_INET);
	cr_assert_str_eq(in[0].table, "filter");
	cr_assert_str_eq(in[0].chain, "input");
	cr_assert_eq(in[0].position, POSITION_BEFORE_STATE);
	cr_assert_eq(in[1].family, NFPROTO_IPV4);
	cr_assert_eq(in[1].position, POSITION_FIRST);
	cr_assert_eq(in[2].family, NFPROTO_IPV6);
	cr_assert_str_eq(in[2].chain, "o");
	cr_assert_eq(in[2].position, POSITION_LAST);
	cr_assert_eq(in[3].position, POSITION_BEFORE_STATE);
	document_free(document);
}

Test(policy, reads_rules)
{
	struct document *document = accept_text(
		"{\"untrack\": 1, \"rules\": [{\"chain\": \"prerouting\", \"comment\": \"marked\", "
		"\"expr\": [{\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": "
		"\"mark\"}}, "
		"\"right\": 7}},\n {\"notrack\": null}]}, {\"chain\": \"output\", \"expr\": "
		"[{\"counter\": null}]}]}");
	const struct policy_rule *rules = document->policy->rules.v;

	cr_assert_eq(document->policy->rules.n, 2);
	cr_assert_not(rules[0].output);
	cr_assert_str_eq(rules[0].comment, "marked");
	cr_assert_str_eq(rules[0].expr,
			 "[{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"mark\"}"
			 "},\"right\":7}},{\"notrack\":null}]");
	cr_assert(rules[1].output);
	cr_assert_null(rules[1].comment);
	document_free(document);
}

Test(policy, reads_conntrack)
{
	struct document *document =
		accept_text("{\"untrack\": 1, \"conntrack\": {\"max\": 393216, \"buckets\": 98304, "
			    "\"timeouts\": "
			    "{\"tcp_established\": 300, \"udp\": 1,\n\"udp_stream\": 2147483}}}");
	const struct policy_sysctl *sysctls = document->policy->sysctls.v;

	cr_assert_eq(document->policy->sysctls.n, 5);
	cr_assert_str_eq(sysctls[0].name, "net.netfilter.nf_conntrack_max");
	cr_assert_eq(sysctls[0].value, 393216);
	cr_assert_str_eq(sysctls[0].origin.path, "/conntrack/max");
	cr_assert_str_eq(sysctls[1].name, "net.netfilter.nf_conntrack_buckets");
	cr_assert_str_eq(sysctls[2].name, "net.netfilter.nf_conntrack_tcp_timeout_established");
	cr_assert_eq(sysctls[2].value, 300);
	cr_assert_str_eq(sysctls[3].name, "net.netfilter.nf_conntrack_udp_timeout");
	cr_assert_str_eq(sysctls[4].name, "net.netfilter.nf_conntrack_udp_timeout_stream");
	cr_assert_str_eq(sysctls[4].origin.path, "/conntrack/timeouts/udp_stream");
	cr_assert_eq(sysctls[4].origin.line, 2);
	cr_assert_eq(sysctls[4].value, 2147483);
	document_free(document);
}

Test(policy, reads_expect)
{
	struct document *document = accept_text("{\"untrack\": 1, \"expect\": [{\"packet\": \"tcp "
						"198.51.100.7:40000 > 192.0.2.10:80 on "
						"eth0\", \"is\": \"untracked\"}, {\"is\": "
						"\"tracked\", \"packet\": \"icmp 192.0.2.1 > "
						"192.0.2.2\"}]}");
	const struct policy_expect *expects = document->policy->expects.v;

	cr_assert_eq(document->policy->expects.n, 2);
	cr_assert_str_eq(expects[0].packet, "tcp 198.51.100.7:40000 > 192.0.2.10:80 on eth0");
	cr_assert(expects[0].untracked);
	cr_assert_not(expects[1].untracked);
	document_free(document);
}

Test(policy, knows_protocols_with_ports)
{
	cr_assert(protocol_has_ports(IPPROTO_TCP));
	cr_assert(protocol_has_ports(IPPROTO_UDP));
	cr_assert(protocol_has_ports(IPPROTO_UDPLITE));
	cr_assert(protocol_has_ports(IPPROTO_SCTP));
	cr_assert(protocol_has_ports(33));
	cr_assert_not(protocol_has_ports(IPPROTO_ICMP));
	cr_assert_not(protocol_has_ports(IPPROTO_GRE));
	cr_assert_not(protocol_has_ports(0));
}
