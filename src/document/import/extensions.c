/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/extensions.h"

#include "base/text.h"

#include <netinet/in.h>
#include <string.h>

static const struct extension *table_of(bool target, size_t *ret_count)
{
	*ret_count = target ? target_extensions_count : match_extensions_count;
	return target ? target_extensions : match_extensions;
}

const struct extension *extension_find(const char *name, bool target, uint8_t family)
{
	size_t count;
	const struct extension *table = table_of(target, &count);

	for (size_t i = 0; i < count; i++)
		if ((table[i].families & family) && !strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

const char *extension_suggest(const char *name, bool target, uint8_t family)
{
	size_t count;
	const struct extension *table = table_of(target, &count);
	const char *word = text_suggest(name, table, count, sizeof(*table));

	return word && extension_find(word, target, family) ? word : NULL;
}

const char *extension_of_protocol(int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmp6";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_DCCP:
		return "dccp";
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_MH:
		return "mh";
	case IPPROTO_COMP:
		return "ipcomp";
	default:
		return NULL;
	}
}
