/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/protocol.h"

#include "base/text.h"

#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *name;
	uint8_t number;
} known[] = {
	{"tcp", IPPROTO_TCP},	    {"udp", IPPROTO_UDP},   {"udplite", IPPROTO_UDPLITE},
	{"sctp", IPPROTO_SCTP},	    {"dccp", IPPROTO_DCCP}, {"icmp", IPPROTO_ICMP},
	{"icmpv6", IPPROTO_ICMPV6}, {"gre", IPPROTO_GRE},   {"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},
};

/* protocols(5) has "TCP" as an alias; a document is read strictly. */
static bool has_capitals(const char *name)
{
	for (; *name; name++)
		if (isupper((unsigned char)*name))
			return true;
	return false;
}

bool protocol_parse(const char *name, uint8_t *ret_protocol)
{
	struct protoent entry, *found = NULL;
	char buffer[4096];

	for (size_t i = 0; i < COUNT(known); i++) {
		if (!strcmp(known[i].name, name)) {
			*ret_protocol = known[i].number;
			return true;
		}
	}
	if (!*name || has_capitals(name) ||
	    getprotobyname_r(name, &entry, buffer, sizeof(buffer), &found) || !found ||
	    found->p_proto < 0 || found->p_proto > 255)
		return false;
	*ret_protocol = (uint8_t)found->p_proto;
	return true;
}

const char *protocol_name(uint8_t protocol, char out[PROTOCOL_NAME_MAX])
{
	snprintf(out, PROTOCOL_NAME_MAX, "protocol %u", (unsigned)protocol);
	for (size_t i = 0; i < COUNT(known); i++)
		if (known[i].number == protocol)
			snprintf(out, PROTOCOL_NAME_MAX, "%s", known[i].name);
	return out;
}

const char *protocol_suggest(const char *name)
{
	return text_suggest(name, known, COUNT(known), sizeof(*known));
}
