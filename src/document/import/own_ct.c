/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CT target. In iptables it attaches a template to the packet, from which connection tracking
 * takes the zone, the helper, the timeouts and the events of a new entry; a packet that has one is
 * left alone by later CT targets. nf_tables does the same for zones. Helpers, timeouts and events
 * it sets on the entry itself (nft_ct.c), so those statements go to a chain right behind tracking,
 * and `ct zone set 0` attaches the empty template that keeps later rules from untracking the
 * packet.
 */
#include "base/cleanup.h"
#include "document/import/own.h"
#include "document/import/timeouts.h"

#include <inttypes.h>
#include <string.h>

static bool put_zone(struct own *own, const struct use *use)
{
	const char *direction = !strcmp(use->option->name, "zone-orig")	   ? "original "
				: !strcmp(use->option->name, "zone-reply") ? "reply "
									   : "";
	uint64_t zone;

	if (!strcmp(use->value[0], "mark")) {
		own_refuse(own, use,
			   "nft takes no mark for a zone; give each mark a rule of its own");
		return false;
	}
	if (!read_number(use->value[0], 65535, &zone)) {
		own_refuse(own, use, "expected a zone, 0 to 65535");
		return false;
	}
	buf_printf(&own->text, "ct %szone set %" PRIu64, direction, zone);
	return true;
}

static bool put_helper(struct own *own, const struct spec *spec, const struct use *use)
{
	autofree char *name = own_name("helper_", use->value[0]);
	const char *protocol = port_word(spec);
	autobuf text = {0}, object = {0};

	if (!protocol || (strcmp(protocol, "tcp") && strcmp(protocol, "udp"))) {
		own_refuse(own, use, "needs -p tcp or -p udp");
		return false;
	}
	if (!*use->value[0] || strlen(use->value[0]) > 15 || strpbrk(use->value[0], "\"\\")) {
		own_refuse(own, use, "expected the name of a helper");
		return false;
	}
	buf_printf(&object, "%s_%s", name ? name : "", protocol);
	buf_printf(&text,
		   "add ct helper %s untrack_raw %s { type \"%s\" protocol %s; l3proto %s; }",
		   ip_word(own->family), buf_text(&object), use->value[0], protocol,
		   ip_word(own->family));
	buf_printf(&own->late, "ct helper set \"%s\" ", buf_text(&object));
	if (!name || text.failed || object.failed) {
		own_refuse(own, use, "out of memory");
		return false;
	}
	return own_define(own, buf_text(&object), buf_text(&text), buf_text(&text), false);
}

static bool put_timeout(struct own *own, const struct spec *spec, const struct use *use)
{
	autofree char *name = own_name("timeout_", use->value[0]), *policy = NULL;
	const char *protocol = port_word(spec);
	autobuf text = {0};

	if (!protocol || (strcmp(protocol, "tcp") && strcmp(protocol, "udp"))) {
		own_refuse(own, use, "nft has timeouts for tcp and udp only: needs -p");
		return false;
	}
	policy = timeout_policy(use->value[0], own->family, (uint8_t)spec->protocol_number);
	if (!policy) {
		own_refuse(own, use,
			   "this host has no such timeout policy for %s (see 'nfct timeout list'), "
			   "so its values are not known",
			   protocol);
		return false;
	}
	buf_printf(&text,
		   "add ct timeout %s untrack_raw %s { protocol %s; l3proto %s; policy = { %s }; }",
		   ip_word(own->family), name ? name : "", protocol, ip_word(own->family), policy);
	buf_printf(&own->late, "ct timeout set \"%s\" ", name ? name : "");
	if (!name || text.failed) {
		own_refuse(own, use, "out of memory");
		return false;
	}
	return own_define(own, name, buf_text(&text), buf_text(&text), true);
}

static bool put_events(struct own *own, const struct use *use)
{
	/* enum ip_conntrack_events, in order */
	static const char *const events[] = {"new",	   "related",	"destroy", "reply",
					     "assured",	   "protoinfo", "helper",  "mark",
					     "natseqinfo", "secmark"};
	autofree char *list = strdup(use->value[0]);
	char *rest = list, *word;
	unsigned mask = 0;

	while (rest && (word = strsep(&rest, ","))) {
		size_t i = 0, n = sizeof(events) / sizeof(events[0]);

		while (i < n && strcmp(word, events[i]))
			i++;
		if (i == n) {
			own_refuse(own, use, "'%s' is not an event", word);
			return false;
		}
		mask |= 1u << i;
	}
	buf_printf(&own->late, "ct event set %u ", mask);
	return true;
}

enum own_answer own_ct(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *notrack = use_find(piece, "notrack");
	unsigned zones = 0;

	if (notrack) {
		if (piece->uses.n > 1)
			return own_refuse(own, notrack, "excludes the other options");
		buf_puts(&own->text, "notrack");
		return OWN_TEXT;
	}
	array_for_each(use, &piece->uses) {
		const char *name = use->option->name;

		if (!strcmp(name, "expevents"))
			return own_refuse(own, use, "nf_tables has no events of expectations");
		if (!strncmp(name, "zone", 4) && (zones++ || !put_zone(own, use)))
			return zones > 1 ? own_refuse(own, use, "expected one zone") : OWN_REFUSED;
		if (!strcmp(name, "helper") && !put_helper(own, spec, use))
			return OWN_REFUSED;
		if (!strcmp(name, "timeout") && !put_timeout(own, spec, use))
			return OWN_REFUSED;
		if (!strcmp(name, "ctevents") && !put_events(own, use))
			return OWN_REFUSED;
	}
	if (!zones)
		buf_puts(&own->text, "ct zone set 0");
	return OWN_TEXT;
}
